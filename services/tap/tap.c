// The tap's loop; see the header. An `item` is one line (or hole) of the log: all its records are
// queued, or reading goes back to it.
#include "tap/tap.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/check.h"
#include "core/brokerlog/log_value.h"
#include "platform/program/clock.h"
#include "platform/program/log.h"
#include "platform/program/program.h"
#include "tap/follow/follow.h"
#include "tap/follow/start_check.h"
#include "tap/ship/pending_holes.h"
#include "tap/ship/ship.h"
#include "tap/ship/state.h"
#include "tap/tap_metrics.h"

enum {
    ITEMS_PER_ROUND = 256,
    ITEMS_PER_POLL = 64,
    BACKOFF_MIN_MS = 100,
    BACKOFF_MAX_MS = 5000,
    RETRY_MS = 1000, // after the log could not be read
    // Read again at a start: sessions ask twice a second, and what was shipped isn't shipped again.
    LOOK_BACK_BYTES = 4 * 1024 * 1024,
};
static const int64_t STATE_EVERY_US = 1000000;
static const int64_t STATE_IDLE_EVERY_US = 10 * 1000000; // nothing acknowledged, but read on
static const int64_t STATUS_EVERY_US = 1000000;
static const int64_t LAG_EVERY_US = 5 * 1000000;
static const int64_t WARN_EVERY_US = 60 * 1000000;
// Between a line's time and the moment it stands in the file.
static const int64_t CONTROL_MARGIN_US = 1000000;

struct tap {
    struct tap_options options;
    struct follow *follow;
    struct select *select;
    struct counter_watch *counters; // NULL: not watched
    struct ship *ship;
    struct pending_holes holes; // those that aren't the log's own
    struct state state;         // as on disk
    struct buf value;
    int lock;

    struct ship_origin item; // the one being shipped
    bool abandoned;          // its records are not all queued
    int64_t line_time_us;    // of the newest line
    int64_t complete_us;     // all lines up to this broker time are queued or in a hole
    int64_t backoff_ms;

    bool checked; // start_check passed
    uint64_t control_sequence;
    uint64_t acked_seen;
    uint64_t state_acked;
    int64_t next_control_us, next_state_us, next_idle_state_us, next_status_us, next_lag_us;
    int64_t last_ack_us, next_warn_us, next_hole_warn_us;

    atomic_bool log_found;
    atomic_bool kafka_there;
};

static bool on_record(void *ctx, const struct select_record *r);
static void on_look(void *ctx, uint64_t offset, const struct broker_line *l, uint64_t record_bytes);

struct tap *tap_new(const struct tap_options *o) {
    struct tap *t = calloc(1, sizeof *t);
    check(t != NULL);
    t->options = *o;
    t->lock = -1;
    t->backoff_ms = BACKOFF_MIN_MS;
    if (o->counters.url != NULL) {
        t->options.select.watch = on_look;
    }
    t->select = select_new(&t->options.select, on_record, t);
    buf_init(&t->value, BROKER_RECORD_VALUE_MAX);
    tap_metrics_register();
    t->counters = o->counters.url == NULL ? NULL : counter_watch_new(&o->counters);
    metric_set(&tap_log_missing, 1);
    metric_set(&tap_kafka_away, 1);
    return t;
}

void tap_free(struct tap *t) {
    if (t == NULL) {
        return;
    }
    follow_free(t->follow);
    select_free(t->select);
    counter_watch_free(t->counters);
    pending_holes_done(&t->holes);
    ship_free(t->ship);
    buf_done(&t->value);
    if (t->lock >= 0) {
        close(t->lock);
    }
    free(t);
}

bool tap_ready(void *tap, char *why, size_t why_size) {
    struct tap *t = tap;
    if (!atomic_load(&t->kafka_there)) {
        snprintf(why, why_size, "brokers or topic %s can't be reached", t->options.topic);
        return false;
    }
    if (!atomic_load(&t->log_found)) {
        snprintf(why, why_size, "there is no %s yet", t->options.log_file);
        return false;
    }
    return true;
}

// At most one warning a minute of what goes on and on.
static bool is_due(int64_t *next_us) {
    int64_t now = clock_monotonic_us();
    if (now < *next_us) {
        return false;
    }
    *next_us = now + WARN_EVERY_US;
    return true;
}

static bool may_warn(struct tap *t) {
    return is_due(&t->next_warn_us);
}

// --- records -------------------------------------------------------------------------------------

