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

static const char LIVE[] = "tests/golden/request-log";
static const char HOSTILE[] = "tests/golden/metering";

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
        expect_number(name, row, "produced_messages", r->produced_messages);
        expect_number(name, row, "open_fetches", r->open_fetches);
        expect_number(name, row, "derived_messages", r->derived_messages);
        expect_number(name, row, "replay_bytes", (i128)r->replay_bytes);
    }
    if (json_is_true(json_object_get(golden, "complete"))) {
        assert_int_equal(count, json_array_size(json_object_get(golden, "rows")));
    }
    const json_t *dead = json_object_get(golden, "dead_letters");
    if (dead != NULL) {
        assert_int_equal(recount_totals(rc).dead_letters, json_integer_value(dead));
    }
    const json_t *other = json_object_get(golden, "other_text");
    if (other != NULL) {
        assert_int_equal(recount_totals(rc).other_text, json_integer_value(other));
    }
}

static void expect_csv(const char *folder, const char *name, struct recount *rc) {
    char path[512], *text = NULL;
    size_t len = 0, got;
    snprintf(path, sizeof path, "%s/%s.csv", folder, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return;
    }
    FILE *out = open_memstream(&text, &len);
    recount_print(out, RECOUNT_CSV, rc);
    fclose(out);
    char *expected = calloc(1, len + 2);
    got = fread(expected, 1, len + 1, f);
    fclose(f);
    assert_int_equal(got, len);
    assert_string_equal(expected, text);
    free(expected);
    free(text);
}

static void run_golden(const char *folder, const char *json_name) {
    char path[512], name[256];
    json_error_t je;
    glob_t files;
    struct err e;
    snprintf(path, sizeof path, "%s/%s", folder, json_name);
    json_t *golden = json_load_file(path, 0, &je);
    if (golden == NULL) {
        fail_msg("%s: %s", path, je.text);
    }
    snprintf(name, sizeof name, "%.*s", (int)(strlen(json_name) - strlen(".json")), json_name);
    snprintf(path, sizeof path, "%s/%s{,.[0-9]*}.log.gz", folder, name);
    assert_int_equal(glob(path, GLOB_BRACE, NULL, &files), 0);
    struct recount *rc = recount_new();
    if (recount_files(rc, files.gl_pathv, files.gl_pathc, &e) != ERR_OK) {
        fail_msg("%s", e.text);
    }
    expect_rows(name, golden, rc);
    expect_csv(folder, name, rc);
    recount_free(rc);
    globfree(&files);
    json_decref(golden);
}

static int run_goldens(const char *path) {
    int count = 0;
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        size_t len = strlen(entry->d_name);
        if (len > 5 && strcmp(entry->d_name + len - 5, ".json") == 0) {
            run_golden(path, entry->d_name);
            count++;
        }
    }
    closedir(folder);
    return count;
}

static void golden_logs__add_up_to_what_was_counted(void **state) {
    (void)state;
    assert_true(run_goldens(LIVE) >= 2);
}

static void hostile_logs__add_up_to_what_is_right(void **state) {
    (void)state;
    assert_true(run_goldens(HOSTILE) >= 20);
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
    snprintf(path, sizeof path, "%s/sessions.log.gz", LIVE);
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
    expect_csv(LIVE, "sessions", rc);
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
    fputs("\"clientInformation\":{}} (kafka.request.logger)\n[2026-11-22 16:10:23,697] DEBUG "
          "Completed request:{\"isForw\n",
          f);
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
    assert_non_null(strstr(report, ":47: dead letter: malformed_json"));
    free(report);
    recount_free(rc);
    unlink(path);
}

// --- files ---------------------------------------------------------------------------------------

struct made_file {
    char path[64];
    FILE *out;
};

static void make_file(struct made_file *f, const char *name) {
    snprintf(f->path, sizeof f->path, "/tmp/weir_recount_test_%d_%s", (int)getpid(), name);
    f->out = fopen(f->path, "wb");
    assert_non_null(f->out);
}

