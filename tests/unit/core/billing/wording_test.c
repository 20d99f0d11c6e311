// What lines say in words.
#include "core/billing/wording.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/instant.h"

static const char *line_text(struct arena *a, enum rating_kind kind, struct plan_price *price,
                             struct rating_row *row, int corrects, const char *number, bool late,
                             const char *open, const char *share) {
    const char *bytes = strcmp(share, "6") == 0 ? "1234" : "0"; // of share groups
    price->price_id = "p1";
    struct rating_line line = {
        .price = price, .kind = kind, .rows = row, .row_count = row == NULL ? 0 : 1};
    return wording_line(a, &(struct wording_input){.product = "Ticks",
                                                   .topics = "acme.a, acme.b",
                                                   .line = &line,
                                                   .month_from_day = days_from_civil(2026, 11, 1),
                                                   .month_to_day = days_from_civil(2026, 12, 1),
                                                   .service_from_day = days_from_civil(2026, 11, 7),
                                                   .service_to_day = days_from_civil(2026, 12, 1),
                                                   .corrects_line = corrects,
                                                   .corrects_number = number,
                                                   .late = late,
                                                   .open_fetches = open,
                                                   .derived_messages = "0",
                                                   .share_messages = share,
                                                   .share_bytes = bytes});
}

static void period__whole_and_parts(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    assert_string_equal(
        wording_period(&a, days_from_civil(2026, 2, 1), days_from_civil(2026, 3, 1)),
        "February 2026");
    assert_string_equal(
        wording_period(&a, days_from_civil(2026, 2, 7), days_from_civil(2026, 3, 1)),
        "7-28 February 2026");
    assert_string_equal(
        wording_period(&a, days_from_civil(2026, 2, 7), days_from_civil(2026, 2, 8)),
        "7 February 2026");
    assert_string_equal(
        wording_period(&a, days_from_civil(2026, 2, 7), days_from_civil(2026, 2, 7)),
        "7 February 2026");
    assert_string_equal(
        wording_period(&a, days_from_civil(2026, 12, 7), days_from_civil(2027, 1, 3)),
        "7 December 2026 - 2 January 2027");
    arena_done(&a);
}

static void line__names_unit_delivery_and_topics(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    const char *replay[] = {RATING_DELIVERY_REPLAY};
    struct plan_filter filter = {RATING_DELIVERY, replay, 1};
    struct plan_price gib = {.metric = RATING_METRIC_BYTES,
                             .filters = &filter,
                             .filter_count = 1,
                             .has_conversion = true,
                             .conversion = {.divide = true}};
    gib.conversion.factor = decimal_from_i64(1073741824);
    assert_string_equal(
        line_text(&a, RATING_USAGE, &gib, NULL, 0, "", false, "0", "0"),
        "Ticks: data read, replayed, in GiB (p1) from acme.a, acme.b, November 2026");
    gib.conversion.factor = decimal_from_i64(500);
    gib.filter_count = 0;
    assert_string_equal(
        line_text(&a, RATING_USAGE, &gib, NULL, 0, "", false, "0", "0"),
        "Ticks: data read, in units of 500 bytes (p1) from acme.a, acme.b, November 2026");
    struct plan_price messages = {.metric = RATING_METRIC_MESSAGES};
    assert_string_equal(
        line_text(&a, RATING_USAGE, &messages, NULL, 0, "", false, "2", "9"),
        "Ticks: messages read, in messages (p1) from acme.a, acme.b, November 2026. Fetches still "
        "open: 2; their messages are not in this figure yet");
    arena_done(&a);
}

static void line__fees_say_their_days(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    struct plan_price flat = {.prorated = true};
    struct rating_row row = {.prorated = true, .billable_days = 24, .period_days = 30};
    assert_string_equal(line_text(&a, RATING_FIXED, &flat, &row, 0, "", false, "1", "1"),
                        "Ticks: fee (p1), 7-30 November 2026, 24 of 30 days");
    row.billable_days = 30;
    assert_string_equal(line_text(&a, RATING_FIXED, &flat, &row, 0, "", false, "1", "1"),
                        "Ticks: fee (p1), 7-30 November 2026");
    arena_done(&a);
}

static void line__corrections_name_their_line(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    struct plan_price bytes = {.metric = RATING_METRIC_BYTES};
    assert_string_equal(
        line_text(&a, RATING_MINIMUM, &bytes, NULL, 3, "INV-2026-000007", true, "0", "0"),
        "Correction of INV-2026-000007, line 3: Ticks: minimum charge (p1), November 2026");
    assert_string_equal(
        line_text(&a, RATING_USAGE, &bytes, NULL, 0, "", true, "0", "5"),
        "Later usage: Ticks: data read, in bytes (p1) from acme.a, acme.b, November 2026. Messages "
        "read by share groups: 5; their bytes are unknown and not in this figure");
    assert_string_equal(
        line_text(&a, RATING_USAGE, &bytes, NULL, 0, "", true, "0", "6"),
        "Later usage: Ticks: data read, in bytes (p1) from acme.a, acme.b, November 2026. Read by "
        "share groups, derived from what was produced: 1234. Messages read by share groups: 6; "
        "their bytes are unknown and not in this figure");
    arena_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(period__whole_and_parts),
        cmocka_unit_test(line__names_unit_delivery_and_topics),
        cmocka_unit_test(line__fees_say_their_days),
        cmocka_unit_test(line__corrections_name_their_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