// A hole that positions don't show.
static bool send_hole(struct tap *t, const struct log_hole *without_broker, struct slice key) {
    struct log_hole hole = *without_broker;
    hole.from.broker = hole.to.broker = t->options.broker;
    char from_at[INSTANT_TEXT_MAX], to_at[INSTANT_TEXT_MAX];
    instant_format(from_at, hole.from_us);
    instant_format(to_at, hole.to_us);
    if (is_due(&t->next_hole_warn_us)) {
        log_warn("lines are missing that the broker never wrote", log_slice("kind", hole.kind),
                 log_slice("principal", hole.principal), log_slice("topic", hole.topic),
                 log_uint("lines_at_least", hole.lines_at_least),
                 log_uint("bytes_at_least", hole.bytes_at_least), log_str("from_at", from_at),
                 log_str("to_at", to_at));
    }
    char kind[64];
    snprintf(kind, sizeof kind, "%.*s", SLICE_ARG(hole.kind));
    tap_metrics_hole(kind);
    tap_metrics_shipped(BROKER_RECORD_HOLE);
    buf_clear(&t->value);
    log_value_encode_hole(&t->value, &hole);
    return pending_holes_send(&t->holes, t->ship, t->item, key, buf_slice(&t->value));
}

static bool on_record(void *ctx, const struct select_record *r) {
    struct tap *t = ctx;
    if (t->abandoned) {
        return false;
    }
    if (r->kind == BROKER_RECORD_HOLE) {
        t->abandoned = !send_hole(t, r->hole, r->key);
        return !t->abandoned;
    }
    bool ok = r->everywhere ? ship_everywhere(t->ship, r->kind, t->item, r->offset, r->value)
                            : ship_line(t->ship, r->kind, t->item, r->offset, r->key, r->value);
    t->abandoned = !ok;
    tap_metrics_shipped(r->kind);
    if (r->kind == BROKER_RECORD_DEAD) {
        tap_metrics_dead(line_fault_name(r->fault));
    }
    return ok;
}

static void on_look(void *ctx, uint64_t offset, const struct broker_line *l,
                    uint64_t record_bytes) {
    struct tap *t = ctx;
    const struct log_position at = {t->options.broker, t->item.generation, offset};
    if (l != NULL) {
        counter_watch_line(t->counters, at, l);
    } else {
        counter_watch_dead(t->counters, at, record_bytes);
    }
}

static void on_counter_hole(void *ctx, const struct log_hole *hole) {
    struct tap *t = ctx;
    (void)send_hole(t, hole, hole->topic); // a failure is seen by the loop, and it is sent again
}

static void watch_counters(struct tap *t) {
    struct follow_mark mark;
    if (t->counters == NULL || t->complete_us == 0 || !follow_mark(t->follow, &mark)) {
        return;
    }
    t->item = (struct ship_origin){mark.generation, mark.offset};
    const struct log_position at = {t->options.broker, mark.generation, mark.offset};
    counter_watch_go_on(t->counters, at, t->complete_us, on_counter_hole, t);
}

static void dead_item(struct tap *t, enum line_fault fault, const struct follow_item *item) {
    select_dead(t->select, fault, item->text, item->bytes, item->offset, item->remains);
    tap_metrics_line(SELECT_DEAD);
}

static void hole_item(struct tap *t, const struct follow_item *item) {
    struct log_hole hole = {
        .has_from = item->has_from,
        .from = {t->options.broker, item->from_generation, item->from_offset},
        .to = {t->options.broker, item->generation, item->to_offset},
        .from_us = item->from_ms * 1000,
        .to_us = item->to_ms * 1000,
        .kind = slice_str(item->why),
    };
    if (hole.has_from) {
        char from[LOG_POSITION_TEXT_MAX], to[LOG_POSITION_TEXT_MAX];
        char from_at[INSTANT_TEXT_MAX], to_at[INSTANT_TEXT_MAX];
        log_position_format(from, &hole.from);
        log_position_format(to, &hole.to);
        instant_format(from_at, hole.from_us);
        instant_format(to_at, hole.to_us);
        log_warn("hole in the request log", log_str("kind", item->why), log_str("from", from),
                 log_str("to", to), log_str("from_at", from_at), log_str("to_at", to_at));
    }
    buf_clear(&t->value);
    log_value_encode_hole(&t->value, &hole);
    t->abandoned = !ship_notice(t->ship, BROKER_RECORD_HOLE, t->item, buf_slice(&t->value));
    tap_metrics_shipped(BROKER_RECORD_HOLE);
    tap_metrics_hole(item->why);
    select_hole(t->select); // chains are broken: nothing is left out on the ground of what was
    if (t->counters != NULL) {
        counter_watch_clear(t->counters);
    }
}

