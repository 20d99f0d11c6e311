// One row per operation. Order is that of the documentation; matching doesn't depend on it.
#include "api/handlers.h"
#include "api/routes.h"

#define EVERYBODY .auth = AUTH_PUBLIC
// Any role of any organisation.
#define SIGNED_IN .auth = AUTH_SIGNED_IN, .roles = ROLES_ANY
// Changes: owners and developers. Money: owners and finance.
#define DEVELOPERS .auth = AUTH_SIGNED_IN, .roles = ROLE_OWNER | ROLE_DEVELOPER
#define FINANCE .auth = AUTH_SIGNED_IN, .roles = ROLE_OWNER | ROLE_FINANCE
#define OWNERS .auth = AUTH_SIGNED_IN, .roles = ROLE_OWNER
#define OPERATOR .operator_only = true
#define JSON(max) .body = BODY_JSON, .body_max = (max)

const struct route ROUTES[] = {
    {"GET", "/healthz", "getHealth", EVERYBODY, .handler = health_alive},
    {"GET", "/readyz", "getReadiness", EVERYBODY, .handler = health_ready},
    {"GET", "/metrics", "getMetrics", EVERYBODY, .handler = health_metrics},
    {"GET", "/openapi.json", "getOpenapi", EVERYBODY, .handler = health_openapi},

    {"POST", "/v1/sessions", "createSession", EVERYBODY, JSON(BODY_SMALL), .no_idempotency = true,
     .handler = session_create},
    {"DELETE", "/v1/sessions/current", "endSession", SIGNED_IN, .handler = session_end},
    {"GET", "/v1/me", "getMe", SIGNED_IN, .handler = me_get},
};

const size_t ROUTES_COUNT = sizeof ROUTES / sizeof *ROUTES;
