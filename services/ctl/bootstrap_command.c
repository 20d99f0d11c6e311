// Runs on the host with the owner's connection, once: it makes what nobody could make through the
// API before there is somebody. A second run changes nothing and says so.
#include "ctl/command.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "ctl_sql.h"
#include "platform/pg/pg.h"
#include "platform/program/program.h"
#include "platform/secret/secret.h"

static const struct config_row ROWS[] = {
    {.name = "marketplace",
     .type = CONFIG_TEXT,
     .required = true,
     .example = "Data Harbour",
     .help = "name of the marketplace, shown in the portal"},
    {.name = "operator_name",
     .type = CONFIG_TEXT,
     .required = true,
     .example = "Data Harbour GmbH",
     .help = "the company that runs it and issues its invoices"},
    {.name = "operator_country",
     .type = CONFIG_TEXT,
     .required = true,
     .example = "DE",
     .help = "country of that company, two capital letters (ISO 3166-1)"},
    {.name = "operator_vat_id",
     .type = CONFIG_TEXT,
     .example = "DE123456788",
     .help = "its VAT number"},
    {.name = "operator_street",
     .type = CONFIG_TEXT,
     .example = "Speicherstr. 1",
     .help = "street and number on invoices"},
    {.name = "operator_city",
     .type = CONFIG_TEXT,
     .example = "Hamburg",
     .help = "city on invoices"},
    {.name = "operator_postal_code",
     .type = CONFIG_TEXT,
     .example = "20457",
     .help = "postal code on invoices"},
    {.name = "operator_time_zone",
     .type = CONFIG_TEXT,
     .fallback = "UTC",
     .example = "Europe/Berlin",
     .help = "IANA zone whose date invoices carry"},
    {.name = "operator_currency",
     .type = CONFIG_TEXT,
     .fallback = "EUR",
     .example = "EUR",
     .help = "currency of the operator's own account (ISO 4217)"},
    {.name = "tax_percent",
     .type = CONFIG_TEXT,
     .required = true,
     .example = "19",
     .help = "standard VAT rate of that country, in percent"},
    {.name = "owner_email",
     .type = CONFIG_TEXT,
     .required = true,
     .example = "operator@example.com",
     .help = "e-mail address of the operator's first person"},
    {.name = "owner_name",
     .type = CONFIG_TEXT,
     .fallback = "Operator",
     .example = "Ada Ops",
     .help = "name of that person"},
    {.name = "owner_password",
     .type = CONFIG_SECRET,
     .required = true,
     .example = "a long sentence nobody guesses",
     .help = "password to sign in with, 12 characters or more"},
    {.name = "credentials_file",
     .type = CONFIG_PATH,
     .example = "/etc/weir/weirctl.conf",
     .help = "where to write client_id and client_secret for weirctl's own calls; none if not set"},
    {.name = "master_key",
     .type = CONFIG_SECRET,
     .required = true,
     .example = "64 hex digits",
     .help = "the API's key, under which secrets are hashed"},
    CONFIG_ROW_DATABASE,
    CONFIG_ROW_LOG_LEVEL,
};

enum { PASSWORD_MIN = 12 };

struct credentials {
    char id[PRINCIPAL_CHARS + 1];
    char secret[SECRET_TOKEN_CHARS + 1];
    unsigned char hash[SECRET_HASH_BYTES];
};

static enum err_code credentials_make(const struct config *c, struct credentials *ret,
                                      struct err *e) {
    unsigned char key[SECRET_KEY_BYTES];
    enum err_code code =
        secret_key_parse("master_key", config_secret(c, "master_key").value, key, e);
    if (code != ERR_OK) {
        return code;
    }
    secret_principal(ret->id);
    secret_token(ret->secret);
    secret_client_hash(ret->hash, slice_str(ret->id), slice_str(ret->secret), key);
    secret_wipe(key, sizeof key);
    return ERR_OK;
}

