// What a server says without being asked, in the log as JSON: libpq would write it on standard error.
#ifndef WEIR_PLATFORM_PG_PG_NOTICE_H
#define WEIR_PLATFORM_PG_PG_NOTICE_H

#include <stdbool.h>

struct pg_result; // PGresult

// An error that answers no statement comes as a notice: the last thing a server says.
bool pg_notice_is_last(const struct pg_result *notice);
// One line: a warning as such, a last word as information (whoever needed the connection reports an error
// of its own), anything else for debugging. `application` is the connection's application_name.
void pg_notice_log(const struct pg_result *notice, const char *application);

#endif
