// Real logs must add up to what their clients and brokers counted: tests/golden/request-log/*.json.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <glob.h>
#include <jansson.h>
#include <unistd.h>
#include <zlib.h>

#include "ctl/recount.h"

static const char FOLDER[] = "tests/golden/request-log";

static void expect_number(const char *where, const json_t *row, const char *field, i128 actual) {
    const json_t *expected = json_object_get(row, field);
    char text[I128_TEXT_MAX];
    if (expected == NULL || json_is_null(expected)) {
        return;
    }
    assert_true(json_is_integer(expected));
    number_format_i128(text, actual);
    if (json_integer_value(expected) != actual) {
        fail_msg("%s %s %s: %s is %s, not %lld", where,
                 json_string_value(json_object_get(row, "principal")),
                 json_string_value(json_object_get(row, "topic")), field, text,
                 (long long)json_integer_value(expected));
    }
}

static const struct recount_row *find_row(const struct recount_row *rows, size_t count,
                                          const json_t *row) {
    const char *principal = json_string_value(json_object_get(row, "principal"));
    const char *topic = json_string_value(json_object_get(row, "topic"));
    bool share = json_is_null(json_object_get(row, "bytes"));
    for (size_t i = 0; i < count; i++) {
        if (slice_eq_str(rows[i].principal, principal) && slice_eq_str(rows[i].topic, topic) &&
            rows[i].share == (share && json_object_get(row, "bytes") != NULL)) {
            return &rows[i];
        }
    }
    return NULL;
}

static void expect_rows(const char *name, const json_t *golden, struct recount *rc) {
    const struct recount_row *rows;
    size_t count, i;
    json_t *row;
    recount_finish(rc, &rows, &count);
    json_array_foreach(json_object_get(golden, "rows"), i, row) {
        const struct recount_row *r = find_row(rows, count, row);
        if (r == NULL) {
            fail_msg("%s: no row %s %s", name, json_string_value(json_object_get(row, "principal")),
                     json_string_value(json_object_get(row, "topic")));
            return;
        }
        expect_number(name, row, "bytes", (i128)r->bytes);
        expect_number(name, row, "messages", r->messages);
        expect_number(name, row, "fetches", (i128)r->fetches);
        expect_number(name, row, "produced_bytes", (i128)r->produced_bytes);
        expect_number(name, row, "open_fetches", r->open_fetches);
    }
    if (json_is_true(json_object_get(golden, "complete"))) {
        assert_int_equal(count, json_array_size(json_object_get(golden, "rows")));
    }
    const json_t *dead = json_object_get(golden, "dead_letters");
    if (dead != NULL) {
        assert_int_equal(recount_totals(rc).dead_letters, json_integer_value(dead));
    }
}

static void expect_csv(const char *name, struct recount *rc) {
    char path[512], *text = NULL;
    size_t len = 0, count, got;
    snprintf(path, sizeof path, "%s/%s.csv", FOLDER, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return;
    }
    FILE *out = open_memstream(&text, &len);
    const struct recount_row *rows;
    struct recount_totals totals = recount_totals(rc);
    recount_finish(rc, &rows, &count);
    recount_print(out, RECOUNT_CSV, rows, count, &totals);
    fclose(out);
    char *expected = calloc(1, len + 2);
    got = fread(expected, 1, len + 1, f);
    fclose(f);
    assert_int_equal(got, len);
    assert_string_equal(expected, text);
    free(expected);
    free(text);
}

static void run_golden(const char *json_name) {
    char path[512], name[256];
    json_error_t je;
    glob_t files;
    struct err e;
    snprintf(path, sizeof path, "%s/%s", FOLDER, json_name);
    json_t *golden = json_load_file(path, 0, &je);
    if (golden == NULL) {
        fail_msg("%s: %s", path, je.text);
    }
    snprintf(name, sizeof name, "%.*s", (int)(strlen(json_name) - strlen(".json")), json_name);
    snprintf(path, sizeof path, "%s/%s{,.[0-9]*}.log.gz", FOLDER, name);
    assert_int_equal(glob(path, GLOB_BRACE, NULL, &files), 0);
    struct recount *rc = recount_new();
    if (recount_files(rc, files.gl_pathv, files.gl_pathc, &e) != ERR_OK) {
        fail_msg("%s", e.text);
    }
    expect_rows(name, golden, rc);
    expect_csv(name, rc);
    recount_free(rc);
    globfree(&files);
    json_decref(golden);
}

static void golden_logs__add_up_to_what_was_counted(void **state) {
    (void)state;
    int count = 0;
    DIR *folder = opendir(FOLDER);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        size_t len = strlen(entry->d_name);
        if (len > 5 && strcmp(entry->d_name + len - 5, ".json") == 0) {
            run_golden(entry->d_name);
            count++;
        }
    }
    closedir(folder);
    assert_true(count >= 2);
}

// A captured log cut into files at some lines, given in the wrong order.
static void files__are_read_in_order_of_time(void **state) {
    (void)state;
    char paths[3][64];
    char *argv[3];
    FILE *parts[3];
    for (int i = 0; i < 3; i++) {
        snprintf(paths[i], sizeof paths[i], "/tmp/weir_recount_test_%d_%d", (int)getpid(), i);
        argv[2 - i] = paths[i];
        parts[i] = fopen(paths[i], "wb");
        assert_non_null(parts[i]);
    }
    char path[512];
    snprintf(path, sizeof path, "%s/sessions.log.gz", FOLDER);
    gzFile in = gzopen(path, "rb");
    static char line[1 << 16];
    for (int n = 0; gzgets(in, line, sizeof line) != NULL; n++) {
        fputs(line, parts[n < 300 ? 0 : n < 500 ? 1 : 2]);
    }
    gzclose(in);
    for (int i = 0; i < 3; i++) {
        fclose(parts[i]);
    }
    struct err e;
    struct recount *rc = recount_new();
    assert_int_equal(recount_files(rc, argv, 3, &e), ERR_OK);
    expect_csv("sessions", rc);
    recount_free(rc);
    for (int i = 0; i < 3; i++) {
        unlink(paths[i]);
    }
}

static void bad_lines__are_dead_letters_and_the_rest_counts(void **state) {
    (void)state;
    char path[64], *report = NULL;
    size_t len = 0;
    snprintf(path, sizeof path, "/tmp/weir_recount_test_%d_bad", (int)getpid());
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs("not a line\n[2026-11-22 16:10:23,697] DEBUG Completed request:{\"isForw\n", f);
    fputs("[2026-11-22 16:10:23,697] DEBUG Completed request:{\"isForwarded\":fal", f);
    fclose(f);
    char *argv[1] = {path};
    struct err e;
    struct recount *rc = recount_new();
    FILE *out = open_memstream(&report, &len);
    recount_report_to(rc, out);
    assert_int_equal(recount_files(rc, argv, 1, &e), ERR_OK);
    fclose(out);
    struct recount_totals t = recount_totals(rc);
    assert_int_equal(t.lines, 2);
    assert_int_equal(t.dead_letters, 2);
    assert_int_equal(t.dead_by_fault[LINE_FAULT_BAD_PREFIX], 1);
    assert_int_equal(t.dead_by_fault[LINE_FAULT_MALFORMED_JSON], 1);
    assert_int_equal(t.unfinished, 1);
    assert_non_null(strstr(report, ":11: dead letter: malformed_json"));
    free(report);
    recount_free(rc);
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_logs__add_up_to_what_was_counted),
        cmocka_unit_test(files__are_read_in_order_of_time),
        cmocka_unit_test(bad_lines__are_dead_letters_and_the_rest_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
