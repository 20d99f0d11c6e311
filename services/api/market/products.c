// Products go draft -> published -> deprecated. A change after publishing opens the next version,
// which new subscriptions get once it is published too; a published version never changes.
#include <stdio.h>
#include <string.h>

#include "api/market/contract.h"
#include "api/request/request.h"
#include "base/check.h"
#include "base/number.h"

enum {
    TOPICS_MAX = 200,     // of a version
    TOPIC_NAME_MAX = 249, // Kafka's own limit
    POINTER_MAX = 64,     // bytes of "/topics/199"
};

// --- making and changing -------------------------------------------------------------------------

static void product_shown(struct request *r, struct pg_rows *rows) {
    request_reply_row(r, r->user == NULL ? 200 : 201, rows);
}

static void product_created(struct request *r, struct pg_rows *rows) {
    const char *id = arena_str(r->arena, pg_rows_slice(rows, 0, 0));
    request_audit(r, "product.create", "product", id, NULL, request_json_text(r, r->body), NULL);
    r->user = r; // created: 201
    request_write(r, &api_sql_product_get, PG_PARAMS(pg_text(id)), product_shown);
}

static bool approval_known(struct request *r, const char *approval) {
    if (approval == NULL || strcmp(approval, "manual") == 0 || strcmp(approval, "automatic") == 0) {
        return true;
    }
    request_problem(r, PROBLEM_INVALID, "/approval", "approval is \"manual\" or \"automatic\"");
    return false;
}

static void product_create(struct request *r) {
    const char *slug = NULL;
    const char *name = NULL;
    const char *description = NULL;
    const char *approval = NULL;
    json_t *tags = NULL;
    if (!REQUEST_FIELDS(r, {"slug", FIELD_TEXT, true, 1, 99, &slug},
                        {"name", FIELD_TEXT, true, 1, 200, &name},
                        {"description", FIELD_TEXT, false, 0, 10000, &description},
                        {"tags", FIELD_TEXTS, false, 0, 20, &tags},
                        {"approval", FIELD_TEXT, false, 1, 20, &approval}) ||
        !approval_known(r, approval)) {
        return;
    }
    request_write(r, &api_sql_product_create,
                  PG_PARAMS(pg_text(r->who.org), pg_text(slug), pg_text(name), pg_text(description),
                            pg_text(tags == NULL ? NULL : request_array_text(r, tags)),
                            pg_text(approval)),
                  product_created);
}

static void product_updated(struct request *r, struct pg_rows *rows) {
    if (pg_rows_count(rows) == 0) {
        request_problem(r, PROBLEM_NOT_FOUND, NULL, "there is no such product of yours");
        return;
    }
    const char *id = request_param(r, "id");
    request_audit(r, "product.update", "product", id, NULL, request_json_text(r, r->body), NULL);
    request_write(r, &api_sql_product_get, PG_PARAMS(pg_text(id)), product_shown);
}

// True if the asker owns the locked product and If-Match agrees; else answered.
static bool product_is_own(struct request *r, struct pg_rows *rows) {
    if (pg_rows_count(rows) == 0) {
        request_problem(r, PROBLEM_NOT_FOUND, NULL, "there is no such product of yours");
        return false;
    }
    int64_t version = 0;
    check(number_parse_i64(pg_rows_slice(rows, 0, API_PRODUCT_LOCK_OWN_VERSION), &version));
    return request_version_matches(r, version);
}

static void product_update_locked(struct request *r, struct pg_rows *rows) {
    const char *name = NULL;
    const char *description = NULL;
    const char *approval = NULL;
    json_t *tags = NULL;
    if (!product_is_own(r, rows) ||
        !REQUEST_FIELDS(r, {"name", FIELD_TEXT, false, 1, 200, &name},
                        {"description", FIELD_TEXT, false, 0, 10000, &description},
                        {"tags", FIELD_TEXTS, false, 0, 20, &tags},
                        {"approval", FIELD_TEXT, false, 1, 20, &approval}) ||
        !approval_known(r, approval)) {
        return;
    }
    request_write(r, &api_sql_product_update,
                  PG_PARAMS(pg_text(request_param(r, "id")), pg_text(name), pg_text(description),
                            pg_text(tags == NULL ? NULL : request_array_text(r, tags)),
                            pg_text(approval)),
                  product_updated);
}

static void product_lock(struct request *r, request_step then) {
    request_write(r, &api_sql_product_lock_own, PG_PARAMS(pg_text(request_param(r, "id"))), then);
}

static void product_update(struct request *r) {
    product_lock(r, product_update_locked);
}

// --- the open version ----------------------------------------------------------------------------

// Runs `then` on a version that may change: the open one, or a new one after the published one.
struct open_version {
    request_step then;
};

static void version_topics_copied(struct request *r, struct pg_rows *rows) {
    struct open_version *open = r->user;
    open->then(r, rows);
}

static void version_opened(struct request *r, struct pg_rows *rows) {
    (void)rows;
    request_write(r, &api_sql_product_open_version_topics,
                  PG_PARAMS(pg_text(request_param(r, "id"))), version_topics_copied);
}

