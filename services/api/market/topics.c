// Topics: asked for by a provider, recorded here, made by weir-access within the operator's limits.
#include "api/request/api.h"
#include "api/request/request.h"
#include "base/check.h"
#include "base/number.h"
#include "core/brokerlog/topic.h"
#include "core/topics/topic_wish.h"

struct asking {
    const char *cluster;
    const char *name;
    struct topic_size asked; // 0: not said
    struct topic_wish wish;  // with the usual size for what was not said
};

static int64_t number_at(struct pg_rows *rows, int column) {
    int64_t value = 0;
    check(number_parse_i64(pg_rows_slice(rows, 0, column), &value));
    return value;
}

static void topic_recorded(struct request *r, struct pg_rows *rows) {
    const char *id = arena_str(r->arena, pg_rows_slice(rows, 0, API_TOPIC_INSERT_ID));
    request_audit(r, "topic.request", "topic", id, NULL,
                  arena_str(r->arena, pg_rows_slice(rows, 0, API_TOPIC_INSERT_JSON)), NULL);
    request_header(r, "location", arena_printf(r->arena, "/v1/topics/%s", id));
    request_reply_row(r, 201, rows);
}

static void topic_again(struct request *r, struct pg_rows *rows) {
    const struct asking *k = r->user;
    if (pg_rows_is_null(rows, 0, API_TOPIC_OFFER_SAME)) {
        request_problem(r, PROBLEM_CONFLICT, "/name",
                        "the topic \"%s\" was asked for before, otherwise", k->name);
        return;
    }
    request_reply_json(
        r, 200, slice_str(arena_str(r->arena, pg_rows_slice(rows, 0, API_TOPIC_OFFER_SAME))));
}

static int64_t or_usual(int64_t asked, int64_t usual) {
    return asked > 0 ? asked : usual;
}

// False: answered.
static bool topic_allowed(struct request *r, struct pg_rows *rows) {
    struct asking *k = r->user;
    if (pg_rows_is_null(rows, 0, API_TOPIC_OFFER_TOPIC_PREFIX)) {
        request_problem(r, PROBLEM_CONFLICT, "/cluster_id",
                        "the organisation may not write on this cluster; an owner makes a producer "
                        "grant for one of its applications");
        return false;
    }
    struct topic_limits limits = {
        .prefix =
            slice_str(arena_str(r->arena, pg_rows_slice(rows, 0, API_TOPIC_OFFER_TOPIC_PREFIX))),
        .max = {.partitions = number_at(rows, API_TOPIC_OFFER_PARTITIONS_MAX),
                .retention_ms = number_at(rows, API_TOPIC_OFFER_RETENTION_MS_MAX),
                .message_bytes = number_at(rows, API_TOPIC_OFFER_MESSAGE_BYTES_MAX)}};
    k->wish = (struct topic_wish){
        .name = slice_str(k->name),
        .size = {.partitions = or_usual(k->asked.partitions, 1),
                 .retention_ms = or_usual(k->asked.retention_ms, limits.max.retention_ms),
                 .message_bytes = or_usual(k->asked.message_bytes, limits.max.message_bytes)}};
    struct err e;
    if (topic_wish_check(&k->wish, &limits, &e) != ERR_OK) {
        request_fail(r, &e);
        return false;
    }
    return true;
}

static void topic_offered(struct request *r, struct pg_rows *rows) {
    const struct asking *k = r->user;
    if (pg_rows_count(rows) == 0) {
        request_problem(r, PROBLEM_INVALID, "/cluster_id", "there is no such cluster");
        return;
    }
    if (!topic_allowed(r, rows)) {
        return;
    }
    if (pg_rows_bool(rows, 0, API_TOPIC_OFFER_STANDS)) {
        topic_again(r, rows);
        return;
    }
    int64_t max = number_at(rows, API_TOPIC_OFFER_TOPICS_MAX);
    if (number_at(rows, API_TOPIC_OFFER_TOPICS) >= max) {
        request_problem(r, PROBLEM_LIMIT, NULL,
                        "the organisation may have %lld topics on this cluster", (long long)max);
        return;
    }
    request_write(r, &api_sql_topic_insert,
                  PG_PARAMS(pg_text(r->who.org), pg_text(k->cluster), pg_text(k->name),
                            pg_int8(k->wish.size.partitions), pg_int8(k->wish.size.retention_ms),
                            pg_int8(k->wish.size.message_bytes)),
                  topic_recorded);
}