static void add_nuls(FILE *out, size_t count) {
    while (count-- > 0) {
        fputc('\0', out);
    }
}

// A sessionless FETCH of one partition at the `n`th second.
static void add_fetch(FILE *out, const char *level, int n, int offset, int bytes) {
    fprintf(out,
            "[2026-11-22 10:00:%02d,000] %s Completed request:{\"isForwarded\":false,"
            "\"requestHeader\":{\"requestApiKey\":1,\"requestApiVersion\":11,\"correlationId\":1,"
            "\"clientId\":\"c\",\"requestApiKeyName\":\"FETCH\"},\"request\":{\"replicaId\":-1,"
            "\"sessionId\":0,\"sessionEpoch\":-1,\"topics\":[{\"topic\":\"t\",\"partitions\":[{"
            "\"partition\":0,\"fetchOffset\":%d}]}],\"forgottenTopicsData\":[]},\"response\":{"
            "\"errorCode\":0,\"sessionId\":0,\"responses\":[{\"topic\":\"t\",\"partitions\":[{"
            "\"partitionIndex\":0,\"errorCode\":0,\"highWatermark\":1000,"
            "\"recordsSizeInBytes\":%d}]}]},\"connection\":\"127.0.0.1:9094-127.0.0.1:40001-0-1\","
            "\"totalTimeMs\":1.5,\"principal\":\"User:a\\\"lice\",\"listener\":\"CLIENT\","
            "\"clientInformation\":{\"softwareName\":\"s\",\"softwareVersion\":\"1\"}} "
            "(kafka.request.logger)\n",
            n, level, offset, bytes);
}

static char *report_text;
static size_t report_len;
static FILE *report;

static struct recount *count_files(char *const *paths, size_t count) {
    struct err e;
    struct recount *rc = recount_new();
    report = open_memstream(&report_text, &report_len);
    recount_report_to(rc, report);
    if (recount_files(rc, paths, count, &e) != ERR_OK) {
        fail_msg("%s", e.text);
    }
    fflush(report);
    return rc;
}

static void done(struct recount *rc) {
    recount_free(rc);
    fclose(report);
    free(report_text);
}

static u128 bytes_of(struct recount *rc) {
    const struct recount_row *rows;
    size_t count;
    u128 bytes = 0;
    recount_finish(rc, &rows, &count);
    for (size_t i = 0; i < count; i++) {
        bytes += rows[i].bytes;
    }
    return bytes;
}

static void expect_report(const char *text) {
    if (strstr(report_text, text) == NULL) {
        fail_msg("no \"%s\" in: %s", text, report_text);
    }
}

static void pack(const char *from, const char *to, size_t cut_to) {
    char buffer[1 << 16];
    FILE *in = fopen(from, "rb");
    gzFile out = gzopen(to, "wb");
    size_t n;
    while ((n = fread(buffer, 1, sizeof buffer, in)) > 0) {
        assert_int_equal(gzwrite(out, buffer, (unsigned)n), n);
    }
    fclose(in);
    gzclose(out);
    if (cut_to > 0) {
        assert_int_equal(truncate(to, (off_t)cut_to), 0);
    }
}