// Readable by its owner alone from the first byte on; an old file is not overwritten.
static enum err_code credentials_write(const char *path, const struct credentials *made,
                                       struct err *e) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return err_set(e, ERR_IO, "cannot create %s: %s", path, strerror(errno));
    }
    int n = dprintf(fd,
                    "# Made by weirctl bootstrap: weirctl api, bill, export use it.\n"
                    "client_id = %s\nclient_secret = %s\n",
                    made->id, made->secret);
    bool kept = n > 0 && fsync(fd) == 0;
    return close(fd) == 0 && kept ? ERR_OK : err_set(e, ERR_IO, "cannot write %s", path);
}

static const char *text_or_null(const struct config *c, const char *name) {
    const char *value = config_text(c, name);
    return value != NULL && *value != '\0' ? value : NULL;
}

static void address_render(const struct config *c, struct buf *out) {
    static const struct {
        const char *setting, *member;
    } PARTS[] = {{"operator_street", "street"},
                 {"operator_postal_code", "postal_code"},
                 {"operator_city", "city"}};
    buf_add_char(out, '{');
    for (size_t i = 0, n = 0; i < sizeof PARTS / sizeof *PARTS; i++) {
        const char *value = text_or_null(c, PARTS[i].setting);
        if (value != NULL) {
            buf_printf(out, "%s\"%s\":", n++ == 0 ? "" : ",", PARTS[i].member);
            buf_add_json_string(out, slice_str(value));
        }
    }
    buf_add_char(out, '}');
}

static enum err_code operator_insert(struct pg *pg, const struct config *c, struct pg_rows *ret,
                                     struct err *e) {
    struct buf address;
    buf_init(&address, 16384);
    address_render(c, &address);
    enum err_code code =
        pg_run_one(pg, &ctl_sql_bootstrap_operator,
                   PG_PARAMS(pg_text(config_text(c, "operator_name")),
                             pg_text(config_text(c, "operator_country")),
                             pg_text(text_or_null(c, "operator_vat_id")), pg_text(address.ptr),
                             pg_text(config_text(c, "owner_email")),
                             pg_text(config_text(c, "operator_time_zone")),
                             pg_text(config_text(c, "operator_currency"))),
                   ret, e);
    buf_done(&address);
    return code;
}

static enum err_code people_insert(struct pg *pg, const struct config *c, const char *org,
                                   struct err *e) {
    struct slice password = slice_str(config_secret(c, "owner_password").value);
    if (password.len < PASSWORD_MIN) {
        return err_field(e, ERR_CONFIG, "owner_password", "needs %d characters or more",
                         PASSWORD_MIN);
    }
    char hash[SECRET_PASSWORD_HASH_MAX];
    PG_ROWS_AUTO struct pg_rows person = {0};
    enum err_code code = secret_password_hash(password, hash, e);
    if (code == ERR_OK) {
        code = pg_run_one(pg, &ctl_sql_bootstrap_person,
                          PG_PARAMS(pg_text(config_text(c, "owner_email")),
                                    pg_text(config_text(c, "owner_name")), pg_text(hash)),
                          &person, e);
    }
    if (code == ERR_OK) {
        code = pg_run(pg, &ctl_sql_bootstrap_membership,
                      PG_PARAMS(pg_text(pg_rows_text(&person, 0, 0)), pg_text(org)), NULL, e);
    }
    return code;
}

static enum err_code application_insert(struct pg *pg, const char *org,
                                        const struct credentials *made, struct err *e) {
    PG_ROWS_AUTO struct pg_rows application = {0};
    enum err_code code =
        pg_run_one(pg, &ctl_sql_bootstrap_application,
                   PG_PARAMS(pg_text(org), pg_text("weirctl"), pg_text(made->id)), &application, e);
    if (code != ERR_OK) {
        return code;
    }
    return pg_run(pg, &ctl_sql_bootstrap_secret,
                  PG_PARAMS(pg_text(pg_rows_text(&application, 0, 0)), pg_text(org),
                            pg_bytea(made->hash, sizeof made->hash)),
                  NULL, e);
}

