# Tests and checks. One cmocka program per module: tests/unit mirrors services (without shared/), and
# tests/unit/<folder>/…/<module>_test.c links the layers and, where <folder> is a program, its library.

UNIT_SOURCES := $(filter %_test.c,$(call sources_in,tests/unit))
UNIT_BINS    := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_SOURCES))

.PHONY: test-unit test-db asan format lint fuzz test-fuzz
.SECONDEXPANSION:
# What the tests of a folder share stands beside or above them, in a .c without _test.
unit_dirs    = $(if $(filter-out ./,$(dir $1)),$(dir $1) $(call unit_dirs,$(patsubst %/,%,$(dir $1))))
unit_support = $(filter-out %_test.c,$(wildcard $(patsubst %,tests/unit/%*.c,$(call unit_dirs,$1))))
$(BUILD)/obj/tests/unit/%.o: CPPFLAGS += -Itests/unit
unit_program = $(filter $(firstword $(subst /, ,$1)),$(PROGRAMS))
unit_library = $(addprefix $(BUILD)/lib/lib,$(addsuffix .a,$(unit_program)))

$(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $$(call objects_of,$$(call unit_support,$$*)) $$(call unit_library,$$*) $(SHARED_LIBS)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lcmocka

# Tests of a program may include its table of statements.
define unit_needs
$(call objects_of,$(call sources_in,tests/unit/$1)): | $(GEN_$1).h
endef
$(foreach p,$(PROGRAMS),$(if $(GEN_$p),$(if $(call sources_in,tests/unit/$p),$(eval $(call unit_needs,$p)))))

test-unit: $(UNIT_BINS) ## unit tests (cmocka), no server needed
	@tests/run_units.sh $(BUILD)/unit $(UNIT_BINS)

# Those of the unit tests that talk to PostgreSQL, with a private one.
DB_TESTS := $(BUILD)/unit/platform/pg/pg_test
test-db: $(DB_TESTS) sql-check ## tests that need nothing but a PostgreSQL, on a private one
	@tests/with_postgres.sh tests/run_units.sh $(BUILD)/unit $(DB_TESTS)

# --- lint ------------------------------------------------------------------------------------------
# Every statement of every program on a freshly migrated database; the schema against its golden file.
SQL_TABLES := $(foreach p,$(PROGRAMS),$(if $(GEN_$p),$(GEN_$p).o))
$(BUILD)/obj/tests/lint/sql_check.o: | $(BUILD)/gen/migrations.h
$(BUILD)/lint/sql_check $(BUILD)/lint/privileges_check: $(BUILD)/lint/%: $(BUILD)/obj/tests/lint/%.o $(SQL_TABLES) $(SHARED_LIBS)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

.PHONY: sql-check schema-update layers dependencies runners tidy cppcheck format-check
sql-check: $(BUILD)/lint/sql_check $(BUILD)/lint/privileges_check
	@tests/lint/embed_sql_test.sh
	@tests/with_postgres.sh sh -c '$< && tests/lint/schema.sh && tests/lint/privileges.sh $(word 2,$^)'

schema-update: $(BUILD)/lint/sql_check $(BUILD)/lint/privileges_check ## write migrations/schema.expected and tests/lint/privileges.expected anew
	@tests/with_postgres.sh sh -c '$< && tests/lint/schema.sh update && tests/lint/privileges.sh $(word 2,$^) update'

layers: all
	@CC=$(CC) tests/lint/layers_test.sh
	@tests/lint/layers.sh
	@tests/lint/named_tests.sh
	@tests/lint/circles.sh $(BUILD)/obj/services $(call objects_of,$(call sources_in,services))

dependencies: all
	@BUILD=$(BUILD) tests/lint/dependencies.sh

# The document itself is checked whenever it is joined.
.PHONY: openapi-check
openapi-check: $(BUILD)/gen/openapi_join $(BUILD)/gen/openapi.json
	@tests/lint/openapi_join_test.sh $<

runners:
	@tests/lint/runners_test.sh

# clang-tidy looks again only at what was compiled again.
TIDY_FILES := $(filter-out tests/unit/% tests/sanitizers/%,$(call sources_in,services api tests))
TIDY_FLAGS := $(CSTD) $(filter-out -D_FORTIFY_SOURCE=2,$(CPPFLAGS)) -Itests/unit
$(BUILD)/tidy/%.ok: $(BUILD)/obj/%.o .clang-tidy
	@mkdir -p $(@D)
	$(call say,TIDY,$*.c)
	@clang-tidy --quiet $*.c -- $(TIDY_FLAGS) 2>$@.log || { grep -v ' warnings\? ' $@.log; exit 1; }
	@touch $@
tidy: $(TIDY_FILES:%.c=$(BUILD)/tidy/%.ok)

# memleak: it loses sight of memory that a struct takes over; make asan sees leaks truly.
# comparePointers: the embedded openapi.json lies between two symbols of the assembler.
CPPCHECK_FLAGS := --quiet --error-exitcode=1 --enable=warning,performance --std=c11 --library=posix \
                  --suppress=unknownMacro --suppress=memleak \
                  --suppress=comparePointers:services/api/site/openapi.c
cppcheck:
	@mkdir -p $(BUILD)/cppcheck
	@cppcheck $(CPPCHECK_FLAGS) \
	  --cppcheck-build-dir=$(BUILD)/cppcheck -j 2 -D_GNU_SOURCE -D__GNUC__=12 -DWEIR_VERSION='""' \
	  -Iservices/shared -Iservices -I$(BUILD)/gen $(call sources_in,services api)
	@echo "cppcheck: ok"

format-check:
	@clang-format --dry-run --Werror $(C_FILES) && echo "format: ok"

lint: ## clang-format, clang-tidy, cppcheck, layers, dependencies, OpenAPI, SQL and schema
	@$(MAKE) --no-print-directory format-check layers dependencies runners openapi-check settings-check
	@$(MAKE) --no-print-directory cppcheck
	@$(MAKE) --no-print-directory sql-check
	+@$(MAKE) --no-print-directory -k -j2 tidy
	@echo "lint: ok"

.PHONY: settings-doc settings-check
settings-doc: all ## write deploy/settings.md from the programs' own tables
	@tests/lint/settings_doc.sh write
settings-check: all
	@tests/lint/settings_doc.sh check

SANITIZED := OPT="-O1 -g" SAN="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
asan: ## unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	+$(MAKE) BUILD=$(BUILD)/asan $(SANITIZED) test-unit

# The programs apart from those of `make asan`: linked with what tells them where to report. gcc's sanitizers
# are linked in, for as shared libraries UBSan's reports go to standard error whatever it is told.
ASAN_STACK   := $(BUILD)/asan-stack
ASAN_DEFAULTS := $(ASAN_STACK)/obj/tests/sanitizers/default_options.o
ASAN_LINK    := $(if $(findstring clang,$(CC)),,-static-libasan -static-libubsan) $(ASAN_DEFAULTS)
$(BUILD)/obj/tests/sanitizers/%.o: CPPFLAGS += -DSANITIZER_REPORTS='"$(abspath $(BUILD)/reports)"'
$(BUILD)/bin/faulty: $(BUILD)/obj/tests/sanitizers/faulty.o
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^
.PHONY: asan-stack
asan-stack: portal browser ## tests on real servers with programs built for both sanitizers (about half an hour)
	@deploy/local/install.sh
	@rm -rf $(ASAN_STACK)/bin # linked anew with what the options are now
	+$(MAKE) BUILD=$(ASAN_STACK) $(SANITIZED) $(ASAN_DEFAULTS)
	+$(MAKE) BUILD=$(ASAN_STACK) $(SANITIZED) SAN_LINK="$(ASAN_LINK)" all $(ASAN_STACK)/bin/faulty
	@rm -rf $(ASAN_STACK)/reports && mkdir -p $(ASAN_STACK)/reports && chmod 1777 $(ASAN_STACK)/reports
	@for fault in overflow use_after_free leak; do \
	  $(ASAN_STACK)/bin/faulty $$fault; \
	  [ -n "$$(ls -A $(ASAN_STACK)/reports)" ] || { echo "asan-stack: $$fault would not be reported"; exit 1; }; \
	  rm -f $(ASAN_STACK)/reports/*; done
	@WEIR_BIN=$(abspath $(ASAN_STACK)/bin) WEIR_SANITIZED=1 $(BUILD)/venv/bin/python -m pytest $(or $(TESTS),tests/stack); tests=$$?; \
	  if [ -n "$$(ls -A $(ASAN_STACK)/reports)" ]; then cat $(ASAN_STACK)/reports/*; exit 1; fi; \
	  echo "sanitizers: clean"; exit $$tests

# --- everything --------------------------------------------------------------------------------
# Parts in the order they run; each runs alone too, and counts its tests in its last lines. Another
# makefile adds its own with TEST_PARTS +=.
TEST_PARTS = test-unit test-db test-fuzz lint test-stack test-story test-fault

.PHONY: test test-stack
# Installing may bring what the top of the Makefile looks for, hence the make inside run_parts.sh.
test: ## everything: unit, database, fuzz corpora, lint, real servers, story, faults; one summary at the end
	@deploy/local/install.sh dev
	@tests/run_parts.sh $(TEST_PARTS)

.PHONY: ci check-bare
ci: TEST_PARTS += check-bare
ci: test ## what CI runs: make test and make check-bare, with one summary

check-bare: ## demo-check from a clean clone of HEAD on a bare Debian 12, as root and as a user (needs root)
	@tests/bare/check_bare.sh

test-stack: all portal browser ## tests on real PostgreSQL and Kafka (pytest)
	@deploy/local/install.sh
	@$(BUILD)/venv/bin/python -m pytest $(or $(TESTS),tests/stack tests/golden)

# Parts of test-stack, alone: what attackers tried, and what stops them (SECURITY.md).
ATTACKS := $(wildcard tests/stack/attack_*_test.py) $(patsubst %,tests/stack/%_test.py,hostile cursor tenancy topics audit share_groups)
.PHONY: attack
attack: all portal browser ## attacks on a fresh stack, in minutes
	@deploy/local/install.sh
	@$(BUILD)/venv/bin/python -m pytest $(ATTACKS)

.PHONY: test-story test-fault
test-story: all portal browser ## the story on a private stack, and what it leaves to ask (pytest)
	@deploy/local/install.sh
	@$(BUILD)/venv/bin/python -m pytest -s tests/story

test-fault: all portal ## kill -9 of each part in the middle of the traffic, and a small storm (pytest)
	@deploy/local/install.sh
	@$(BUILD)/venv/bin/python -m pytest -s tests/fault tests/storm

KILLS ?= 500
.PHONY: storm
storm: all ## everything is killed KILLS times in the order of SEED, under real clients: no byte off
	@deploy/local/install.sh
	@$(BUILD)/venv/bin/python tests/storm/storm.py --kills $(KILLS) $(if $(SEED),--seed $(SEED))

C_FILES := $(shell git ls-files -co --exclude-standard -- '*.c' '*.h' 2>/dev/null)

format: ## write the house style into every C file
	clang-format -i $(C_FILES)

# --- fuzzing: tests/fuzz/<name>_fuzz.c with seeds in tests/fuzz/corpus/<name>/ ---------------------
FUZZ_NAMES := $(patsubst tests/fuzz/%_fuzz.c,%,$(sort $(wildcard tests/fuzz/*_fuzz.c)))
FUZZ_SECONDS ?= 30

# What is of a program comes from the program's library.
FUZZ_LIBRARY_acl_wire := $(BUILD)/lib/libaccess.a
FUZZ_LIBRARY_follow := $(BUILD)/obj/tests/unit/tap/log_folder.o $(BUILD)/lib/libtap.a
$(BUILD)/obj/tests/fuzz/follow_fuzz.o: CPPFLAGS += -Itests/unit
FUZZ_LIBRARY_counter_page := $(BUILD)/lib/libtap.a

# Replay of every seed through the same function, with the ordinary compiler.
$(BUILD)/fuzz-replay/%: $(BUILD)/obj/tests/fuzz/%_fuzz.o $(BUILD)/obj/tests/fuzz/replay.o $$(FUZZ_LIBRARY_$$*) $(SHARED_LIBS)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

test-fuzz: $(FUZZ_NAMES:%=$(BUILD)/fuzz-replay/%) ## replay the fuzz corpora
	@for n in $(FUZZ_NAMES); do $(BUILD)/fuzz-replay/$$n tests/fuzz/corpus/$$n || exit 1; done

FUZZ_SAN := -fsanitize=fuzzer-no-link,address,undefined
fuzz: ## fuzz each parser for FUZZ_SECONDS (clang, libFuzzer)
	+$(MAKE) BUILD=$(BUILD)/fuzz CC=clang OPT="-O1 -g" SAN="$(FUZZ_SAN)" fuzz-binaries
	@for n in $(FUZZ_NAMES); do mkdir -p $(BUILD)/fuzz/new/$$n; \
	  $(BUILD)/fuzz/fuzz-bin/$$n -max_total_time=$(FUZZ_SECONDS) -timeout=10 -print_final_stats=1 \
	    $(BUILD)/fuzz/new/$$n tests/fuzz/corpus/$$n || exit 1; done

.PHONY: fuzz-binaries
fuzz-binaries: $(FUZZ_NAMES:%=$(BUILD)/fuzz-bin/%)
$(BUILD)/fuzz-bin/%: $(BUILD)/obj/tests/fuzz/%_fuzz.o $$(FUZZ_LIBRARY_$$*) $(SHARED_LIBS)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -fsanitize=fuzzer,address,undefined -pie -o $@ $^ $(PKG_LIBS)

# --- the portal in a real browser ------------------------------------------------------------------
.PHONY: browser
browser: $(BUILD)/browser/node_modules/.made ## install what drives Chromium
$(BUILD)/browser/node_modules/.made: tests/browser/package.json tests/browser/package-lock.json
	@mkdir -p $(@D)
	cp $^ $(BUILD)/browser/
	cd $(BUILD)/browser && npm ci --engine-strict --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# --- benchmarks: each prints its figures beside a limit or a peer of the same run --------------------
# Each alone too; their output stays in build/bench/<name>.log.
BENCHES := bench-recount bench-meter bench-api
.PHONY: bench $(BENCHES)
bench: ## all benchmarks; ends with every ratio and its goal
	@deploy/local/install.sh bench
	@tests/run_benches.sh $(BENCHES)

# The peer may use what this machine has; Weir is built for every x86-64.
$(BUILD)/bench/simdjson_pass: tests/bench/simdjson_pass.cc
	@deploy/local/install.sh bench
	@mkdir -p $(@D)
	$(call say,CXX,$<)
	$(Q)g++ -std=c++17 -O3 -march=native -o $@ $< -lsimdjson

$(BUILD)/bench/bare_consumer: tests/bench/bare_consumer.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CSTD) -O2 $(WARN) $(PKG_CFLAGS) -o $@ $< -lrdkafka -lzstd

BENCH_PYTHON = WEIR_BUILD=$(abspath $(BUILD)) $(BUILD)/venv/bin/python

bench-recount: all $(BUILD)/bench/simdjson_pass ## recount beside simdjson and wc -l
	@$(BENCH_PYTHON) tests/bench/bench_recount.py

bench-meter: all $(BUILD)/bench/bare_consumer ## weir-meter beside a bare librdkafka consumer
	@deploy/local/install.sh bench
	@$(BENCH_PYTHON) tests/bench/bench_meter.py

bench-api: all portal ## API reads beside pgbench
	@deploy/local/install.sh bench
	@$(BENCH_PYTHON) tests/bench/bench_api.py