static void product_open(struct request *r, struct pg_rows *own, request_step then) {
    if (!slice_eq_str(pg_rows_slice(own, 0, API_PRODUCT_LOCK_OWN_OPEN_VERSIONS), "0")) {
        then(r, own);
        return;
    }
    struct open_version *open = arena_alloc(r->arena, sizeof *open);
    open->then = then;
    r->user = open;
    request_write(r, &api_sql_product_open_version, PG_PARAMS(pg_text(request_param(r, "id"))),
                  version_opened);
}

// --- contract ------------------------------------------------------------------------------------

static void contract_stored(struct request *r, struct pg_rows *rows) {
    const char *after = arena_str(r->arena, pg_rows_slice(rows, 0, 0));
    request_audit(r, "product.put_contract", "product", request_param(r, "id"), NULL, after, NULL);
    request_reply_row(r, 200, rows);
}

static void contract_store(struct request *r, struct pg_rows *rows) {
    (void)rows;
    struct slice body = r->job->body;
    request_write(r, &api_sql_product_put_contract,
                  PG_PARAMS(pg_text(request_param(r, "id")), pg_bytea(body.ptr, body.len),
                            pg_text(contract_type_name(contract_type_of(r->job->content_type)))),
                  contract_stored);
}

static void contract_locked(struct request *r, struct pg_rows *rows) {
    if (product_is_own(r, rows)) {
        product_open(r, rows, contract_store);
    }
}

static void product_put_contract(struct request *r) {
    struct err e = {0};
    if (contract_check(contract_type_of(r->job->content_type), r->job->body, &e) != ERR_OK) {
        request_fail(r, &e);
        return;
    }
    product_lock(r, contract_locked);
}

static void contract_found(struct request *r, struct pg_rows *rows) {
    if (pg_rows_count(rows) == 0) {
        request_problem(r, PROBLEM_NOT_FOUND, NULL, "this product has no contract");
        return;
    }
    struct slice etag = pg_rows_slice(rows, 0, API_PRODUCT_GET_CONTRACT_SHA256);
    request_header(r, "etag", arena_printf(r->arena, "\"%.*s\"", SLICE_ARG(etag)));
    request_reply_bytes(
        r, 200, arena_str(r->arena, pg_rows_slice(rows, 0, API_PRODUCT_GET_CONTRACT_CONTRACT_TYPE)),
        pg_rows_bytea(rows, 0, API_PRODUCT_GET_CONTRACT_CONTRACT, r->arena));
}

static void product_get_contract(struct request *r) {
    request_read(r, &api_sql_product_get_contract, PG_PARAMS(pg_text(request_param(r, "id"))),
                 contract_found);
}

// --- topics --------------------------------------------------------------------------------------

static void topics_added(struct request *r, struct pg_rows *rows) {
    json_t *asked = json_object_get(r->body, "topics");
    if ((size_t)pg_rows_count(rows) != json_array_size(asked)) {
        request_problem(r, PROBLEM_INVALID, "/topics", "a cluster_id names no cluster");
        return;
    }
    const char *id = request_param(r, "id");
    request_audit(r, "product.put_topics", "product", id, NULL, request_json_text(r, r->body),
                  NULL);
    r->user = NULL;
    request_write(r, &api_sql_product_get, PG_PARAMS(pg_text(id)), product_shown);
}

static void topics_cleared(struct request *r, struct pg_rows *rows) {
    (void)rows;
    json_auto_t *clusters = json_array();
    json_auto_t *names = json_array();
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(r->body, "topics"), i, item) {
        json_array_append(clusters, json_object_get(item, "cluster_id"));
        json_array_append(names, json_object_get(item, "topic"));
    }
    request_write(r, &api_sql_product_add_topics,
                  PG_PARAMS(pg_text(request_param(r, "id")),
                            pg_text(request_array_text(r, clusters)),
                            pg_text(request_array_text(r, names))),
                  topics_added);
}

static void topics_replace(struct request *r, struct pg_rows *rows) {
    (void)rows;
    request_write(r, &api_sql_product_clear_topics, PG_PARAMS(pg_text(request_param(r, "id"))),
                  topics_cleared);
}

static bool topic_valid(struct request *r, json_t *item, size_t i, const char *prefix) {
    const char *cluster = NULL;
    const char *topic = NULL;
    char at[POINTER_MAX];
    (void)snprintf(at, sizeof at, "/topics/%zu", i);
    const struct field fields[] = {{"cluster_id", FIELD_UUID, true, 0, 0, &cluster},
                                   {"topic", FIELD_TEXT, true, 1, TOPIC_NAME_MAX, &topic}};
    if (!request_fields(r, item, at, fields, sizeof fields / sizeof *fields)) {
        return false;
    }
    if (slice_starts_with(slice_str(topic), slice_str(prefix)) && strlen(topic) > strlen(prefix)) {
        return true;
    }
    request_problem(r, PROBLEM_DENIED, arena_printf(r->arena, "%s/topic", at),
                    "topic \"%s\" does not begin with the prefix \"%s\" of this provider", topic,
                    prefix);
    return false;
}

