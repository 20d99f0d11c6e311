// All operations, and the way of a job to its own.
#ifndef WEIR_API_DISPATCH_ROUTES_H
#define WEIR_API_DISPATCH_ROUTES_H

#include "api/request/route.h"
#include "base/buf.h"

struct http_job;

// The operation of that number, in the order of the documentation; NULL past the last.
const struct route *routes_at(size_t i);
// The operation of a method and path; fills `params` (ROUTE_PARAMS_MAX). NULL: there is no such
// path, or `allow` lists the methods there are. HEAD is GET.
const struct route *routes_find(struct slice method, struct slice path, struct slice *params,
                                struct buf *allow);

// Without these no broker and no client of Kafka can sign in: they keep a room of their own.
bool routes_privileged(struct slice path);

// The server's handler: find, authenticate, parse, call.
void routes_handle(struct http_job *job);

#endif