static void ship_item(struct tap *t, const struct follow_item *item) {
    t->item = (struct ship_origin){item->generation, item->offset};
    t->abandoned = false;
    select_generation(t->select, item->generation);
    switch (item->kind) {
    case FOLLOW_LINE: {
        enum select_drop drop = select_line(t->select, item->text, item->offset, &t->line_time_us);
        tap_metrics_line(drop);
        break;
    }
    case FOLLOW_TOO_LONG: dead_item(t, LINE_FAULT_TOO_LONG, item); break;
    case FOLLOW_TORN:
        tap_metrics_line(select_last(t->select, item->text, item->offset, &t->line_time_us));
        break;
    case FOLLOW_HOLE: hole_item(t, item); break;
    case FOLLOW_NOTHING: break;
    }
    metric_add(&tap_bytes_read, item->bytes);
}

// --- state ---------------------------------------------------------------------------------------

static enum err_code read_state(struct tap *t, bool *ret_known, struct err *e) {
    enum err_code rc = state_read(t->options.state_path, &t->state, e);
    *ret_known = rc == ERR_OK;
    if (rc == ERR_INVALID) {
        log_warn(
            "state is lost: everything there is will be shipped again, with the same positions",
            log_err(e));
        return ERR_OK;
    }
    if (rc == ERR_NOT_FOUND) {
        log_info("no state yet: shipping begins with the oldest file",
                 log_str("state", t->options.state_path));
        return ERR_OK;
    }
    if (rc == ERR_OK && t->state.broker != t->options.broker) {
        return err_field(e, ERR_CONFIG, "broker_id", "%s is the state of broker %d",
                         t->options.state_path, t->state.broker);
    }
    return rc;
}

// The place up to which nothing needs to be read again; false if there is none to be written now.
static bool settled_mark(const struct tap *t, struct follow_mark *ret) {
    struct ship_origin at;
    if (ship_hole_pending(t->ship) || follow_hole_due(t->follow)) {
        return false;
    }
    return ship_resume(t->ship, &at) ? follow_mark_at(t->follow, at.generation, at.offset, ret)
                                     : follow_mark(t->follow, ret);
}

static void write_state(struct tap *t, bool now) {
    int64_t at = clock_monotonic_us();
    uint64_t acked = ship_acked_count(t->ship);
    struct follow_mark mark;
    bool due =
        now || (acked != t->state_acked && at >= t->next_state_us) || at >= t->next_idle_state_us;
    if (!due || !settled_mark(t, &mark)) {
        return;
    }
    t->next_state_us = at + STATE_EVERY_US;
    t->next_idle_state_us = at + STATE_IDLE_EVERY_US;
    follow_release(t->follow, mark.generation);
    if (acked == t->state_acked && mark.generation == t->state.resume.generation &&
        mark.offset == t->state.resume.offset) {
        return;
    }
    struct err e;
    t->state.resume = mark;
    follow_past_at(t->follow, mark.generation, &t->state.past);
    ship_save(t->ship, &t->state);
    if (state_write(t->options.state_path, &t->state, &e) == ERR_OK) {
        t->state_acked = acked;
        return;
    }
    metric_add(&tap_state_failures, 1);
    if (may_warn(t)) {
        log_error("state can't be written", log_err(&e));
    }
}

// Two taps with one state would ship past each other.
static enum err_code take_lock(struct tap *t, struct err *e) {
    char path[4096];
    int n = snprintf(path, sizeof path, "%s.lock", t->options.state_path);
    check(n > 0 && (size_t)n < sizeof path);
    t->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (t->lock < 0 || flock(t->lock, LOCK_EX | LOCK_NB) != 0) {
        return err_field(e, ERR_CONFIG, "state_dir", "another weir-tap works with %s",
                         t->options.state_path);
    }
    return ERR_OK;
}

// --- Kafka ---------------------------------------------------------------------------------------

// A producer that works, however long it takes. ERR_OK with program_should_stop: there is none.
static enum err_code reach_kafka(struct tap *t, struct err *e) {
    atomic_store(&t->kafka_there, false);
    metric_set(&tap_kafka_away, 1);
    for (;;) {
        enum err_code rc = ship_reset(t->ship, e);
        if (rc == ERR_OK) {
            atomic_store(&t->kafka_there, true);
            metric_set(&tap_kafka_away, 0);
            return ERR_OK;
        }
        if (rc != ERR_UNAVAILABLE) {
            return rc;
        }
        if (may_warn(t)) {
            log_warn("waiting for Kafka; the place in the log is kept", log_err(e));
        }
        if (!program_sleep_ms(t->backoff_ms)) {
            return ERR_OK;
        }
        t->backoff_ms = t->backoff_ms * 2 < BACKOFF_MAX_MS ? t->backoff_ms * 2 : BACKOFF_MAX_MS;
    }
}

