// Why a line is a dead letter. The names are stable: they are stored and shown.
#ifndef WEIR_CORE_BROKERLOG_LINE_FAULT_H
#define WEIR_CORE_BROKERLOG_LINE_FAULT_H

#include <stdbool.h>

#include "base/slice.h"

enum line_fault {
    LINE_FAULT_NONE = 0,
    LINE_FAULT_BAD_PREFIX,     // no time, level or marker where they belong
    LINE_FAULT_MALFORMED_JSON, // not JSON, or a value of the wrong kind
    LINE_FAULT_TORN,           // the front part of a line that was never finished
    LINE_FAULT_TOO_LONG,
    LINE_FAULT_MISSING_FIELD,
    LINE_FAULT_BAD_VALUE, // a field outside its range, e.g. a negative size
    LINE_FAULT_TIME_OFF,  // time far from the carrier's; the caller's judgement, never set here
    LINE_FAULT_COUNT,
};
// "malformed_json", …; "none" for 0.
const char *line_fault_name(enum line_fault fault);
// False if no fault has this name.
bool line_fault_parse(struct slice name, enum line_fault *ret);

#endif
