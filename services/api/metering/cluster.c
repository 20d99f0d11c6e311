// Kafka clusters: registered by the operator, read by everybody who is signed in.
#include "api/request/api.h"
#include "api/request/request.h"

enum {
    LOG_PARTITIONS_DEFAULT = 64,
    LOG_PARTITIONS_MAX = 4096,
    BROKERS_MAX = 64,                    // of a cluster
    BROKERS_TEXT_MAX = BROKERS_MAX * 12, // their ids with commas
};

static void on_created(struct request *r, struct pg_rows *rows) {
    const char *id = arena_str(r->arena, pg_rows_slice(rows, 0, API_CLUSTER_INSERT_ID));
    request_audit(r, "cluster.create", "cluster", id, NULL,
                  arena_str(r->arena, pg_rows_slice(rows, 0, API_CLUSTER_INSERT_JSON)), NULL);
    request_header(r, "location", arena_printf(r->arena, "/v1/clusters/%s", id));
    request_reply_row(r, 201, rows);
}

// [0, 1] as '{0,1}'.
static const char *broker_array(struct request *r, const json_t *brokers) {
    struct buf out;
    size_t i;
    json_t *item;
    buf_init(&out, BROKERS_TEXT_MAX);
    buf_add_char(&out, '{');
    json_array_foreach(brokers, i, item) {
        json_int_t id = json_integer_value(item);
        if (!json_is_integer(item) || id < 0 || id > INT32_MAX) {
            buf_done(&out);
            request_problem(r, PROBLEM_INVALID, "/brokers", "a broker is its whole-numbered id");
            return NULL;
        }
        buf_printf(&out, "%s%lld", i > 0 ? "," : "", (long long)id);
    }
    buf_add_char(&out, '}');
    const char *text = arena_str(r->arena, buf_slice(&out));
    buf_done(&out);
    return text;
}

static void cluster_create(struct request *r) {
    const char *name = NULL, *bootstrap = NULL, *audience = NULL, *class = "request_log",
               *protocol = NULL;
    int64_t partitions = LOG_PARTITIONS_DEFAULT;
    json_t *brokers = NULL;
    if (!REQUEST_FIELDS(
            r, {"name", FIELD_TEXT, .required = true, .min = 1, .max = 63, .out = &name},
            {"bootstrap_servers", FIELD_TEXT, .required = true, .min = 3, .max = 2000,
             .out = &bootstrap},
            {"audience", FIELD_TEXT, .required = true, .min = 1, .max = 200, .out = &audience},
            {"metering_class", FIELD_TEXT, .out = &class},
            {"security_protocol", FIELD_TEXT, .out = &protocol},
            {"log_partitions", FIELD_INT, .min = 1, .max = LOG_PARTITIONS_MAX, .out = &partitions},
            {"brokers", FIELD_ARRAY, .required = true, .min = 1, .max = BROKERS_MAX,
             .out = &brokers})) {
        return;
    }
    const char *ids = broker_array(r, brokers);
    if (ids == NULL) {
        return;
    }
    // A token for a cluster must never open the API.
    if (strcmp(audience, API_AUDIENCE) == 0) {
        request_problem(r, PROBLEM_INVALID, "/audience", "weir-api is the API's own audience");
        return;
    }
    request_write(r, &api_sql_cluster_insert,
                  PG_PARAMS(pg_text(name), pg_text(bootstrap), pg_text(audience), pg_text(class),
                            pg_int8(partitions), pg_text(ids), pg_text(protocol)),
                  on_created);
}

static const struct route ROWS[] = {
    {"POST", "/v1/clusters", "createCluster", ROUTE_DEVELOPERS, ROUTE_OPERATOR,
     ROUTE_JSON(ROUTE_BODY_SMALL), .handler = cluster_create},
    {"GET", "/v1/clusters", "listClusters", ROUTE_SIGNED_IN,
     .read = {.statement = &api_sql_cluster_list, .shape = READ_PAGE}},
    {"GET", "/v1/clusters/{id}", "getCluster", ROUTE_SIGNED_IN,
     .read = {.statement = &api_sql_cluster_get, .shape = READ_ROW, .params = {{.name = "{id}"}}}},
};
const struct route_table cluster_routes = ROUTE_TABLE(ROWS);