// Back to the oldest record that has not arrived.
static enum err_code go_back(struct tap *t, struct err *e) {
    struct err why;
    struct follow_mark mark = {0};
    bool somewhere = follow_mark(t->follow, &mark);
    struct ship_origin at = {mark.generation, mark.offset};
    if (t->abandoned) {
        at = t->item;
    }
    (void)ship_failed(t->ship, &why);
    (void)ship_resume(t->ship, &at); // older than the item, if there is one
    metric_add(&tap_rewinds, 1);
    log_warn("delivery failed: going back to the last position without a gap", log_err(&why),
             log_int("generation", at.generation), log_uint("offset", at.offset));
    if (!program_sleep_ms(t->backoff_ms)) {
        return ERR_OK;
    }
    t->backoff_ms = t->backoff_ms * 2 < BACKOFF_MAX_MS ? t->backoff_ms * 2 : BACKOFF_MAX_MS;
    pending_holes_settle(&t->holes, t->ship);
    enum err_code rc = reach_kafka(t, e);
    if (rc == ERR_OK && somewhere) {
        follow_rewind(t->follow, at.generation, at.offset);
        select_clear(t->select);
        t->abandoned = false;
        (void)pending_holes_again(&t->holes, t->ship, at); // a failure is seen by the next round
    }
    return rc;
}

static void send_control(struct tap *t) {
    struct follow_mark mark;
    int64_t now = clock_monotonic_us();
    // One at a time: while brokers are away they would pile up.
    if (now < t->next_control_us || !ship_is_settled(t->ship, t->control_sequence) ||
        t->complete_us == 0 || !follow_mark(t->follow, &mark)) {
        return;
    }
    t->next_control_us = now + t->options.control_ms * 1000;
    struct log_control c = {t->complete_us, mark.generation, mark.offset, t->options.control_ms,
                            slice_str(WEIR_VERSION)};
    buf_clear(&t->value);
    log_value_encode_control(&t->value, &c);
    t->item = (struct ship_origin){mark.generation, mark.offset};
    (void)ship_notice(t->ship, BROKER_RECORD_CONTROL, t->item, buf_slice(&t->value));
    t->control_sequence = ship_sequence(t->ship);
    tap_metrics_shipped(BROKER_RECORD_CONTROL);
    metric_set(&tap_control_time_seconds, t->complete_us / US_PER_SECOND);
}

// --- the loop ------------------------------------------------------------------------------------

static void tell_status(struct tap *t) {
    int64_t now = clock_monotonic_us();
    uint64_t acked = ship_acked_count(t->ship);
    size_t pending = ship_pending(t->ship);
    if (acked != t->acked_seen) {
        metric_add(&tap_acked_total, acked - t->acked_seen);
        t->acked_seen = acked;
        t->last_ack_us = now;
        t->backoff_ms = BACKOFF_MIN_MS;
    }
    if (pending == 0) {
        t->last_ack_us = now;
    }
    if (now < t->next_status_us) {
        return;
    }
    t->next_status_us = now + STATUS_EVERY_US;
    struct follow_mark mark;
    bool found = follow_mark(t->follow, &mark);
    atomic_store(&t->log_found, found);
    metric_set(&tap_log_missing, found ? 0 : 1);
    metric_set(&tap_pending_records, (int64_t)pending);
    metric_set(&tap_ack_age_seconds, (now - t->last_ack_us) / US_PER_SECOND);
    if (now >= t->next_lag_us) {
        t->next_lag_us = now + LAG_EVERY_US;
        metric_set(&tap_lag_bytes, (int64_t)follow_lag_bytes(t->follow));
    }
    if (!found && may_warn(t)) {
        log_warn("there is no request log yet: is kafka.request.logger at DEBUG?",
                 log_str("log_file", t->options.log_file));
    }
    if (now - t->last_ack_us > WARN_EVERY_US && may_warn(t)) {
        log_warn("nothing is acknowledged: waiting, the place in the log is kept",
                 log_uint("pending_records", pending),
                 log_int("seconds", (now - t->last_ack_us) / US_PER_SECOND));
    }
}

