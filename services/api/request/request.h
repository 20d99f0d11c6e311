// What a handler works with: one request, who asks, the database, and the one answer.
//
//     static void found(struct request *r, struct pg_rows *rows) {
//         request_reply_row(r, 200, rows);
//     }
//
//     static void product_get(struct request *r) {
//         request_read(r, &api_sql_product_get, PG_PARAMS(pg_text(request_param(r, "id"))), found);
//     }
//
// (A read as plain as this one needs no handler at all: request/read.h.)
//
// A handler never blocks and ends in exactly one reply, at once or in a later step. Every step runs
// on the request's loop. If a statement fails, the request is answered with a problem and the step
// isn't called. Memory comes from r->arena and lives until the request is done.
//
// Reads go to shared connections. The first request_write opens a transaction on an exclusive one;
// further writes (and reads by request_write) continue it. A reply below 400 commits first (with
// the audit rows and the stored answer of an Idempotency-Key), any other reply rolls back.
//
// If the database connection dies before the commit can have happened, the request is run again from
// its beginning. So what a handler does outside of its transaction must bear being done twice.
#ifndef WEIR_API_REQUEST_REQUEST_H
#define WEIR_API_REQUEST_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/request/limits.h"
#include "api/request/role.h"
#include "api/request/route.h"
#include "api/request/tally.h"
#include "api/request/uuid.h"
#include "api_sql.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "platform/http/http_job.h"
#include "platform/http/problem.h"
#include "platform/pg/pg_pool.h"

struct api;
struct api_loop;
struct request;

enum {
    REQUEST_COMMANDS_MAX = 12,    // of one segment: the commit's has audits, answer and commit
    REQUEST_AUDITS_MAX = 8,       // of one request
    REQUEST_RUNS_MAX = 4,         // when connections to the database die under it
    REQUEST_ANSWER_MAX = 8 << 20, // bytes of a rendered body
};

enum actor { ACTOR_NOBODY, ACTOR_PERSON, ACTOR_APPLICATION };
// As audit_log.actor_kind has it.
const char *actor_name(enum actor actor);

struct identity {
    enum actor actor;
    char subject[UUID_CHARS + 1]; // person's or application's id
    char org[UUID_CHARS + 1];
    enum role role;
    bool is_operator; // of the organisation that runs the marketplace: sees all tenants
};

typedef void (*request_step)(struct request *r, struct pg_rows *rows);

struct request {
    struct http_job *job;
    struct arena *arena; // the job's
    struct api *api;
    struct api_loop *loop;
    const struct route *route;
    struct slice params[ROUTE_PARAMS_MAX];
    struct ip ip; // of the client
    struct identity who;
    json_t *body; // parsed, or NULL; owned by the request
    void *user;   // the handler's own
    // Whose audit rows follow, if not the scope's: the organisation that owns the object.
    const char *audit_org;
    const char *reason; // of all audit rows that have none of their own

    // Below: request*.c only.
    const char *scope_org; // "" for none
    bool scope_operator;
    struct pg_segment segment;
    struct pg_command commands[REQUEST_COMMANDS_MAX];
    size_t command_count;
    request_step step;
    void (*otherwise)(struct request *r, const struct err *e); // of this step, or NULL
    struct pg_tx tx;
    bool tx_open;
    bool busy; // a segment, an opening or a worker is under way
    struct pg_command audits[REQUEST_AUDITS_MAX];
    size_t audit_count;
    bool idempotent;
    struct slice replay; // what to store instead of the answer (secrets)
    int status;          // the answer that waits for its commit
    const char *content_type;
    struct slice answer;
    void (*start)(struct request *r); // what the router does with it, from the beginning
    unsigned runs;                    // finished in vain
    struct charges charges;           // limits.c only
    void (*handler)(struct request *r);
    void (*prepared)(struct request *r);
    void (*identified)(struct request *r);
    void (*work)(struct request *r);
    void (*work_done)(struct request *r);
};

// --- what was asked ------------------------------------------------------------------------------

// A path parameter by its name in the template; those ending in "id" are uuids by then.
const char *request_param(const struct request *r, const char *name);
// A query parameter, unescaped; NULL if absent (a malformed one never gets here).
const char *request_query(struct request *r, const char *name);

// The body's fields, declared: unknown fields, wrong types and lengths are answered with a problem
// that names the field. Absent or null optional fields leave *out as it was.
enum field_type {
    FIELD_TEXT,   // const char **; min..max bytes (max 0: 1000)
    FIELD_UUID,   // const char **
    FIELD_TIME,   // const char **, RFC 3339
    FIELD_INT,    // int64_t *; min..max if max > min
    FIELD_BOOL,   // bool *
    FIELD_OBJECT, // json_t **, borrowed
    FIELD_ARRAY,  // json_t **, borrowed; min..max items (max 0: 100)
    FIELD_TEXTS,  // json_t **: an array of strings of at most 200 bytes
    FIELD_UUIDS,  // json_t **: an array of uuids
};
struct field {
    const char *name;
    enum field_type type;
    bool required;
    int64_t min, max;
    void *out;
};
// Why somebody acts, in the body; and the rule for ?reason= where there is no body.
enum { REQUEST_REASON_MAX = 1000 }; // bytes
#define FIELD_REASON(ret)                                                                          \
    { "reason", FIELD_TEXT, .min = 1, .max = REQUEST_REASON_MAX, .out = (ret) }
