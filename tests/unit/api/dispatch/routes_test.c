// The tables of routes: against the OpenAPI document both ways, and how paths are matched.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "api/dispatch/routes.h"
#include "api/request/cursor.h"
#include "api/site/openapi.h"
#include "platform/pg/pg_statement.h"

static json_t *document(void) {
    struct slice text = openapi_document();
    json_t *d = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(d);
    return d;
}

static size_t count_rows(void) {
    size_t n = 0;
    while (routes_at(n) != NULL) {
        n++;
    }
    return n;
}

// "get" for "GET", as the document writes it.
static void lower_case(char out[16], const char *method) {
    size_t n = 0;
    for (; method[n] != '\0'; n++) {
        out[n] = (char)(method[n] | 0x20);
    }
    out[n] = '\0';
}

static json_t *operation_of(const json_t *d, const struct route *row) {
    char method[16];
    lower_case(method, row->method);
    return json_object_get(json_object_get(json_object_get(d, "paths"), row->path), method);
}

static const struct route *row_of(const char *method, const char *path) {
    const struct route *row = NULL;
    for (size_t i = 0; (row = routes_at(i)) != NULL; i++) {
        char lower[16];
        lower_case(lower, row->method);
        if (strcmp(lower, method) == 0 && strcmp(row->path, path) == 0) {
            return row;
        }
    }
    return NULL;
}

static void table__every_row_is_documented(void **state) {
    (void)state;
    json_t *d = document();
    const struct route *row = NULL;
    for (size_t i = 0; (row = routes_at(i)) != NULL; i++) {
        const char *id = json_string_value(json_object_get(operation_of(d, row), "operationId"));
        if (id == NULL || strcmp(id, row->operation) != 0) {
            fail_msg("%s %s: the document says %s, the table %s", row->method, row->path,
                     id != NULL ? id : "nothing", row->operation);
        }
    }
    json_decref(d);
}

static void table__everything_documented_is_a_row(void **state) {
    (void)state;
    const char *path, *method;
    json_t *methods, *operation, *d = document();
    size_t seen = 0;
    json_object_foreach(json_object_get(d, "paths"), path, methods) {
        json_object_foreach(methods, method, operation) {
            const struct route *row = row_of(method, path);
            if (row == NULL) {
                fail_msg("%s %s is documented but not served", method, path);
            }
            bool documented_public = json_is_array(json_object_get(operation, "security")) &&
                                     json_array_size(json_object_get(operation, "security")) == 0;
            if (documented_public != (row->auth == AUTH_PUBLIC)) {
                fail_msg("%s %s: table and document differ on who may call it", method, path);
            }
            seen++;
        }
    }
    assert_int_equal(seen, count_rows());
    json_decref(d);
}

static void table__rows_are_sound(void **state) {
    (void)state;
    const struct route *row = NULL;
    for (size_t i = 0; (row = routes_at(i)) != NULL; i++) {
        if ((row->handler == NULL) == (row->read.statement == NULL)) {
            fail_msg("%s needs a handler or a statement, not both", row->operation);
        }
        if (row->auth == AUTH_SIGNED_IN && row->roles == 0) {
            fail_msg("%s lets no role in", row->operation);
        }
        if (row->auth == AUTH_PUBLIC && (row->roles != 0 || row->operator_only)) {
            fail_msg("%s is public and asks for a role", row->operation);
        }
        if ((row->body == BODY_NONE) != (row->body_max == 0)) {
            fail_msg("%s: a body needs a limit, and only a body", row->operation);
        }
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(routes_at(j)->operation, row->operation);
        }
    }
}

