// How a request is held against the limits: whom it counts for, and the answer if there was too much.
#include "api/request/api.h"
#include "api/request/request.h"
#include "base/check.h"
#include "base/instant.h"

static const char SHARE[] = "password-share";

static struct slice bytes_of(struct request *r, struct ip ip) {
    struct ip *kept = arena_alloc(r->arena, sizeof *kept);
    *kept = ip;
    return slice_of((const char *)kept->bytes, sizeof kept->bytes);
}

struct slice request_address(struct request *r) {
    return bytes_of(r, ip_line(&r->ip));
}

static void refuse(struct request *r, const char *policy, int64_t wait_us) {
    long long wait_s = (wait_us + US_PER_SECOND - 1) / US_PER_SECOND;
    limits_count_refusal(policy);
    request_header(r, "retry-after", arena_printf(r->arena, "%lld", wait_s));
    request_problem(r, PROBLEM_RATE_LIMITED, NULL,
                    "too many requests (%s); try again in %lld seconds", policy, wait_s);
}

bool request_limit(struct request *r, enum limit limit, struct slice who, struct slice from) {
    if (limits_take(r->api->limits, &r->charges, limit, who, from)) {
        return true;
    }
    refuse(r, limits_policy(limit), r->charges.left.wait_us);
    return false;
}

bool request_limit_for(struct request *r, enum limit limit, struct slice who) {
    return request_limit(r, limit, who, (struct slice){NULL, 0});
}

bool request_limit_address(struct request *r, enum limit limit) {
    return request_limit_for(r, limit, request_address(r));
}

// --- work off the loop ---------------------------------------------------------------------------
static void on_worked(void *user) {
    struct request *r = user;
    r->busy = false;
    r->work_done(r);
}

static void run_work(void *user) {
    struct request *r = user;
    r->work(r);
}

void request_offload(struct request *r, struct slice who, void (*work)(struct request *r),
                     void (*done)(struct request *r)) {
    check(!r->busy && r->status == 0 && !r->tx_open);
    struct slice share = who.len > 0 ? who : bytes_of(r, ip_network(&r->ip));
    struct work job = {
        .work = run_work,
        .done = on_worked,
        .user = r,
        .share = limits_share(r->api->limits, share),
        .share_max = limits_share_max(r->api->limits),
    };
    r->work = work;
    r->work_done = done;
    r->busy = true;
    struct err e;
    enum err_code code = workers_submit(r->api->workers, r->job->loop, &job, &e);
    if (code == ERR_OK) {
        return;
    }
    r->busy = false;
    if (code == ERR_LIMIT) {
        refuse(r, SHARE, US_PER_SECOND);
    } else {
        request_fail(r, &e);
    }
}
