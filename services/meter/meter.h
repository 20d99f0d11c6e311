// The meter's loop: read, fold, commit. One thread; the metrics server reads flags only.
#ifndef WEIR_METER_METER_H
#define WEIR_METER_METER_H

#include "base/err.h"
#include "platform/program/config.h"

// Runs until the program should stop.
ERR_MUST_CHECK enum err_code meter_run(const struct config *config, struct err *e);

#endif