static void topics_locked(struct request *r, struct pg_rows *rows) {
    json_t *topics = NULL;
    if (!product_is_own(r, rows) ||
        !REQUEST_FIELDS(r, {"topics", FIELD_ARRAY, true, 1, TOPICS_MAX, &topics})) {
        return;
    }
    const char *prefix =
        arena_str(r->arena, pg_rows_slice(rows, 0, API_PRODUCT_LOCK_OWN_TOPIC_PREFIX));
    if (*prefix == '\0') {
        request_problem(r, PROBLEM_CONFLICT, "/topics",
                        "the operator has not given this provider a topic prefix yet");
        return;
    }
    size_t i;
    json_t *item;
    json_array_foreach(topics, i, item) {
        if (!topic_valid(r, item, i, prefix)) {
            return;
        }
    }
    product_open(r, rows, topics_replace);
}

static void product_put_topics(struct request *r) {
    product_lock(r, topics_locked);
}

// --- states --------------------------------------------------------------------------------------

static void publish_refused(struct request *r, struct pg_rows *rows) {
    const char *lacks = pg_rows_count(rows) == 0 ? "" : pg_rows_text(rows, 0, 0);
    if (*lacks == '\0') {
        request_problem(r, PROBLEM_CONFLICT, NULL, "the newest version is published already");
        return;
    }
    request_problem(r, PROBLEM_CONFLICT, NULL, "before it can be published the product needs %s",
                    lacks);
}

static void publish_done(struct request *r, struct pg_rows *rows) {
    const char *id = request_param(r, "id");
    if (pg_rows_count(rows) == 0) {
        request_write(r, &api_sql_product_lacks, PG_PARAMS(pg_text(id)), publish_refused);
        return;
    }
    request_audit(r, "product.publish", "product", id, NULL, NULL, NULL);
    request_write(r, &api_sql_product_get, PG_PARAMS(pg_text(id)), product_shown);
}

static void publish_locked(struct request *r, struct pg_rows *rows) {
    if (product_is_own(r, rows)) {
        request_write(r, &api_sql_product_publish, PG_PARAMS(pg_text(request_param(r, "id"))),
                      publish_done);
    }
}

static void product_publish(struct request *r) {
    product_lock(r, publish_locked);
}

static void deprecate_done(struct request *r, struct pg_rows *rows) {
    if (pg_rows_count(rows) == 0) {
        request_problem(r, PROBLEM_CONFLICT, NULL, "only a published product can be deprecated");
        return;
    }
    const char *id = request_param(r, "id");
    request_audit(r, "product.deprecate", "product", id, NULL, NULL, NULL);
    request_write(r, &api_sql_product_get, PG_PARAMS(pg_text(id)), product_shown);
}

static void deprecate_locked(struct request *r, struct pg_rows *rows) {
    if (product_is_own(r, rows)) {
        request_write(r, &api_sql_product_deprecate, PG_PARAMS(pg_text(request_param(r, "id"))),
                      deprecate_done);
    }
}

static void product_deprecate(struct request *r) {
    product_lock(r, deprecate_locked);
}

static const struct route ROWS[] = {
    {"GET", "/v1/products", "listProducts", ROUTE_SIGNED_IN,
     .read = {.statement = &api_sql_product_list,
              .shape = READ_PAGE,
              .params = {{.name = "q"}, {.name = "state"}}}},
    {"POST", "/v1/products", "createProduct", ROUTE_DEVELOPERS, ROUTE_JSON(ROUTE_BODY_SMALL),
     .quota = QUOTA_PRODUCTS, .handler = product_create},
    {"GET", "/v1/products/{id}", "getProduct", ROUTE_SIGNED_IN,
     .read = {.statement = &api_sql_product_get, .shape = READ_ROW, .params = {{.name = "{id}"}}}},
    {"PATCH", "/v1/products/{id}", "updateProduct", ROUTE_DEVELOPERS, ROUTE_JSON(ROUTE_BODY_SMALL),
     .handler = product_update},
    {"GET", "/v1/products/{id}/contract", "getContract", ROUTE_SIGNED_IN,
     .handler = product_get_contract},
    {"PUT", "/v1/products/{id}/contract", "putContract", ROUTE_DEVELOPERS, .body = BODY_RAW,
     .body_max = ROUTE_BODY_LARGE, .handler = product_put_contract},
    {"PUT", "/v1/products/{id}/topics", "putTopics", ROUTE_DEVELOPERS, ROUTE_JSON(ROUTE_BODY_SMALL),
     .handler = product_put_topics},
    {"POST", "/v1/products/{id}/publish", "publishProduct", ROUTE_DEVELOPERS,
     .handler = product_publish},
    {"POST", "/v1/products/{id}/deprecate", "deprecateProduct", ROUTE_DEVELOPERS,
     .handler = product_deprecate},
};
const struct route_table product_routes = ROUTE_TABLE(ROWS);