static enum err_code marketplace_insert(struct pg *pg, const struct config *c,
                                        const struct credentials *made, struct err *e) {
    const char *name = config_text(c, "marketplace");
    PG_ROWS_AUTO struct pg_rows operator_org = {0};
    enum err_code code =
        pg_run(pg, &ctl_sql_bootstrap_marketplace, PG_PARAMS(pg_text(name)), NULL, e);
    if (code == ERR_OK) {
        code = operator_insert(pg, c, &operator_org, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    const char *org = pg_rows_text(&operator_org, 0, 0);
    if ((code = people_insert(pg, c, org, e)) != ERR_OK ||
        (code = application_insert(pg, org, made, e)) != ERR_OK ||
        (code = pg_run(pg, &ctl_sql_bootstrap_entity, PG_PARAMS(pg_text(org)), NULL, e)) !=
            ERR_OK ||
        (code = pg_run(pg, &ctl_sql_bootstrap_tax_rate,
                       PG_PARAMS(pg_text(config_text(c, "operator_country")),
                                 pg_text(config_text(c, "tax_percent"))),
                       NULL, e)) != ERR_OK) {
        return code;
    }
    return pg_run(pg, &ctl_sql_bootstrap_audit, PG_PARAMS(pg_text(org), pg_text(name)), NULL, e);
}

// The file is written before the commit: credentials that exist but nobody has would be worse than
// a file too many.
static enum err_code bootstrap_in(struct pg *pg, const struct config *c, bool *ret_made,
                                  struct err *e) {
    PG_ROWS_AUTO struct pg_rows existing = {0};
    enum err_code code = pg_run(pg, &ctl_sql_bootstrap_exists, PG_NO_PARAMS, &existing, e);
    if (code != ERR_OK || pg_rows_count(&existing) > 0) {
        return code;
    }
    struct credentials made;
    const char *path = text_or_null(c, "credentials_file");
    code = credentials_make(c, &made, e);
    if (code == ERR_OK) {
        code = marketplace_insert(pg, c, &made, e);
    }
    if (code == ERR_OK && path != NULL) {
        code = credentials_write(path, &made, e);
    }
    secret_wipe(&made, sizeof made);
    if (code == ERR_OK) {
        code = pg_commit(pg, e);
        *ret_made = code == ERR_OK;
        if (code != ERR_OK && path != NULL) {
            (void)unlink(path);
        }
    }
    return code;
}

static enum err_code bootstrap_run(const struct config *c, struct err *e) {
    secret_init();
    struct pg *pg = NULL;
    const struct pg_options options = {.conninfo = config_secret(c, "database_url"),
                                       .application_name = "weirctl bootstrap"};
    bool made = false;
    enum err_code code = pg_open(&options, &pg, e);
    if (code == ERR_OK) {
        code = pg_begin(pg, PG_SERIALIZABLE, e);
    }
    if (code == ERR_OK) {
        code = bootstrap_in(pg, c, &made, e);
        pg_rollback(pg);
    }
    pg_close(pg);
    if (code == ERR_OK) {
        (void)printf(made ? "marketplace \"%s\" made; sign in as %s\n"
                          : "the marketplace exists already; nothing changed\n",
                     config_text(c, "marketplace"), config_text(c, "owner_email"));
    }
    return code;
}

static const struct program PROGRAM = {
    .config = {.name = "weirctl bootstrap",
               .summary = "Makes the marketplace, its operator, the issuing company and the "
                          "first credentials.",
               .rows = ROWS,
               .rows_count = sizeof ROWS / sizeof *ROWS},
    .run = bootstrap_run,
    .command = true,
};

static int run(int argc, char **argv) {
    return program_main(&PROGRAM, argc, argv);
}

const struct command bootstrap_command = {
    "bootstrap", "make the marketplace, its operator and the first credentials", run};
