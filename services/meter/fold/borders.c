// Sorted instants of one principal; pure.
#include "meter/fold/borders.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/instant.h"

void borders_done(struct borders *b) {
    free(b->at_us);
    *b = (struct borders){0};
}

void borders_add(struct borders *b, int64_t at_us) {
    if (b->count == b->cap) {
        check(b->cap < BORDERS_MAX);
        b->cap = b->cap == 0 ? 4 : b->cap * 2;
        b->at_us = realloc(b->at_us, b->cap * sizeof *b->at_us);
        check(b->at_us != NULL);
    }
    b->at_us[b->count++] = at_us;
}

void borders_add_end(struct borders *b, int64_t at_us) {
    borders_add(b, at_us);
    borders_add(b, at_us + BORDERS_GRACE_US);
}

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

void borders_finish(struct borders *b) {
    if (b->count < 2) {
        return;
    }
    qsort(b->at_us, b->count, sizeof *b->at_us, compare);
    size_t kept = 1;
    for (size_t i = 1; i < b->count; i++) {
        if (b->at_us[i] != b->at_us[kept - 1]) {
            b->at_us[kept++] = b->at_us[i];
        }
    }
    b->count = kept;
}

void borders_take(struct borders *b, struct borders *from) {
    borders_done(b);
    *b = *from;
    *from = (struct borders){0};
}

int64_t borders_first_difference(const struct borders *a, const struct borders *b) {
    size_t i = 0;
    while (i < a->count && i < b->count && a->at_us[i] == b->at_us[i]) {
        i++;
    }
    int64_t x = i < a->count ? a->at_us[i] : INT64_MAX;
    int64_t y = i < b->count ? b->at_us[i] : INT64_MAX;
    return x < y ? x : y;
}

// The last border in [floor_us, at_us], or floor_us.
static int64_t last_border(const struct borders *b, int64_t floor_us, int64_t at_us) {
    size_t low = 0; // borders below `low` are <= at_us, from `high` on they are later
    size_t high = b->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (b->at_us[mid] <= at_us) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low > 0 && b->at_us[low - 1] > floor_us ? b->at_us[low - 1] : floor_us;
}

int64_t borders_quarter_from(const struct borders *b, int64_t at_us) {
    return last_border(b, instant_quarter(at_us), at_us);
}

int64_t borders_day_from(const struct borders *b, int64_t at_us) {
    int64_t in_day = at_us % US_PER_DAY;
    int64_t day_us = at_us - (in_day < 0 ? in_day + US_PER_DAY : in_day);
    return last_border(b, day_us, at_us);
}