static void same_content__is_counted_once(void **state) {
    (void)state;
    struct made_file whole, copy, beginning, packed, later;
    make_file(&whole, "whole");
    make_file(&copy, "copy");
    make_file(&beginning, "beginning");
    make_file(&packed, "packed");
    make_file(&later, "later");
    for (int i = 0; i < 40; i++) {
        add_fetch(whole.out, "DEBUG", i, i, 100);
        add_fetch(copy.out, "DEBUG", i, i, 100);
        if (i < 30) {
            add_fetch(beginning.out, "DEBUG", i, i, 100);
        }
    }
    fputs("[2026-11-22 10:0", beginning.out);
    add_fetch(whole.out, "DEBUG", 40, 40, 1);
    // The same first line, then other ones: not the same content.
    add_fetch(later.out, "DEBUG", 0, 0, 100);
    add_fetch(later.out, "DEBUG", 50, 50, 7);
    struct made_file *all[] = {&whole, &copy, &beginning, &later, &packed};
    for (int i = 0; i < 5; i++) {
        fclose(all[i]->out);
    }
    pack(whole.path, packed.path, 0);
    char *const paths[] = {beginning.path, copy.path,  whole.path,
                           packed.path,    whole.path, later.path};
    struct recount *rc = count_files(paths, 6);
    assert_true(bytes_of(rc) == 4001 + 107);
    assert_int_equal(recount_totals(rc).copies, 4);
    assert_int_equal(recount_totals(rc).unfinished, 0);
    expect_report("_beginning: the beginning of ");
    expect_report("_packed: the same content as ");
    done(rc);
    rc = count_files(paths, 1);
    assert_int_equal(recount_totals(rc).copies, 0);
    assert_int_equal(recount_totals(rc).unfinished, 1);
    done(rc);
    for (int i = 0; i < 5; i++) {
        unlink(all[i]->path);
    }
}

static void packed_file_that_breaks_off__is_told_and_counts_what_it_has(void **state) {
    (void)state;
    struct made_file plain, cut;
    make_file(&plain, "plain");
    make_file(&cut, "cut");
    fclose(cut.out);
    for (int i = 0; i < 60; i++) {
        add_fetch(plain.out, "DEBUG", i, i, rand() % 900 + 100);
    }
    fclose(plain.out);
    pack(plain.path, cut.path, 900);
    char *const paths[] = {cut.path, plain.path};
    struct recount *rc = count_files(paths, 1);
    u128 part = bytes_of(rc);
    assert_true(part > 0);
    assert_int_equal(recount_totals(rc).damaged, 1);
    expect_report("gzip data ends in the middle: what stands before is counted");
    done(rc);
    // The whole of it beside: nothing twice, and still told, for nobody knows what was cut off.
    rc = count_files(paths, 2);
    assert_true(bytes_of(rc) > part);
    assert_int_equal(recount_totals(rc).copies, 1);
    assert_int_equal(recount_totals(rc).damaged, 1);
    done(rc);
    unlink(plain.path);
    unlink(cut.path);
}

static void nuls__are_passed_over_and_told(void **state) {
    (void)state;
    struct made_file f;
    make_file(&f, "nuls");
    char *const paths[] = {f.path};
    add_nuls(f.out, 5000);
    add_fetch(f.out, "DEBUG", 0, 0, 1000);
    fputs("[2026-11-22 10:00:01,000] DEBUG Completed request:{\"isForw", f.out);
    add_nuls(f.out, 70000000); // more than any line
    add_fetch(f.out, "INFO", 2, 10, 100);
    add_nuls(f.out, 1);
    fclose(f.out);
    struct recount *rc = count_files(paths, 1);
    assert_true(bytes_of(rc) == 1100);
    struct recount_totals t = recount_totals(rc);
    assert_int_equal(t.nuls, 70005001);
    assert_int_equal(t.lines, 3);
    assert_int_equal(t.dead_letters, 1);
    expect_report("70005001 NUL bytes passed over");
    done(rc);
    unlink(f.path);
}

// A file that begins with other text takes its place by its first line that has a time.
static void other_text__is_passed_over_and_counted(void **state) {
    (void)state;
    struct made_file first, second;
    make_file(&first, "first");
    make_file(&second, "second");
    add_fetch(first.out, "DEBUG", 0, 0, 100);
    fputs("java.io.IOException: Broken pipe\n\tat java.base/sun.nio.ch.write0(Native Method)\n\n"
          "[2026-11-22 10:00:01,000] TRACE Processor 1 received request: FetchRequestData(x) "
          "(kafka.network.RequestChannel$)\n",
          first.out);
    fputs("\n\tat kafka.Kafka.main(Kafka.java)\n", second.out);
    add_fetch(second.out, "DEBUG", 2, 10, 0);
    fclose(first.out);
    fclose(second.out);
    char *const paths[] = {second.path, first.path};
    struct recount *rc = count_files(paths, 2);
    const struct recount_row *rows;
    size_t count;
    recount_finish(rc, &rows, &count);
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].messages, 10);
    struct recount_totals t = recount_totals(rc);
    assert_int_equal(t.other_text, 6);
    assert_int_equal(t.lines, 2);
    assert_int_equal(t.dead_letters, 0);
    done(rc);
    unlink(first.path);
    unlink(second.path);
}

