// What the operator's people look at: what could not be read, what nobody pays for, what is missing.
#include "api/request/request.h"

static const struct route ROWS[] = {
    {"GET", "/v1/unbound-usage", "listUnboundUsage", ROUTE_SIGNED_IN, ROUTE_OPERATOR,
     .read = {.statement = &api_sql_unbound_usage_list, .shape = READ_PAGE}},
    {"GET", "/v1/dead-letters", "listDeadLetters", ROUTE_SIGNED_IN, ROUTE_OPERATOR,
     .read = {.statement = &api_sql_dead_letter_list,
              .shape = READ_PAGE,
              .params = {{.name = "reason"}}}},
    {"GET", "/v1/dead-letters/{number}", "getDeadLetter", ROUTE_SIGNED_IN, ROUTE_OPERATOR,
     .read = {.statement = &api_sql_dead_letter_get,
              .shape = READ_ROW,
              .params = {{.name = "{number}"}}}},
    {"GET", "/v1/holes", "listHoles", ROUTE_SIGNED_IN, ROUTE_OPERATOR,
     .read = {.statement = &api_sql_hole_list, .shape = READ_PAGE}},
    {"GET", "/v1/gaps", "listGaps", ROUTE_SIGNED_IN, ROUTE_OPERATOR,
     .read = {.statement = &api_sql_gap_list, .shape = READ_ITEMS}},
};
const struct route_table operation_routes = ROUTE_TABLE(ROWS);
