// How the server makes jobs: for http_server.c and http_job.c only.
#ifndef WEIR_PLATFORM_HTTP_HTTP_JOB_INTERNAL_H
#define WEIR_PLATFORM_HTTP_HTTP_JOB_INTERNAL_H

#include "platform/http/http_job.h"

struct http_connection;
struct st_h2o_req_t;

// A job for h2o's request on this connection; h2o's memory pool holds one count of it.
struct http_job *http_job_new(struct http_connection *connection, struct st_h2o_req_t *req);
void http_job_metrics_register(void);

#endif