static void dead_fetch__is_money_at_risk(void **state) {
    (void)state;
    struct made_file f;
    make_file(&f, "risk");
    char *const paths[] = {f.path};
    // Longer than any line is read: the principal stands at its end.
    fputs("[2026-11-22 10:00:00,000] DEBUG Completed request:{\"isForwarded\":false,"
          "\"requestHeader\":{\"requestApiKey\":1},\"request\":{\"topics\":[",
          f.out);
    for (int i = 0; i < 700000; i++) {
        fprintf(f.out,
                "%s{\"partition\":%d,\"fetchOffset\":0,\"partitionMaxBytes\":1048576,"
                "\"currentLeaderEpoch\":-1,\"recordsSizeInBytes\":2}",
                i == 0 ? "" : ",", i);
    }
    fputs("]},\"principal\":\"User:M\\u00fcller\",\"listener\":\"L\"} (kafka.request.logger)\n",
          f.out);
    // The tail of a fetch, and a produce: the one may be money, the other is none.
    fputs("\"recordsSizeInBytes\":40}]}]},\"principal\":\"User:bob\"} (kafka.request.logger)\n"
          "[2026-11-22 10:00:01,000] DEBUG Completed request:{\"requestHeader\":{"
          "\"requestApiKey\":0},\"recordsSizeInBytes\":5\n",
          f.out);
    add_fetch(f.out, "DEBUG", 2, 0, 100);
    fclose(f.out);
    struct recount *rc = count_files(paths, 1);
    const struct recount_risk *risks;
    size_t count;
    assert_true(bytes_of(rc) == 100);
    struct recount_totals t = recount_totals(rc);
    assert_int_equal(t.dead_letters, 3);
    assert_int_equal(t.dead_by_fault[LINE_FAULT_TOO_LONG], 1);
    assert_int_equal(t.at_risk, 2);
    assert_true(t.bytes_at_risk == 1400000 + 40);
    recount_risks(rc, &risks, &count);
    assert_int_equal(count, 2);
    assert_true(slice_eq_str(risks[0].principal, "User:M\xc3\xbcller"));
    assert_true(risks[0].has_time);
    assert_true(risks[0].line_bytes > 64 << 20);
    assert_int_equal(risks[0].bytes, 1400000);
    assert_true(slice_eq_str(risks[1].principal, "User:bob"));
    assert_false(risks[1].has_time);
    expect_report("a fetch of User:M\xc3\xbcller at 2026-11-22T10:00:00Z, at least 1400000 bytes");
    char *json = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&json, &len);
    recount_print(out, RECOUNT_JSON, rc);
    fclose(out);
    json_t *o = json_loadb(json, len, 0, NULL);
    assert_non_null(o);
    assert_int_equal(json_integer_value(json_object_get(o, "fetches_at_risk")), 2);
    assert_int_equal(json_array_size(json_object_get(o, "at_risk")), 2);
    json_decref(o);
    free(json);
    done(rc);
    unlink(f.path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_logs__add_up_to_what_was_counted),
        cmocka_unit_test(hostile_logs__add_up_to_what_is_right),
        cmocka_unit_test(files__are_read_in_order_of_time),
        cmocka_unit_test(bad_lines__are_dead_letters_and_the_rest_counts),
        cmocka_unit_test(same_content__is_counted_once),
        cmocka_unit_test(packed_file_that_breaks_off__is_told_and_counts_what_it_has),
        cmocka_unit_test(nuls__are_passed_over_and_told),
        cmocka_unit_test(other_text__is_passed_over_and_counted),
        cmocka_unit_test(dead_fetch__is_money_at_risk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
