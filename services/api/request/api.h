// The program's state: what all loops share (constant after start, or owning its own lock) and
// what each loop has for itself.
#ifndef WEIR_API_REQUEST_API_H
#define WEIR_API_REQUEST_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/request/quota.h"
#include "platform/http/http_server.h" // HTTP_THREADS_MAX
#include "platform/http/workers.h"
#include "platform/pg/pg_pool.h"
#include "platform/program/config.h"
#include "platform/secret/secret.h"

struct audit_prune;
struct limits;
struct portal;
struct refresh;
struct snapshot;
struct tally;
struct token_cache;

// "aud" of tokens for the API itself; no cluster may have it.
#define API_AUDIENCE "weir-api"

// How long a request may wait for a connection to the database, also when it begins again.
enum { API_QUEUE_WAIT_US = 3000000 };

struct api {
    const struct config *config;
    const char *public_url; // without a slash at the end
    const char *cookie_name;
    const char *device_cookie_name;
    bool cookie_secure;
    int token_life_s;
    const char *snapshot_dir; // NULL: none
    unsigned char master_key[SECRET_KEY_BYTES];
    struct workers *workers;
    struct pg_pool_group database;
    struct limits *limits;
    struct quotas quotas;
    struct portal *portal;
    struct snapshot *stored; // as found on disk at the start
    struct api_loop *loops[HTTP_THREADS_MAX];
    unsigned loops_count;
};

struct api_loop {
    struct api *api;
    struct http_loop *http;
    struct pg_pool *pool;
    // Immutable, counted; each loop holds its own reference.
    struct snapshot *snapshot; // NULL until the first one was read
    struct token_cache *tokens;
    struct tally *tally;
    struct refresh *refresh;         // loop 0 only
    struct audit_prune *audit_prune; // loop 0 only
    // When the snapshot's first key begins to sign, seconds since 1970; INT64_MAX: never. Of all that
    // is here the one thing that other loops read.
    _Atomic int64_t signs_from_s;
};

#endif
