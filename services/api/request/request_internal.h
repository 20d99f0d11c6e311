// Between the request_*.c files and the router: not for handlers.
#ifndef WEIR_API_REQUEST_REQUEST_INTERNAL_H
#define WEIR_API_REQUEST_REQUEST_INTERNAL_H

#include "api/request/request.h"

// Once, before the first request.
void request_register_metrics(void);
// A request for the job; the job's arena holds it, and it holds the job until answered.
struct request *request_new(struct http_job *job, struct api_loop *loop);
// Fills r->body from the request's JSON. False: answered.
bool request_parse_body(struct request *r);
// Sends the answer that was set, with problems already rendered. Ends the request.
void request_send(struct request *r);
// Commits audit rows, the stored answer and the transaction, then sends.
void request_commit(struct request *r);
// Gives the exclusive connection back, rolling back.
void request_abandon(struct request *r);
// Looks the Idempotency-Key up in a new transaction, then runs r->handler or replays.
void request_begin_idempotent(struct request *r);
// After a connection died before anything was committed: true if the request runs again from its
// beginning, on another one (and may have ended by now). False when it was tried too often or for too
// long: it must be answered.
bool request_again(struct request *r);

#endif