// Each once: what is left out of the log's files, and why.
static void tell_left_out(struct tap *t) {
    static const char *const WHY[] = {
        [LOG_DIR_DAMAGED] = "no line of it can be read",
        [LOG_DIR_DENIED] = "there is no right to read it",
        [LOG_DIR_OTHER] = "it is not a regular file",
    };
    char *path;
    enum log_dir_kind kind;
    while (follow_left_out(t->follow, &path, &kind)) {
        log_warn("left out, though named like the request log", log_str("file", path),
                 log_str("why", WHY[kind]));
        free(path);
    }
}

static enum err_code check_start(struct tap *t, struct err *e) {
    const struct start_check_options o = {t->options.log_file, t->options.utc_check,
                                          t->options.addresses};
    return start_check(&o, &t->checked, e);
}

// Takes what there is, up to a round. *ret_idle: nothing came.
static enum err_code take_items(struct tap *t, bool *ret_idle, struct err *e) {
    *ret_idle = false;
    for (int i = 0; i < ITEMS_PER_ROUND; i++) {
        int64_t asked_us = clock_system_us();
        struct follow_item item;
        enum err_code rc = follow_next(t->follow, &item, e);
        if (rc != ERR_OK) {
            return rc;
        }
        if (item.kind == FOLLOW_NOTHING) {
            *ret_idle = true;
            int64_t complete = follow_caught_up(t->follow) ? asked_us : t->line_time_us;
            complete -= complete == 0 ? 0 : CONTROL_MARGIN_US;
            t->complete_us = complete > t->complete_us ? complete : t->complete_us;
            return ERR_OK;
        }
        ship_item(t, &item);
        if (t->abandoned) {
            return ERR_OK;
        }
        if (i % ITEMS_PER_POLL == 0) {
            ship_poll(t->ship, 0);
        }
    }
    int64_t complete = t->line_time_us - CONTROL_MARGIN_US;
    t->complete_us = complete > t->complete_us ? complete : t->complete_us;
    return ERR_OK;
}

static enum err_code work(struct tap *t, struct err *e) {
    while (!program_should_stop()) {
        enum err_code rc;
        bool idle = true;
        if (!t->checked && (rc = check_start(t, e)) != ERR_OK) {
            return rc;
        }
        rc = take_items(t, &idle, e);
        if (rc != ERR_OK) {
            metric_add(&tap_read_failures, 1);
            if (may_warn(t)) {
                log_error("the request log can't be read: trying again", log_err(e));
            }
            (void)program_sleep_ms(RETRY_MS);
        }
        tell_left_out(t);
        ship_poll(t->ship, 0);
        if (!t->abandoned) {
            send_control(t);
            watch_counters(t);
        }
        if (ship_failed(t->ship, NULL) && (rc = go_back(t, e)) != ERR_OK) {
            return rc;
        }
        if (t->abandoned) {
            break; // stopping while waiting for room
        }
        tell_status(t);
        write_state(t, false);
        if (idle) {
            (void)program_sleep_ms(t->options.poll_ms);
        }
    }
    return ERR_OK;
}

// What is on its way gets time to arrive; the rest is shipped again at the next start.
static void settle(struct tap *t) {
    if (t->abandoned) {
        follow_rewind(t->follow, t->item.generation, t->item.offset);
        t->abandoned = false;
    }
    if (!ship_flush(t->ship, t->options.shutdown_ms)) {
        log_warn("stopping with records not acknowledged: they are shipped again at the next start",
                 log_uint("records", ship_pending(t->ship)));
    }
    write_state(t, true);
}

enum err_code tap_run(struct tap *t, struct err *e) {
    bool known;
    enum err_code rc = take_lock(t, e);
    if (rc == ERR_OK) {
        rc = check_start(t, e);
    }
    if (rc == ERR_OK) {
        rc = read_state(t, &known, e);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    const struct ship_options so = {
        .kafka = t->options.kafka,
        .topic = t->options.topic,
        .broker = t->options.broker,
        .queue_bytes = t->options.queue_bytes,
        .stopping = program_should_stop,
        .state = known ? &t->state : NULL,
    };
    t->ship = ship_new(&so);
    t->follow = follow_new(t->options.log_file, BROKER_LINE_MAX, known ? &t->state.resume : NULL,
                           known ? &t->state.past : NULL);
    follow_look_back(t->follow, LOOK_BACK_BYTES);
    rc = reach_kafka(t, e);
    if (rc != ERR_OK || program_should_stop()) {
        return rc;
    }
    log_info("shipping", log_str("log_file", t->options.log_file),
             log_str("topic", t->options.topic), log_int("partitions", ship_partitions(t->ship)));
    t->last_ack_us = clock_monotonic_us();
    rc = work(t, e);
    settle(t);
    return rc;
}
