#include "core/brokerlog/line_fault.h"

static const char *const FAULT_NAMES[LINE_FAULT_COUNT] = {
    "none",     "bad_prefix",    "malformed_json", "torn",
    "too_long", "missing_field", "bad_value",      "time_off",
};

const char *line_fault_name(enum line_fault fault) {
    return fault < LINE_FAULT_COUNT ? FAULT_NAMES[fault] : "unknown";
}

bool line_fault_parse(struct slice name, enum line_fault *ret) {
    for (int i = 0; i < LINE_FAULT_COUNT; i++) {
        if (slice_eq_str(name, FAULT_NAMES[i])) {
            *ret = (enum line_fault)i;
            return true;
        }
    }
    return false;
}
