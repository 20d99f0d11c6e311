// The table of operations: one row each, compared with the OpenAPI document both ways by a test.
#ifndef WEIR_API_DISPATCH_ROUTES_H
#define WEIR_API_DISPATCH_ROUTES_H

#include "api/request/request.h"

enum auth {
    AUTH_PUBLIC,   // nobody in particular
    AUTH_SIGNED_IN // a session cookie or an API token
};

enum body_kind {
    BODY_NONE, // a body is ignored
    BODY_JSON, // application/json, parsed into r->body
    BODY_RAW,  // any media type, r->job->body
};

struct route {
    const char *method;
    const char *path;      // "/v1/products/{id}"
    const char *operation; // operationId in the OpenAPI document
    enum auth auth;
    unsigned roles;     // of enum role, with AUTH_SIGNED_IN
    bool operator_only; // the marketplace's own people
    enum body_kind body;
    size_t body_max;     // bytes
    bool no_idempotency; // a POST that stores no answer (sign-in)
    void (*handler)(struct request *r);
};

extern const struct route ROUTES[];
extern const size_t ROUTES_COUNT;

enum { BODY_SMALL = 64 << 10, BODY_LARGE = 1 << 20 };

// Finds the row and fills `params`. NULL: no such path, or `allow` lists the methods there are.
const struct route *route_find(struct slice method, struct slice path, struct slice *params,
                               struct buf *allow);
// The parameter's name at position i in the template.
struct slice route_param_name(const struct route *route, size_t i);

// The server's handler: route, authenticate, parse, call.
void routes_handle(struct http_job *job);

#endif
