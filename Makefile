# Weir: one build of one Makefile. `make help` lists the targets.
#
# Layers call downward only: programs -> platform, core -> base. Each folder of services/shared is a
# static library; each program folder is a library too (all but main.c), so that tests can link it.

BUILD   ?= build
ifeq ($(origin CC),default)
CC      := gcc
endif
AR      ?= ar
CSTD    := -std=gnu17
OPT     ?= -O2 -g
SAN     ?=
SAN_LINK ?=
WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 \
           -Wundef -Wpointer-arith -Wwrite-strings -Wimplicit-fallthrough -Wnull-dereference
VERSION := $(shell cat VERSION)

PACKAGES := rdkafka libpq libh2o-evloop jansson libjwt libsodium libzstd libcurl libssl libcrypto
# System headers are included as such, so that warnings are ours only.
PKG_CFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PACKAGES) 2>/dev/null))
PKG_LIBS   := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lgmp -lz -lpthread -lm

CPPFLAGS := -D_GNU_SOURCE -DH2O_USE_LIBUV=0 -DWEIR_VERSION='"$(VERSION)"' -D_FORTIFY_SOURCE=2 \
            -Iservices/shared -Iservices -I$(BUILD)/gen $(PKG_CFLAGS)
CFLAGS   := $(CSTD) $(OPT) $(WARN) -fstack-protector-strong -fPIE $(SAN)
LDFLAGS  := -pie -Wl,-z,relro,-z,now $(SAN) $(SAN_LINK)
ifneq ($(SAN),)
CPPFLAGS := $(filter-out -D_FORTIFY_SOURCE=2,$(CPPFLAGS))
endif

LAYERS   := base core platform
PROGRAMS := api tap meter biller access ctl
bin_of    = $(BUILD)/bin/$(if $(filter ctl,$1),weirctl,weir-$1)
BINS     := $(foreach p,$(PROGRAMS),$(if $(wildcard services/$p/main.c),$(call bin_of,$p)))

sources_in = $(sort $(shell find $1 -name '*.c' 2>/dev/null))
sql_in     = $(sort $(shell find $1 -name '*.sql' 2>/dev/null))
objects_of = $(patsubst %.c,$(BUILD)/obj/%.o,$1)

SHARED_LIBS := $(foreach l,platform core base,$(BUILD)/lib/lib$l.a)

# V=1 shows whole commands.
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-4s %s\n' $1 $2)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all help clean
all: $(BINS) ## build every program into build/bin

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

# --- libraries -------------------------------------------------------------------------------------
define layer_rules
$(BUILD)/lib/lib$1.a: $(call objects_of,$(call sources_in,services/shared/$1))
	$$(call say,AR,$$@)
	@mkdir -p $$(@D); rm -f $$@; $(AR) rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rules,$l)))

EXTRA_GEN_ctl := $(BUILD)/gen/migrations.h

# A program: its library, its SQL statements (services/X/**/*.sql) as a C table, its binary.
define program_rules
SRC_$1 := $(filter-out services/$1/main.c,$(call sources_in,services/$1))
SQL_$1 := $(call sql_in,services/$1)
GEN_$1 := $(if $(call sql_in,services/$1),$(BUILD)/gen/$1_sql)

$(BUILD)/lib/lib$1.a: $$(call objects_of,$$(SRC_$1)) $$(if $$(GEN_$1),$$(GEN_$1).o)
	$$(call say,AR,$$@)
	@mkdir -p $$(@D); rm -f $$@; $(AR) rcs $$@ $$^

$(BUILD)/gen/$1_sql.c $(BUILD)/gen/$1_sql.h &: $$(SQL_$1) services/shared/platform/pg/embed_sql.awk
	@mkdir -p $$(@D)
	$(Q)awk -v program=$1 -v kind=h -f services/shared/platform/pg/embed_sql.awk $$(SQL_$1) >$(BUILD)/gen/$1_sql.h
	$(Q)awk -v program=$1 -v kind=c -f services/shared/platform/pg/embed_sql.awk $$(SQL_$1) >$(BUILD)/gen/$1_sql.c

$$(call objects_of,$$(SRC_$1) services/$1/main.c): | $$(if $$(GEN_$1),$$(GEN_$1).h) $$(EXTRA_GEN_$1)

$(call bin_of,$1): $(BUILD)/obj/services/$1/main.o $(BUILD)/lib/lib$1.a $(SHARED_LIBS)
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$(Q)$(CC) $(LDFLAGS) -o $$@ $$^ $(PKG_LIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rules,$p)))

# weirctl carries the migrations, so that one file is enough to set a database up.
$(BUILD)/gen/migrations.h: $(sort $(wildcard migrations/[0-9]*.sql)) services/shared/platform/pg/embed_files.awk
	@mkdir -p $(@D)
	$(Q)awk -f services/shared/platform/pg/embed_files.awk $(filter %.sql,$^) >$@

# The OpenAPI document, joined from its files; the folders are listed too, so that a file taken away counts.
OPENAPI_FILES := api/openapi/root.json $(filter-out api/openapi/root.json,$(sort $(shell find api/openapi -name '*.json')))
$(BUILD)/gen/openapi_join: $(BUILD)/obj/api/openapi_join.o
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -ljansson
$(BUILD)/gen/openapi.json: $(BUILD)/gen/openapi_join $(OPENAPI_FILES) $(shell find api/openapi -type d)
	$(Q)$< $(OPENAPI_FILES) >$@

# weir-api carries it (.incbin, which the compiler doesn't list as a dependency).
$(BUILD)/obj/services/api/site/openapi.o: $(BUILD)/gen/openapi.json

$(BUILD)/obj/%.o: %.c Makefile VERSION
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/gen/%.o: $(BUILD)/gen/%.c
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# --- the portal: static files and its few libraries from npm, no bundler ---------------------------
.PHONY: portal
portal: $(BUILD)/portal/.made ## assemble the web portal in build/portal
$(BUILD)/portal/node_modules/.made: services/portal/package.json services/portal/package-lock.json
	@mkdir -p $(@D)
	cp $^ $(BUILD)/portal/
	cd $(BUILD)/portal && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
$(BUILD)/portal/.made: $(BUILD)/portal/node_modules/.made $(sort $(shell find services/portal -name '*.js' -o -name '*.html' -o -name '*.css' -o -name '*.svg'))
	@mkdir -p $(BUILD)/portal/www
	cp -R services/portal/*.js services/portal/*.html services/portal/*.css services/portal/*.svg services/portal/parts services/portal/pages $(BUILD)/portal/www/
	@mkdir -p $(BUILD)/portal/www/vendor
	cp $(BUILD)/portal/node_modules/htm/preact/standalone.module.js $(BUILD)/portal/www/vendor/preact.js
	@touch $@

clean: ## remove what was built
	rm -rf $(BUILD)

include tests/tests.mk
include deploy/local/local.mk
