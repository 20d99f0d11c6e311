// Settings: one table of rows per program, from which parsing, --help and the documentation come.
// Sources, later ones win: the row's fallback, the file of --config, the environment
// (WEIR_<NAME>; an empty one counts as not set), the command line (--name value or --name=value,
// dashes for underscores). --config itself may be WEIR_CONFIG. A file has lines "name = value" and
// comments that begin with #. A secret is never taken from the command line; all three take
// <name>_file, the path of a file that holds it.
#ifndef WEIR_PLATFORM_PROGRAM_CONFIG_H
#define WEIR_PLATFORM_PROGRAM_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum config_type {
    CONFIG_TEXT,
    CONFIG_INT,      // min..max
    CONFIG_BOOL,     // true|false, yes|no, on|off, 1|0; as a flag alone it is true
    CONFIG_DURATION, // "250ms", "5s", "10m", "24h", "7d"; min..max in milliseconds
    CONFIG_BYTES,    // "4096", "64KiB", "16MiB", "1GiB"; min..max in bytes
    CONFIG_CHOICE,   // one of `choices`, in any case; read back as in `choices`
    CONFIG_PATH,
    CONFIG_LIST, // separated by commas; empty items are refused
    CONFIG_SECRET,
};

enum {
    CONFIG_VALUE_MAX = 4096, // bytes of one value
    CONFIG_FILE_MAX = 65536, // bytes of one file of settings
    CONFIG_ROWS_MAX = 64,    // rows of a table
    CONFIG_ITEMS_MAX = 64,   // items of a list
    CONFIG_ARGS_MAX = 256,   // arguments that are not settings
};

struct config_row {
    const char *name; // lower case with underscores: port, WEIR_PORT, --port
    enum config_type type;
    bool required;
    bool flag_only;             // only on the command line: --format, --follow
    int64_t min;                // CONFIG_INT, CONFIG_DURATION (ms), CONFIG_BYTES; both 0: no range
    int64_t max;                //
    const char *const *choices; // NULL-terminated, for CONFIG_CHOICE
    bool (*fits)(const char *text); // CONFIG_TEXT: whether it has the form; NULL: any text
    const char *form;               // and what that is, in words: "an address and a port"
    const char *fallback;           // as it would be written; NULL: none
    const char *example;            // shown in help and in errors; of a secret an invented one
    const char *help;               // one sentence, with the unit
};

struct config_program {
    const char *name;    // "weir-meter", "weirctl recount"
    const char *summary; // one sentence for --help
    const char *args;    // what may follow the options, e.g. "FILE..."; NULL: nothing
    size_t args_min;
    size_t args_max; // at most CONFIG_ARGS_MAX
    const struct config_row *rows;
    size_t rows_count; // at most CONFIG_ROWS_MAX
};

// Wrapped, so that it can't be handed to a log or a format by mistake. `value` is NULL if not set.
struct secret_text {
    const char *value;
};

struct config;

enum config_action { CONFIG_RUN, CONFIG_HELP, CONFIG_VERSION, CONFIG_HELP_MARKDOWN };

// Reads all sources. argv[0] is skipped; envp as of main (NULL: none). On CONFIG_RUN every row is
// checked and *ret owned by the caller; on the others *ret is NULL. ERR_CONFIG names the setting
// in e->field and gives an example. `p` must outlive the result.
ERR_MUST_CHECK enum err_code config_load(const struct config_program *p, int argc,
                                         char *const argv[], char *const envp[],
                                         enum config_action *ret_action, struct config **ret,
                                         struct err *e);
// Wipes secrets.
void config_free(struct config *c);

// Values by name. A name not in the table, or of another type, is a bug (check). Strings are
// borrowed until config_free.
bool config_is_set(const struct config *c, const char *name);      // from fallback or a source
const char *config_text(const struct config *c, const char *name); // also PATH, CHOICE; NULL: unset
int64_t config_int(const struct config *c, const char *name);      // 0 if unset
bool config_bool(const struct config *c, const char *name);        // false if unset
int64_t config_duration_ms(const struct config *c, const char *name);
int64_t config_bytes(const struct config *c, const char *name);
struct secret_text config_secret(const struct config *c, const char *name);
// NULL-terminated; *ret_count may be NULL.
const char *const *config_list(const struct config *c, const char *name, size_t *ret_count);
// Arguments that are not settings, in order, NULL-terminated; ret_count may be NULL.
const char *const *config_args(const struct config *c, size_t *ret_count);

// Writes the help, the version line or the table of settings for the documentation to `file`
// descriptor (1 for --help).
void config_print(const struct config_program *p, enum config_action action, int fd);
// "weir-x: port: must be 1..65535 but is 0 (example: port = 8080)" on stderr.
void config_print_error(const struct config_program *p, const struct err *e);

// Rows that several programs share: use them inside the table of a program.
#define CONFIG_ROW_DATABASE                                                                        \
    {                                                                                              \
        .name = "database_url", .type = CONFIG_SECRET, .required = true,                           \
        .example = "postgresql://weir_api@127.0.0.1:5432/weir",                                    \
        .help = "libpq connection string of the database (may hold a password)"                    \
    }
#define CONFIG_ROW_LOG_LEVEL                                                                       \
    {                                                                                              \
        .name = "log_level", .type = CONFIG_CHOICE, .choices = config_log_levels,                  \
        .fallback = "info", .example = "debug",                                                    \
        .help = "least level of the events written to standard error"                              \
    }
#define CONFIG_ROWS_KAFKA                                                                          \
    {.name = "kafka_bootstrap",                                                                    \
     .type = CONFIG_TEXT,                                                                          \
     .required = true,                                                                             \
     .example = "127.0.0.1:9092",                                                                  \
     .help = "brokers to begin with, as host:port separated by commas"},                           \
        {.name = "kafka_security_protocol",                                                        \
         .type = CONFIG_CHOICE,                                                                    \
         .choices = config_kafka_protocols,                                                        \
         .fallback = "SASL_PLAINTEXT",                                                             \
         .example = "SASL_SSL",                                                                    \
         .help = "how the brokers' listener is spoken to"},                                        \
        {.name = "kafka_sasl_mechanism",                                                           \
         .type = CONFIG_CHOICE,                                                                    \
         .choices = config_kafka_mechanisms,                                                       \
         .fallback = "PLAIN",                                                                      \
         .example = "SCRAM-SHA-512",                                                               \
         .help = "SASL mechanism, with a SASL_ protocol"},                                         \
        {.name = "kafka_user",                                                                     \
         .type = CONFIG_TEXT,                                                                      \
         .example = "weir-meter",                                                                  \
         .help = "user name for SASL"},                                                            \
        {.name = "kafka_password",                                                                 \
         .type = CONFIG_SECRET,                                                                    \
         .example = "from-a-file",                                                                 \
         .help = "password for SASL"},                                                             \
    {                                                                                              \
        .name = "kafka_ca", .type = CONFIG_PATH, .example = "/etc/weir/ca.pem",                    \
        .help = "certificates to trust, with an SSL protocol; the system's if not set"             \
    }

extern const char *const config_log_levels[];
extern const char *const config_kafka_protocols[];
extern const char *const config_kafka_mechanisms[];

#endif
