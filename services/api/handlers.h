// All handlers, by resource. Each is one row of routes.c.
#ifndef WEIR_API_HANDLERS_H
#define WEIR_API_HANDLERS_H

struct request;

// health.c
void health_alive(struct request *r);
void health_ready(struct request *r);
void health_metrics(struct request *r);
void health_openapi(struct request *r);

// session.c
void session_create(struct request *r);
void session_end(struct request *r);
void me_get(struct request *r);

#endif
