// The route table: against the OpenAPI document both ways, and how paths are matched.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "api/dispatch/routes.h"
#include "api/site/openapi.h"

static json_t *document(void) {
    struct slice text = openapi_document();
    json_t *d = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(d);
    return d;
}

static const struct route *row_of(const char *method, const char *path) {
    for (size_t i = 0; i < ROUTES_COUNT; i++) {
        char lower[16] = "";
        for (size_t c = 0; ROUTES[i].method[c] != '\0'; c++) {
            lower[c] = (char)(ROUTES[i].method[c] | 0x20);
        }
        if (strcmp(lower, method) == 0 && strcmp(ROUTES[i].path, path) == 0) {
            return &ROUTES[i];
        }
    }
    return NULL;
}

static void table__every_row_is_documented(void **state) {
    (void)state;
    json_t *d = document();
    for (size_t i = 0; i < ROUTES_COUNT; i++) {
        char method[16] = "";
        for (size_t c = 0; ROUTES[i].method[c] != '\0'; c++) {
            method[c] = (char)(ROUTES[i].method[c] | 0x20);
        }
        json_t *path = json_object_get(json_object_get(d, "paths"), ROUTES[i].path);
        const char *id =
            json_string_value(json_object_get(json_object_get(path, method), "operationId"));
        if (id == NULL || strcmp(id, ROUTES[i].operation) != 0) {
            fail_msg("%s %s: the document says %s, the table %s", ROUTES[i].method, ROUTES[i].path,
                     id != NULL ? id : "nothing", ROUTES[i].operation);
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
    assert_int_equal(seen, ROUTES_COUNT);
    json_decref(d);
}

static void table__rows_are_sound(void **state) {
    (void)state;
    for (size_t i = 0; i < ROUTES_COUNT; i++) {
        const struct route *row = &ROUTES[i];
        assert_non_null(row->handler);
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
            assert_string_not_equal(ROUTES[j].operation, row->operation);
        }
    }
}

static const struct route *find(const char *method, const char *path, struct slice *params,
                                struct buf *allow) {
    buf_clear(allow);
    return route_find(slice_str(method), slice_str(path), params, allow);
}

static void find__matches_whole_segments(void **state) {
    (void)state;
    struct slice params[REQUEST_PATH_PARAMS_MAX] = {{NULL, 0}};
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
    struct slice params[REQUEST_PATH_PARAMS_MAX];
    struct buf allow;
    buf_init(&allow, 256);
    assert_null(find("GET", "/v1/organisations/1", params, &allow));
    assert_null(
        find("GET", "/v1/organisations/74f0eb41-2ab9-433f-af7d-19748323b8g7", params, &allow));
    assert_null(find("GET", "/v1/organisations/'; drop table person; --", params, &allow));
    assert_int_equal(allow.len, 0);
    buf_done(&allow);
}

static void find__another_method_lists_those_allowed(void **state) {
    (void)state;
    struct slice params[REQUEST_PATH_PARAMS_MAX];
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
        cmocka_unit_test(find__matches_whole_segments),
        cmocka_unit_test(find__an_id_that_is_no_uuid_is_no_path),
        cmocka_unit_test(find__another_method_lists_those_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
