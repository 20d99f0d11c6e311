// Operations of the API: a resource is one .c file that ends in its table of routes; the list of
// the tables is dispatch/routes.c. A test compares them with the OpenAPI document both ways.
#ifndef WEIR_API_REQUEST_ROUTE_H
#define WEIR_API_REQUEST_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "api/request/quota.h"
#include "api/request/read.h"
#include "api/request/role.h"
#include "base/slice.h"

struct request;

enum route_auth {
    AUTH_PUBLIC,   // nobody in particular
    AUTH_SIGNED_IN // a session cookie or an API token
};

enum route_body {
    BODY_NONE, // a body is ignored
    BODY_JSON, // application/json, parsed into r->body
    BODY_RAW,  // any media type, r->job->body
};

// What a call counts against, before its handler is called (limits.h).
enum route_limit {
    ROUTE_LIMIT_USUAL,   // of strangers the address, of others read or write of their organisation
    ROUTE_LIMIT_SIGN_UP, // the address's and everybody's sign-ups too
    ROUTE_LIMIT_OWN,     // nothing: what must stay open always, or counts for itself
};

enum {
    ROUTE_PARAMS_MAX = 3,        // of a path
    ROUTE_PARAM_BYTES_MAX = 200, // of one that is neither a uuid nor a number
    ROUTE_BODY_SMALL = 64 << 10, // bytes of a body
    ROUTE_BODY_LARGE = 1 << 20,
};

struct route {
    const char *method;
    const char *path;      // "/v1/products/{id}"
    const char *operation; // operationId in the OpenAPI document
    enum route_auth auth;
    unsigned roles;     // of enum role, with AUTH_SIGNED_IN
    bool operator_only; // the marketplace's own people
    // The operator's people with one of these roles reach the tenants' objects by this change; with
    // any other, their own organisation's alone. Reads reach all of them, and are logged.
    unsigned for_tenants;
    bool own; // a read of nothing but the asker's own, which isn't logged
    enum route_body body;
    size_t body_max;     // bytes
    bool no_idempotency; // a POST that stores no answer (sign-in)
    enum route_limit limit;
    enum quota quota; // what the operation makes one of
    // Work that comes before any transaction, the Idempotency-Key's too: it ends in request_prepared
    // or an answer, and what it keeps in r->user the handler finds there. May be NULL.
    void (*prepare)(struct request *r);
    // Either of them.
    void (*handler)(struct request *r);
    struct read read;
};

// A resource's operations.
struct route_table {
    const struct route *rows;
    size_t count;
};
#define ROUTE_TABLE(rows)                                                                          \
    { (rows), sizeof(rows) / sizeof(struct route) }

// Who may call, and with what body, for the rows of a table.
#define ROUTE_PUBLIC .auth = AUTH_PUBLIC
// Any role of any organisation.
#define ROUTE_SIGNED_IN .auth = AUTH_SIGNED_IN, .roles = ROLES_ANY
// Changes: owners and developers. Money: owners and finance.
#define ROUTE_DEVELOPERS .auth = AUTH_SIGNED_IN, .roles = ROLE_OWNER | ROLE_DEVELOPER
#define ROUTE_FINANCE .auth = AUTH_SIGNED_IN, .roles = ROLE_OWNER | ROLE_FINANCE
#define ROUTE_OWNERS .auth = AUTH_SIGNED_IN, .roles = ROLE_OWNER
// With one of the above: only those of the operator's organisation.
#define ROUTE_OPERATOR .operator_only = true
// A tenant's affair, where the operator's owners may help, with a reason (request_acts_for).
#define ROUTE_SUPPORT .for_tenants = ROLE_OWNER
#define ROUTE_JSON(max) .body = BODY_JSON, .body_max = (max)

// Whether the path is one of the route's; fills `params` (ROUTE_PARAMS_MAX). A parameter whose name
// ends in "id" is a uuid, "number" a whole number: anything else is no path of ours.
bool route_matches(const struct route *route, struct slice path, struct slice *params);
// Only reads: nothing is changed.
bool route_reads(const struct route *route);
// Whether the operator's people with that role see and change the tenants' rows by the operation.
bool route_reaches_tenants(const struct route *route, enum role role);
// The name of parameter i in the path, {NULL, 0} past the last.
struct slice route_param_name(const struct route *route, size_t i);

#endif
