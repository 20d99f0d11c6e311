// weir-tap's settings: one table, from which --help and the documentation come.
#ifndef WEIR_TAP_SETTINGS_H
#define WEIR_TAP_SETTINGS_H

#include "platform/kafka/kafka.h"
#include "platform/program/config.h"
#include "tap/tap.h"

extern const struct config_program settings_program;

enum { SETTINGS_TEXT_MAX = 4096 };

// What the table says, as the tap takes it. Borrows from the config; `topic` and `state_path` are
// made here.
struct settings {
    struct kafka_settings kafka;
    struct tap_options tap;
    const char *metrics_listen;
    char topic[SETTINGS_TEXT_MAX];
    char state_path[SETTINGS_TEXT_MAX];
};

ERR_MUST_CHECK enum err_code settings_read(const struct config *c, struct settings *ret,
                                           struct err *e);

#endif
