// weirctl's client of the REST API: a token by client credentials, then calls with it.
#ifndef WEIR_CTL_REST_H
#define WEIR_CTL_REST_H

#include "base/buf.h"
#include "base/err.h"
#include "platform/program/config.h"

struct rest;

enum { REST_ANSWER_MAX = 64 << 20, REST_TIMEOUT_S = 120 };

// Settings that every command with calls shares.
#define REST_CONFIG_ROWS                                                                           \
    {.name = "api_url",                                                                            \
     .type = CONFIG_TEXT,                                                                          \
     .fallback = "http://127.0.0.1:18080",                                                         \
     .example = "https://weir.example.com",                                                        \
     .help = "where weir-api answers"},                                                            \
        {.name = "client_id",                                                                      \
         .type = CONFIG_TEXT,                                                                      \
         .required = true,                                                                         \
         .example = "wabcdefghijklmnopqrstuvwxyz",                                                 \
         .help = "id of an application with a role in the API"},                                   \
    {                                                                                              \
        .name = "client_secret", .type = CONFIG_SECRET, .required = true,                          \
        .example = "the secret shown when it was made", .help = "its secret"                       \
    }

// Gets a token. ERR_UNAVAILABLE if nobody answers, ERR_DENIED if the credentials are refused.
ERR_MUST_CHECK enum err_code rest_open(const struct config *c, struct rest **ret, struct err *e);
void rest_close(struct rest *r);

struct rest_call {
    const char *method;       // "GET"
    const char *path;         // "/v1/products?limit=10"
    struct slice body;        // {NULL, 0} for none
    const char *content_type; // of the body; NULL: application/json
};

// Appends the body of the answer to `answer`. A status of 400 or more is an error with the text and
// hint of the problem document; `ret_status` (may be NULL) is set in any case of an answer.
ERR_MUST_CHECK enum err_code rest_do(struct rest *r, const struct rest_call *call,
                                     struct buf *answer, long *ret_status, struct err *e);
// A token and one call with it: rest_open, rest_do, rest_close.
ERR_MUST_CHECK enum err_code rest_ask(const struct config *c, const struct rest_call *call,
                                      struct buf *answer, struct err *e);

#endif