static struct pg_param said(int64_t value) {
    return value > 0 ? pg_int8(value) : pg_null();
}

static void organisation_locked(struct request *r, struct pg_rows *rows) {
    (void)rows;
    const struct asking *k = r->user;
    request_write(r, &api_sql_topic_offer,
                  PG_PARAMS(pg_text(r->who.org), pg_text(k->cluster), pg_text(k->name),
                            said(k->asked.partitions), said(k->asked.retention_ms),
                            said(k->asked.message_bytes)),
                  topic_offered);
}

static void topic_create(struct request *r) {
    struct asking *k = arena_alloc(r->arena, sizeof *k);
    *k = (struct asking){0};
    if (!REQUEST_FIELDS(
            r, {"cluster_id", FIELD_UUID, .required = true, .max = 36, .out = &k->cluster},
            {"name", FIELD_TEXT, .required = true, .min = 1, .max = TOPIC_NAME_MAX,
             .out = &k->name},
            {"partitions", FIELD_INT, .min = 1, .max = INT32_MAX, .out = &k->asked.partitions},
            {"retention_ms", FIELD_INT, .min = 1, .max = INT64_MAX, .out = &k->asked.retention_ms},
            {"max_message_bytes", FIELD_INT, .min = 1, .max = INT32_MAX,
             .out = &k->asked.message_bytes})) {
        return;
    }
    r->user = k;
    request_write(r, &api_sql_topic_organisation_lock, PG_PARAMS(pg_text(r->who.org)),
                  organisation_locked);
}

// --- limits --------------------------------------------------------------------------------------

static void limit_changed(struct request *r, struct pg_rows *rows) {
    if (pg_rows_count(rows) > 0) {
        r->audit_org = request_param(r, "org_id");
        request_audit(r, "topic_limit.update", "organisation", request_param(r, "org_id"), NULL,
                      arena_str(r->arena, pg_rows_slice(rows, 0, API_TOPIC_LIMIT_UPDATE_JSON)),
                      NULL);
    }
    request_reply_row(r, 200, rows);
}

static void topic_limit_update(struct request *r) {
    enum { NOT_SAID = -1, TOPICS_MOST = 10000, PARTITIONS_MOST = 10000 };
    int64_t topics = NOT_SAID, partitions = NOT_SAID, retention = NOT_SAID, bytes = NOT_SAID;
    if (!REQUEST_FIELDS(
            r, {"topics_max", FIELD_INT, .min = 0, .max = TOPICS_MOST, .out = &topics},
            {"partitions_max", FIELD_INT, .min = 1, .max = PARTITIONS_MOST, .out = &partitions},
            {"retention_ms_max", FIELD_INT, .min = 1, .max = INT64_MAX, .out = &retention},
            {"message_bytes_max", FIELD_INT, .min = 1, .max = INT32_MAX, .out = &bytes})) {
        return;
    }
    request_write(r, &api_sql_topic_limit_update,
                  PG_PARAMS(pg_text(request_param(r, "org_id")),
                            pg_text(request_param(r, "cluster_id")),
                            topics == NOT_SAID ? pg_null() : pg_int8(topics), said(partitions),
                            said(retention), said(bytes)),
                  limit_changed);
}

static const struct route ROWS[] = {
    {"POST", "/v1/topics", "createTopic", ROUTE_DEVELOPERS, ROUTE_JSON(ROUTE_BODY_SMALL),
     .handler = topic_create},
    {"GET", "/v1/topics", "listTopics", ROUTE_SIGNED_IN,
     .read = {.statement = &api_sql_topic_list,
              .shape = READ_PAGE,
              .params = {{.name = "state"}, {.name = "cluster_id", .rule = &read_uuid}}}},
    {"GET", "/v1/topics/{id}", "getTopic", ROUTE_SIGNED_IN,
     .read = {.statement = &api_sql_topic_get, .shape = READ_ROW, .params = {{.name = "{id}"}}}},
    {"GET", "/v1/topic-limits", "listTopicLimits", ROUTE_SIGNED_IN,
     .read = {.statement = &api_sql_topic_limit_list, .shape = READ_PAGE}},
    {"PATCH", "/v1/topic-limits/{org_id}/{cluster_id}", "updateTopicLimit", ROUTE_DEVELOPERS,
     ROUTE_OPERATOR, ROUTE_JSON(ROUTE_BODY_SMALL), .handler = topic_limit_update},
};
const struct route_table topic_routes = ROUTE_TABLE(ROWS);