// Where the operator's people change what is a tenant's: all such operations, and with which role.
// Whoever adds one says so here, and asks for a reason in its handler (request_acts_for).
static void operator__acts_for_tenants_by_these_operations_alone(void **state) {
    (void)state;
    static const struct {
        const char *operation;
        unsigned roles;
    } SUPPORT[] = {
        {"createSecret", ROLE_OWNER},
        {"revokeSecret", ROLE_OWNER},
        {"createProducerGrant", ROLE_OWNER},
        {"revokeProducerGrant", ROLE_OWNER},
        {"disableApplication", ROLE_OWNER},
        {"enableApplication", ROLE_OWNER},
        {"updateOrganisation", ROLE_OWNER},
        {"approveSubscription", ROLE_OWNER},
        {"denySubscription", ROLE_OWNER},
        {"cancelSubscription", ROLE_OWNER},
        {"suspendOrganisation", ROLE_OWNER},
        {"resumeOrganisation", ROLE_OWNER},
        {"updateTopicLimit", ROLE_OWNER | ROLE_DEVELOPER},
    };
    const struct route *row = NULL;
    for (size_t i = 0; (row = routes_at(i)) != NULL; i++) {
        unsigned wanted = 0,
                 given = row->operator_only ? row->roles : row->for_tenants & row->roles;
        for (size_t j = 0; j < sizeof SUPPORT / sizeof *SUPPORT; j++) {
            if (strcmp(SUPPORT[j].operation, row->operation) == 0) {
                wanted = SUPPORT[j].roles;
            }
        }
        // What the operator does for itself.
        if (route_reads(row) || strcmp(row->operation, "createCluster") == 0 ||
            strcmp(row->operation, "createBillingRun") == 0) {
            continue;
        }
        if (given != wanted) {
            fail_msg("%s: the operator's roles %x act for tenants, not %x", row->operation, given,
                     wanted);
        }
        assert_true(route_reaches_tenants(row, ROLE_DEVELOPER) == ((given & ROLE_DEVELOPER) != 0) ||
                    row->operator_only);
    }
}

// --- reads ---------------------------------------------------------------------------------------
static bool in_path(const struct route *row, const char *name) {
    return strstr(row->path, name) != NULL;
}

static void reads__give_their_statement_all_of_its_parameters(void **state) {
    (void)state;
    const struct route *row = NULL;
    for (size_t i = 0; (row = routes_at(i)) != NULL; i++) {
        const struct read *read = &row->read;
        if (read->statement == NULL) {
            continue;
        }
        assert_string_equal(row->method, "GET");
        size_t given = read_params_count(read), wanted = (size_t)read->statement->params;
        if (read->shape == READ_PAGE) {
            if (wanted < given + 2 || wanted > given + CURSOR_KEYS_MAX + 1) {
                fail_msg("%s: a page has 1..%d keys and the number of rows", row->operation,
                         CURSOR_KEYS_MAX);
            }
        } else if (given != wanted) {
            fail_msg("%s: %zu parameters for %zu", row->operation, given, wanted);
        }
        for (size_t p = 0; p < given; p++) {
            const char *name = read->params[p].name;
            if (name[0] == '{' && !in_path(row, name)) {
                fail_msg("%s: %s is not in the path", row->operation, name);
            }
            assert_true(name[0] != '{' ||
                        (read->params[p].rule == NULL && read->params[p].fallback == NULL));
            assert_true(read->params[p].fallback == NULL || read->params[p].rule == NULL ||
                        read->params[p].rule->fits(slice_str(read->params[p].fallback)));
        }
        if (read->of != NULL) {
            assert_int_equal(read->of->params, 1);
            assert_true(in_path(row, "{id}"));
        }
    }
}

static bool takes(const struct read *read, const char *name) {
    for (size_t p = 0; p < read_params_count(read); p++) {
        if (strcmp(read->params[p].name, name) == 0) {
            return true;
        }
    }
    return read->shape == READ_PAGE && (strcmp(name, "limit") == 0 || strcmp(name, "cursor") == 0);
}

