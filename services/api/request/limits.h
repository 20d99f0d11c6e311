// How often a caller may do what: the limits, their settings and their counts. Requests are held
// against them by request_limit.
//
// One count for all loops of a program, each limit behind its own lock, held for some 100 ns. Copies
// of weir-api count apart: all together let through at most their number times the quota. Nothing
// is kept over a restart.
//
// "From an address" is of the client (client_ip.h): all of an IPv6 /64 is one.
#ifndef WEIR_API_REQUEST_LIMITS_H
#define WEIR_API_REQUEST_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rate.h"
#include "base/slice.h"
#include "platform/http/client_ip.h"

struct config;
struct limits;

// Name of the policy, its setting, its default, what it counts, and what stays counted: an answer
// of another kind gives back what was taken.
//
// Honest callers never spend the limits of refusals, however many they are behind one address.
#define LIMITS(X)                                                                                  \
    X(LIMIT_PUBLIC, "public", "rate_public", "6000/1m", COUNTS_ALL,                                \
      "requests of nobody in particular, the portal's files among them, from an address")          \
    X(LIMIT_IDENTIFY, "identify", "rate_identify", "600/1m", COUNTS_REFUSED,                       \
      "requests with a session or token that opens nothing, from an address")                      \
    X(LIMIT_READ, "read", "rate_read", "60000/1m", COUNTS_ALL, "reads of an organisation")         \
    X(LIMIT_WRITE, "write", "rate_write", "3000/1m", COUNTS_ALL, "changes of an organisation")     \
    X(LIMIT_SIGN_IN, "sign-in", "rate_sign_in", "10/15m", COUNTS_REFUSED,                          \
      "wrong passwords for one account from an address, or from a browser that has signed in to "  \
      "it before")                                                                                 \
    X(LIMIT_SIGN_IN_ADDRESS, "sign-in-address", "rate_sign_in_address", "60/15m", COUNTS_REFUSED,  \
      "wrong passwords for any account from an address")                                           \
    X(LIMIT_SIGN_IN_ACCOUNT, "sign-in-account", "rate_sign_in_account", "100/1h", COUNTS_REFUSED,  \
      "wrong passwords for one account from all browsers that never signed in to it")              \
    X(LIMIT_PASSWORD, "password", "rate_password", "10/15m", COUNTS_DENIED,                        \
      "wrong present passwords of a person who wants a new one")                                   \
    X(LIMIT_SESSION, "session", "rate_session", "60/1h", COUNTS_ALL, "sign-ins of a person")       \
    X(LIMIT_SIGN_UP, "sign-up", "rate_sign_up", "10/1h", COUNTS_WORK, "sign-ups from an address")  \
    X(LIMIT_SIGN_UP_ALL, "sign-up-all", "rate_sign_up_all", "300/1h", COUNTS_WORK,                 \
      "sign-ups from everywhere")                                                                  \
    X(LIMIT_TOKEN, "token", "rate_token", "600/1m", COUNTS_ALL, "tokens issued to a client")       \
    X(LIMIT_TOKEN_REFUSED, "token-refused", "rate_token_refused", "30/1m", COUNTS_REFUSED,         \
      "wrong secrets for one client from an address")                                              \
    X(LIMIT_TOKEN_ADDRESS, "token-address", "rate_token_address", "300/1m", COUNTS_REFUSED,        \
      "wrong secrets for any client from an address")

#define LIMITS_ID(id, ...) id,
enum limit { LIMITS(LIMITS_ID) LIMITS_COUNT };
#undef LIMITS_ID

enum counts {
    COUNTS_ALL,
    COUNTS_REFUSED, // 401
    COUNTS_DENIED,  // 403
    COUNTS_WORK,    // what cost a password's hash: all but a request that was refused as it stands
};

// Rows for the program's table of settings.
bool limits_rate_fits(const char *text);
#define LIMITS_CONFIG_ROW(id, policy, setting, quota, counts, what)                                \
    {.name = (setting),                                                                            \
     .type = CONFIG_TEXT,                                                                          \
     .fits = limits_rate_fits,                                                                     \
     .form = RATE_FORM,                                                                            \
     .fallback = (quota),                                                                          \
     .example = (quota),                                                                           \
     .help = "limit: " what},
#define LIMITS_CONFIG_ROWS                                                                         \
    LIMITS(LIMITS_CONFIG_ROW){                                                                     \
        .name = "password_share",                                                                  \
        .type = CONFIG_INT,                                                                        \
        .min = 1,                                                                                  \
        .max = 64,                                                                                 \
        .fallback = "8",                                                                           \
        .example = "8",                                                                            \
        .help =                                                                                    \
            "limit: passwords being checked at a time from one network (IPv4 /24, IPv6 /48), of "  \
            "the 64 that may wait"},                                                               \
    {                                                                                              \
        .name = "trusted_proxies", .type = CONFIG_LIST, .example = "10.0.0.0/8,2001:db8::7",       \
        .help = "addresses and prefixes of the reverse proxies whose X-Forwarded-For is believed;" \
                " without it a client's address is that of its connection"                         \
    }

enum { LIMITS_CHARGES_MAX = 6 }; // of one request

// What a request took of the limits.
struct charges {
    struct {
        enum limit limit;
        uint64_t key;
    } taken[LIMITS_CHARGES_MAX];
    size_t count;
    // The one looked at last.
    bool shown;
    enum limit limit;
    struct rate_left left;
};

// From settings that fit; ERR_CONFIG for a list of proxies that is none.
ERR_MUST_CHECK enum err_code limits_new(const struct config *c, struct limits **ret, struct err *e);
void limits_free(struct limits *l);

// Takes one of the limit for `who` and `from` ({NULL, 0}: for `who` alone). False: none is left, and
// c->left says until when.
bool limits_take(struct limits *l, struct charges *c, enum limit limit, struct slice who,
                 struct slice from);
// Everything taken so far is given back.
void limits_give_back(struct limits *l, struct charges *c);
// At the end, with the answer's status: gives back what doesn't count.
void limits_settle(struct limits *l, struct charges *c, int status);
// A refusal, for the metrics; also one that isn't of a row above.
void limits_count_refusal(const char *policy);

const char *limits_policy(enum limit limit);
struct rate limits_rate(const struct limits *l, enum limit limit);
const struct ip_prefixes *limits_proxies(const struct limits *l);
// Passwords that may be checked at a time for one share, and the share of `who`.
unsigned limits_share_max(const struct limits *l);
uint64_t limits_share(const struct limits *l, struct slice who);

#endif
