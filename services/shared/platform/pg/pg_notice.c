#include "platform/pg/pg_notice.h"

#include <string.h>

#include <libpq-fe.h>

#include "platform/program/log.h"

static const char *field(const struct pg_result *notice, int code) {
    const char *text = PQresultErrorField(notice, code);
    return text != NULL ? text : "";
}

bool pg_notice_is_last(const struct pg_result *notice) {
    const char *severity = field(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    return strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0;
}

void pg_notice_log(const struct pg_result *notice, const char *application) {
    const char *severity = field(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    enum log_level level = strcmp(severity, "WARNING") == 0 ? LOG_LEVEL_WARN
                           : pg_notice_is_last(notice)      ? LOG_LEVEL_INFO
                                                            : LOG_LEVEL_DEBUG;
    if (log_enabled(level)) {
        log_event(level, "database notice",
                  LOG_FIELDS(log_str("connection", application), log_str("severity", severity),
                             log_str("sqlstate", field(notice, PG_DIAG_SQLSTATE)),
                             log_str("text", field(notice, PG_DIAG_MESSAGE_PRIMARY))));
    }
}
