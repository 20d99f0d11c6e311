#include "access/topics.h"

#include "access/access_store.h"
#include "access/broker_topics.h"
#include "platform/program/log.h"
#include "platform/program/metrics.h"
#include "platform/program/program.h"

static struct metric MADE =
    METRIC_COUNTER("weir_access_topics_made_total", "topics", "Topics made, or there as asked for");
static struct metric REFUSED =
    METRIC_COUNTER("weir_access_topics_refused_total", "topics", "Topics asked for and refused");

void topics_register_metrics(void) {
    metrics_register(&MADE);
    metrics_register(&REFUSED);
}

static bool is_refusal(enum err_code code) {
    return code == ERR_INVALID || code == ERR_CONFLICT || code == ERR_LIMIT;
}

// The limits may have changed since the request was recorded, and the right to write have gone.
static enum err_code allowed(const struct access_topic *topic, struct err *e) {
    if (topic->limits.prefix.len == 0) {
        return err_set(e, ERR_CONFLICT, "the organisation may no longer write on this cluster");
    }
    enum err_code code = topic_wish_check(&topic->wish, &topic->limits, e);
    return code == ERR_DENIED ? err_set(e, ERR_CONFLICT, "%s", e->text) : code;
}

static enum err_code decide(struct topics *t, const struct access_topic *topic, struct err *e) {
    struct err why;
    enum err_code code = allowed(topic, &why);
    if (code == ERR_OK) {
        code = broker_topics_make(t->broker, &topic->wish, &why);
    }
    if (code != ERR_OK && !is_refusal(code)) {
        *e = why;
        return code;
    }
    bool made = code == ERR_OK;
    code = access_store_decide_topic(t->pg, topic->id, t->cluster, made ? NULL : why.text, e);
    if (code == ERR_OK) {
        metric_add(made ? &MADE : &REFUSED, 1);
        log_info(made ? "topic made" : "topic refused", log_id("cluster", t->cluster),
                 log_id("request", topic->id));
    }
    return code;
}

enum err_code topics_round(struct topics *t, bool *ret_more, struct err *e) {
    struct arena a;
    arena_init(&a);
    struct access_topic *topics = NULL;
    size_t count = 0;
    enum err_code code =
        access_store_topics(t->pg, t->cluster_id, TOPICS_ROUND, &a, &topics, &count, e);
    for (size_t i = 0; code == ERR_OK && i < count && !program_should_stop(); i++) {
        code = decide(t, &topics[i], e);
    }
    *ret_more = code == ERR_OK && count == TOPICS_ROUND;
    arena_done(&a);
    return code;
}