static void reads__take_what_is_documented(void **state) {
    (void)state;
    const struct route *row = NULL;
    json_t *d = document();
    for (size_t i = 0; (row = routes_at(i)) != NULL; i++) {
        if (row->read.statement == NULL) {
            continue;
        }
        size_t documented = 0, n = 0;
        json_t *parameter;
        json_array_foreach(json_object_get(operation_of(d, row), "parameters"), n, parameter) {
            const char *ref = json_string_value(json_object_get(parameter, "$ref"));
            if (ref != NULL) {
                assert_int_equal(strncmp(ref, "#/components/parameters/", 24), 0);
                parameter = json_object_get(
                    json_object_get(json_object_get(d, "components"), "parameters"), ref + 24);
            }
            if (strcmp(json_string_value(json_object_get(parameter, "in")), "query") != 0) {
                continue;
            }
            const char *name = json_string_value(json_object_get(parameter, "name"));
            if (!takes(&row->read, name)) {
                fail_msg("%s: ?%s= is documented but not read", row->operation, name);
            }
            documented++;
        }
        size_t read = row->read.shape == READ_PAGE ? 2 : 0;
        for (size_t p = 0; p < read_params_count(&row->read); p++) {
            read += row->read.params[p].name[0] != '{' ? 1 : 0;
        }
        if (documented != read) {
            fail_msg("%s: reads %zu parameters, documents %zu", row->operation, read, documented);
        }
    }
    json_decref(d);
}

// --- matching ------------------------------------------------------------------------------------
static const struct route *find(const char *method, const char *path, struct slice *params,
                                struct buf *allow) {
    buf_clear(allow);
    return routes_find(slice_str(method), slice_str(path), params, allow);
}

static void find__matches_whole_segments(void **state) {
    (void)state;
    struct slice params[ROUTE_PARAMS_MAX] = {{NULL, 0}};
    struct buf allow;
    buf_init(&allow, 256);
    static const char ID[] = "74f0eb41-2ab9-433f-af7d-19748323b8f7";
    char path[128];
    snprintf(path, sizeof path, "/v1/organisations/%s", ID);
    const struct route *row = find("GET", path, params, &allow);
    assert_non_null(row);
    assert_string_equal(row->operation, "getOrganisation");
    assert_true(slice_eq_str(params[0], ID));
    assert_true(slice_eq_str(route_param_name(row, 0), "id"));
    assert_null(route_param_name(row, 1).ptr);
    assert_ptr_equal(find("HEAD", path, params, &allow), row);
    assert_null(find("GET", "/v1/organisations/", params, &allow));
    assert_null(find("GET", "/v1/organisationsx", params, &allow));
    assert_null(find("GET", "/v1", params, &allow));
    assert_null(find("GET", "", params, &allow));
    snprintf(path, sizeof path, "/v1/organisations/%s/", ID);
    assert_null(find("GET", path, params, &allow));
    assert_int_equal(allow.len, 0);
    buf_done(&allow);
}

static void find__an_id_that_is_no_uuid_is_no_path(void **state) {
    (void)state;
    struct slice params[ROUTE_PARAMS_MAX];
    struct buf allow;
    buf_init(&allow, 256);
    assert_null(find("GET", "/v1/organisations/1", params, &allow));
    assert_null(
        find("GET", "/v1/organisations/74f0eb41-2ab9-433f-af7d-19748323b8g7", params, &allow));
    assert_null(find("GET", "/v1/organisations/'; drop table person; --", params, &allow));
    assert_non_null(find("GET", "/v1/dead-letters/17", params, &allow));
    assert_null(find("GET", "/v1/dead-letters/x", params, &allow));
    assert_null(find("GET", "/v1/dead-letters/9223372036854775808", params, &allow));
    assert_int_equal(allow.len, 0);
    buf_done(&allow);
}

static void find__another_method_lists_those_allowed(void **state) {
    (void)state;
    struct slice params[ROUTE_PARAMS_MAX];
    struct buf allow;
    buf_init(&allow, 256);
    assert_null(find("DELETE", "/v1/organisations", params, &allow));
    assert_string_equal(allow.ptr, "POST, GET");
    buf_done(&allow);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table__every_row_is_documented),
        cmocka_unit_test(table__everything_documented_is_a_row),
        cmocka_unit_test(table__rows_are_sound),
        cmocka_unit_test(operator__acts_for_tenants_by_these_operations_alone),
        cmocka_unit_test(reads__give_their_statement_all_of_its_parameters),
        cmocka_unit_test(reads__take_what_is_documented),
        cmocka_unit_test(find__matches_whole_segments),
        cmocka_unit_test(find__an_id_that_is_no_uuid_is_no_path),
        cmocka_unit_test(find__another_method_lists_those_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
