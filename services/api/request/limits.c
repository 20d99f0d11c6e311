#include "api/request/limits.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "platform/program/clock.h"
#include "platform/program/config.h"
#include "platform/program/metrics.h"
#include "platform/secret/secret.h"

enum { KEYS_MAX = 16384 }; // of one limit: 256 KiB

static const struct {
    const char *policy;
    const char *setting;
    enum counts counts;
} ROWS[LIMITS_COUNT] = {
#define ROW(id, policy, setting, quota, counts, what) [id] = {policy, setting, counts},
    LIMITS(ROW)
#undef ROW
};

static struct metric REFUSED =
    METRIC_COUNTER_BY("weir_api_rate_limited_total", "requests",
                      "Requests refused because their caller asked too often", "policy");

struct limits {
    struct {
        pthread_mutex_t mutex;
        struct rate_table table;
    } each[LIMITS_COUNT];
    // Keys are hashes under a seed of this process: nobody can choose what shares a set with him.
    unsigned char seed[SECRET_SEED_BYTES];
    struct ip_prefixes proxies;
    unsigned share_max;
};

// --- settings ------------------------------------------------------------------------------------
bool limits_rate_fits(const char *text) {
    struct rate rate;
    return rate_parse(slice_str(text), &rate);
}

static enum err_code read_proxies(struct limits *l, const struct config *c, struct err *e) {
    size_t count;
    const char *const *items = config_list(c, "trusted_proxies", &count);
    for (size_t i = 0; i < count; i++) {
        if (l->proxies.count == IP_PREFIXES_MAX ||
            !ip_prefix_parse(slice_str(items[i]), &l->proxies.items[l->proxies.count])) {
            err_field(e, ERR_CONFIG, "trusted_proxies",
                      "trusted_proxies must be at most %d addresses and prefixes but has \"%s\"",
                      IP_PREFIXES_MAX, items[i]);
            return err_hint(e, "example: trusted_proxies = 10.0.0.0/8,2001:db8::7");
        }
        l->proxies.count++;
    }
    return ERR_OK;
}

enum err_code limits_new(const struct config *c, struct limits **ret, struct err *e) {
    struct limits *l = calloc(1, sizeof *l);
    check(l != NULL);
    enum err_code code = read_proxies(l, c, e);
    if (code != ERR_OK) {
        free(l);
        return code;
    }
    secret_random(l->seed, sizeof l->seed);
    l->share_max = (unsigned)config_int(c, "password_share");
    for (size_t i = 0; i < LIMITS_COUNT; i++) {
        struct rate rate;
        check(rate_parse(slice_str(config_text(c, ROWS[i].setting)), &rate));
        rate_table_init(&l->each[i].table, rate, KEYS_MAX);
        pthread_mutex_init(&l->each[i].mutex, NULL);
    }
    metrics_register(&REFUSED);
    *ret = l;
    return ERR_OK;
}

void limits_free(struct limits *l) {
    if (l == NULL) {
        return;
    }
    for (size_t i = 0; i < LIMITS_COUNT; i++) {
        rate_table_done(&l->each[i].table);
        pthread_mutex_destroy(&l->each[i].mutex);
    }
    free(l);
}

// --- counting ------------------------------------------------------------------------------------
static uint64_t hash_of(const struct limits *l, struct slice who, struct slice from) {
    uint64_t both[] = {
        secret_hash_short(who, l->seed),
        from.ptr != NULL ? secret_hash_short(from, l->seed) : 0,
    };
    return secret_hash_short(slice_of((const char *)both, sizeof both), l->seed);
}

bool limits_take(struct limits *l, struct charges *c, enum limit limit, struct slice who,
                 struct slice from) {
    uint64_t key = hash_of(l, who, from);
    pthread_mutex_lock(&l->each[limit].mutex);
    bool fits = rate_table_take(&l->each[limit].table, key, clock_monotonic_us(), &c->left);
    pthread_mutex_unlock(&l->each[limit].mutex);
    c->shown = true;
    c->limit = limit;
    if (fits) {
        check(c->count < LIMITS_CHARGES_MAX);
        c->taken[c->count].limit = limit;
        c->taken[c->count++].key = key;
    }
    return fits;
}

static void give_back(struct limits *l, const struct charges *c, size_t i) {
    enum limit limit = c->taken[i].limit;
    pthread_mutex_lock(&l->each[limit].mutex);
    rate_table_give_back(&l->each[limit].table, c->taken[i].key);
    pthread_mutex_unlock(&l->each[limit].mutex);
}

void limits_give_back(struct limits *l, struct charges *c) {
    for (size_t i = 0; i < c->count; i++) {
        give_back(l, c, i);
    }
    c->count = 0;
}

static bool still_counts(enum counts counts, int status) {
    switch (counts) {
    case COUNTS_ALL: break;
    case COUNTS_REFUSED: return status == 401;
    case COUNTS_DENIED: return status == 403;
    case COUNTS_WORK: return status < 400 || status == 409 || status == 500;
    }
    return true;
}

void limits_settle(struct limits *l, struct charges *c, int status) {
    for (size_t i = 0; i < c->count; i++) {
        if (!still_counts(ROWS[c->taken[i].limit].counts, status)) {
            give_back(l, c, i);
        }
    }
    c->count = 0;
}

void limits_count_refusal(const char *policy) {
    metric_add_in(metric_with(&REFUSED, policy), 1);
}

// --- what they are -------------------------------------------------------------------------------
const char *limits_policy(enum limit limit) {
    return ROWS[limit].policy;
}

struct rate limits_rate(const struct limits *l, enum limit limit) {
    return l->each[limit].table.rate;
}

const struct ip_prefixes *limits_proxies(const struct limits *l) {
    return &l->proxies;
}

unsigned limits_share_max(const struct limits *l) {
    return l->share_max;
}

uint64_t limits_share(const struct limits *l, struct slice who) {
    return hash_of(l, who, (struct slice){NULL, 0});
}