extern const struct read_rule request_reason_rule;
// False: answered. `object` NULL is the request's body; `at` is its JSON pointer ("" for the body).
bool request_fields(struct request *r, json_t *object, const char *at, const struct field *fields,
                    size_t count);
#define REQUEST_FIELDS(r, ...)                                                                     \
    request_fields((r), NULL, "", (const struct field[]){__VA_ARGS__},                             \
                   sizeof((const struct field[]){__VA_ARGS__}) / sizeof(struct field))
// Compact JSON text in the arena (numbers and key order as they came in).
const char *request_json_text(struct request *r, const json_t *value);
// A PostgreSQL array literal ('{"a","b"}') of an array of strings, for $1::text[] or ::uuid[].
const char *request_array_text(struct request *r, const json_t *array);

// If-Match against the object's version; true if absent or equal, else answered with 412.
bool request_version_matches(struct request *r, int64_t version);

// --- the database --------------------------------------------------------------------------------

// Parameters are copied; the texts they point at must live as long as the request.
void request_read(struct request *r, const struct pg_statement *st, struct pg_params params,
                  request_step then);
// The same; a database that is away or too busy ends in `otherwise` instead of a problem.
void request_read_or(struct request *r, const struct pg_statement *st, struct pg_params params,
                     request_step then, void (*otherwise)(struct request *r, const struct err *e));
void request_write(struct request *r, const struct pg_statement *st, struct pg_params params,
                   request_step then);
// Whose rows the following statements see; by default the asker's organisation, and everything for
// the operator's people. Only for work on behalf of nobody yet (sign-up, sign-in).
void request_scope(struct request *r, const char *org, bool operator_sees_all);
// One row of audit_log, written with the commit. before/after: JSON text or NULL.
void request_audit(struct request *r, const char *action, const char *object_kind,
                   const char *object_id, const char *before, const char *after,
                   const char *reason);
// Whose object a change is about: the audit rows are its organisation's. False: answered, for the
// operator's people act for a tenant, and `reason` (of the body, or of the query where there is no
// body) is NULL.
bool request_acts_for(struct request *r, const char *org, const char *reason);
// Counts something that can happen often for the audit log (tally.h): of an organisation, or NULL;
// needs no transaction. Actor, address and operation are the request's.
void request_tally(struct request *r, enum tally_kind kind, const char *org,
                   const char *object_kind, const char *object);
// Runs `work` on the worker pool (no database, no reply there), then `done` on the loop. Never in a
// transaction, whose connection would be held while others' work is waited for. It takes a place in
// the share of the queue that the client's network has, or `who` if that isn't empty; a share that
// is full is answered with 429.
void request_offload(struct request *r, struct slice who, void (*work)(struct request *r),
                     void (*done)(struct request *r));
// The end of a route's `prepare`.
void request_prepared(struct request *r);

// --- limits --------------------------------------------------------------------------------------

// Takes one of the limit for `who` alone, or for `who` and `from` together. False: answered, with a
// 429 of type /problems/rate-limited and Retry-After. What doesn't count after all (limits.h) is
// given back by itself with the answer.
bool request_limit(struct request *r, enum limit limit, struct slice who, struct slice from);
bool request_limit_for(struct request *r, enum limit limit, struct slice who);
// The client's address, for these; all of an IPv6 /64 is one.
struct slice request_address(struct request *r);
bool request_limit_address(struct request *r, enum limit limit);

// --- the answer ----------------------------------------------------------------------------------

// Bodies must live in the arena or be constant.
void request_reply_json(struct request *r, int status, struct slice body);
void request_reply_jansson(struct request *r, int status, json_t *value); // takes the reference
void request_reply_bytes(struct request *r, int status, const char *content_type,
                         struct slice body);
void request_reply_empty(struct request *r); // 204
// The first row: column 0 is the JSON text, column 1 (if there is one) the version for the ETag.
// No row is 404.
void request_reply_row(struct request *r, int status, struct pg_rows *rows);
void request_header(struct request *r, const char *name, const char *value);
// For answers with a secret: what a replay of the same Idempotency-Key gets instead.
void request_replay_instead(struct request *r, struct slice body);

void request_fail(struct request *r, const struct err *e);
void request_problem(struct request *r, enum problem_kind kind, const char *field, const char *fmt,
                     ...) __attribute__((format(printf, 4, 5)));

#endif
