// The audit log: of one's own organisation for its owners and auditors, all of it for the operator's.
#include "api/request/read.h"
#include "api/request/request.h"

static const struct route ROWS[] = {
    {"GET", "/v1/audit", "listAudit", .auth = AUTH_SIGNED_IN, .roles = ROLE_OWNER | ROLE_AUDITOR,
     .read = {.statement = &api_sql_audit_list,
              .shape = READ_PAGE,
              .params = {{.name = "org_id", .rule = &read_uuid},
                         {.name = "action"},
                         {.name = "actor_id"},
                         {.name = "object_id"},
                         {.name = "by_operator", .rule = &read_bool},
                         {.name = "from", .rule = &read_time},
                         {.name = "to", .rule = &read_time}}}},
};
const struct route_table audit_routes = ROUTE_TABLE(ROWS);
