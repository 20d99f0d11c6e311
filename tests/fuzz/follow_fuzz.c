// A request log that is written, rotated, packed, copied, truncated and removed as the input says, and
// followed meanwhile, with restarts and rewinds. Whatever happens: lines come in the order in which
// they were written, none twice, at rising positions, and where one is missing a hole was told.
//
// The first byte chooses the rotator and whether the reader is attentive; each further one is a step,
// its upper bits the step's argument. Time is the input's too.
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "platform/program/clock.h"
#include "tap/follow/follow.h"
#include "tap/log_folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    STEPS_MAX = 200,
    FILES_MAX = 40,      // rotated ones
    GIVEN_MAX = 4096,    // places remembered to rewind to
    CALLS_AT_END = 80,   // without an item, until nothing more can come
    LINE_LIMIT = 4096,   // bytes
    FILE_LEAST_S = 61,   // a file is written for longer than a minute: see the tap's known limits
    LINES_A_STEP = 8,    // at most
    NUMBERS_IN_LINE = 12 // digits of a line's number
};

// How files are named.
enum rotator {
    ROTATOR_HOURS,   // log4j: kafka-request.log.2026-11-22-16, by the hour of the file
    ROTATOR_RISING,  // .1 is the oldest
    ROTATOR_FALLING, // logrotate: .1 is the newest, all move up
    ROTATOR_COUNT
};

struct rotated {
    char name[128];
    bool packed;
};

struct place {
    int64_t generation;
    uint64_t offset;
    int line;
};

struct world {
    struct log_folder folder;
    enum rotator rotator;
    bool attentive;                  // the reader looks after every step
    bool harmed;                     // something was removed or truncated, or the reader was away
    struct rotated files[FILES_MAX]; // oldest first
    size_t file_count;
    int numbered;    // files so far, of ROTATOR_RISING
    int64_t begun_s; // of the live file's first line; 0: it is empty
    int64_t now_s;
    int written; // lines
    // The reader.
    struct follow *follow;
    bool has_mark;
    struct follow_mark mark;
    struct follow_past past;
    int mark_last; // `last` and `hole` at the mark
    bool mark_hole;
    int last;       // line given last
    bool hole;      // told since
    int holes;      // told in all
    bool has_place; // of the last item
    struct place at;
    struct place given[GIVEN_MAX];
    size_t given_count;
};

static int64_t virtual_s;

// In place of platform's: the clock is the input's.
int64_t clock_system_us(void) {
    return virtual_s * 1000000;
}

static void set_time(struct world *w, int64_t now_s) {
    w->now_s = virtual_s = now_s;
}

// --- the writer ----------------------------------------------------------------------------------

static void forget(struct world *w, size_t i) {
    memmove(w->files + i, w->files + i + 1, (w->file_count - i - 1) * sizeof w->files[0]);
    w->file_count--;
}

static struct rotated *new_file(struct world *w) {
    check(w->file_count < FILES_MAX);
    struct rotated *r = &w->files[w->file_count++];
    r->packed = false;
    return r;
}

static void move_up(struct world *w) {
    for (size_t i = 0; i < w->file_count; i++) {
        char to[sizeof w->files[0].name];
        char *ending; // of a packed file
        long number = strtol(w->files[i].name + strlen("kafka-request.log."), &ending, 10);
        snprintf(to, sizeof to, "kafka-request.log.%ld%s", number + 1, ending);
        log_folder_rename(&w->folder, w->files[i].name, to);
        memcpy(w->files[i].name, to, sizeof to);
    }
}

// The name under which the live file is put away; NULL: it isn't its time.
static const char *put_away(struct world *w) {
    if (w->begun_s == 0 || w->file_count == FILES_MAX || w->now_s - w->begun_s < FILE_LEAST_S) {
        return NULL;
    }
    if (w->rotator == ROTATOR_FALLING) {
        move_up(w);
    }
    struct rotated *r = new_file(w);
    if (w->rotator == ROTATOR_HOURS) {
        time_t t = (time_t)w->begun_s;
        struct tm tm;
        gmtime_r(&t, &tm);
        strftime(r->name, sizeof r->name, "kafka-request.log.%Y-%m-%d-%H", &tm);
    } else {
        snprintf(r->name, sizeof r->name, "kafka-request.log.%d",
                 w->rotator == ROTATOR_RISING ? ++w->numbered : 1);
    }
    w->begun_s = 0;
    return r->name;
}

static void rotate(struct world *w) {
    const char *name = put_away(w);
    if (name != NULL) {
        log_folder_rename(&w->folder, NULL, name);
    }
}

static void copy_and_truncate(struct world *w) {
    if (w->rotator == ROTATOR_HOURS) {
        return;
    }
    const char *name = put_away(w);
    if (name != NULL) {
        log_folder_copy(&w->folder, NULL, name);
        log_folder_truncate(&w->folder, NULL, 0);
        w->harmed = true;
    }
}

static void write_line(struct world *w) {
    if (w->rotator == ROTATOR_HOURS && w->begun_s != 0 && w->begun_s / 3600 != w->now_s / 3600) {
        rotate(w);
    }
    char text[128], when[32];
    time_t t = (time_t)w->now_s;
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
    snprintf(text, sizeof text, "[%s,%03d] DEBUG %0*d\n", when, w->written % 1000, NUMBERS_IN_LINE,
             w->written + 1);
    log_folder_append(&w->folder, NULL, text);
    w->written++;
    w->begun_s = w->begun_s == 0 ? w->now_s : w->begun_s;
}

static void pack(struct world *w, size_t i, bool zstd) {
    struct rotated *r = &w->files[i];
    if (r->packed) {
        return;
    }
    char to[sizeof r->name];
    snprintf(to, sizeof to, "%.100s%s", r->name, zstd ? ".zst" : ".gz");
    if (zstd) {
        log_folder_zstd(&w->folder, r->name, to);
    } else {
        log_folder_gzip(&w->folder, r->name, to);
    }
    log_folder_remove(&w->folder, r->name);
    memcpy(r->name, to, sizeof to);
    r->packed = true;
}

// --- the reader ----------------------------------------------------------------------------------

static void start(struct world *w) {
    w->follow = follow_new(w->folder.live, LINE_LIMIT, w->has_mark ? &w->mark : NULL,
                           w->has_mark ? &w->past : NULL);
    w->given_count = 0; // nothing before is open any more
}

static void restart(struct world *w) {
    follow_free(w->follow);
    w->harmed = true;
    w->last = w->mark_last;
    w->hole = w->mark_hole;
    w->at = (struct place){w->mark.generation, w->mark.offset, w->last};
    w->has_place = w->has_mark;
    start(w);
}

static void remember(struct world *w, const struct place *p) {
    if (w->given_count == GIVEN_MAX) {
        w->given_count = 0;
    }
    w->given[w->given_count++] = *p;
}

static void take_line(struct world *w, const struct follow_item *item) {
    int line = 0;
    const char *number = item->text.len <= NUMBERS_IN_LINE
                             ? NULL
                             : item->text.ptr + item->text.len - NUMBERS_IN_LINE;
    check(number != NULL && item->text.ptr[0] == '[');
    for (int i = 0; i < NUMBERS_IN_LINE; i++) {
        check(number[i] >= '0' && number[i] <= '9');
        line = line * 10 + (number[i] - '0');
    }
    check(line > w->last && line <= w->written);
    check(line == w->last + 1 || w->hole);
    w->last = line;
    w->hole = false;
}

static void take(struct world *w, const struct follow_item *item) {
    struct place p = {item->generation, item->offset, w->last};
    bool behind = w->has_place && (p.generation < w->at.generation ||
                                   (p.generation == w->at.generation && p.offset < w->at.offset));
    check(!behind);
    if (item->kind == FOLLOW_HOLE) {
        check(item->why != NULL && item->from_ms <= item->to_ms);
        w->hole = true;
        w->holes++;
    } else {
        check(item->kind == FOLLOW_LINE);
        take_line(w, item);
        remember(w, &p);
    }
    w->at = p;
    w->has_place = true;
    if (!follow_hole_due(w->follow) && follow_mark(w->follow, &w->mark)) {
        w->has_mark = true;
        w->mark_last = w->last;
        w->mark_hole = w->hole;
        follow_past_at(w->follow, w->mark.generation, &w->past);
    }
}

// All there is now, or a few items.
static void read_on(struct world *w, int items) {
    for (int idle = 0; idle < CALLS_AT_END && items > 0;) {
        struct follow_item item;
        check(follow_next(w->follow, &item, NULL) == ERR_OK);
        if (item.kind == FOLLOW_NOTHING) {
            idle++;
        } else {
            idle = 0;
            items--;
            take(w, &item);
        }
    }
}

static void rewind_to(struct world *w, unsigned argument) {
    if (w->given_count == 0) {
        return;
    }
    struct place p = w->given[argument * 7U % w->given_count];
    follow_rewind(w->follow, p.generation, p.offset);
    w->has_place = false;
    w->last = p.line;
    // A hole in front of the place is told again, or not.
    w->hole = true;
    w->holes = 0;
}

// --- steps ---------------------------------------------------------------------------------------

static void step(struct world *w, uint8_t code) {
    unsigned argument = code >> 4;
    size_t file = w->file_count == 0 ? 0 : argument % w->file_count;
    switch (code & 15) {
    case 0: set_time(w, w->now_s + 1); break;
    case 1: set_time(w, w->now_s + 20 * (1 + argument)); break;
    case 2: set_time(w, w->now_s + 1200 * (1 + argument)); break;
    case 3:
    case 4:
    case 5:
        for (unsigned i = 0; i <= argument % LINES_A_STEP; i++) {
            write_line(w);
        }
        break;
    case 6:
        if (w->rotator != ROTATOR_HOURS) {
            rotate(w);
        }
        break;
    case 7: copy_and_truncate(w); break;
    case 8:
    case 9:
        if (w->file_count > 0) {
            pack(w, file, (code & 1) == 0);
        }
        break;
    case 10:
        // Of rising numbers nothing tells that there was a higher one: see the tap's known limits.
        if (w->file_count > 0 && (w->rotator != ROTATOR_RISING || file + 1 < w->file_count)) {
            log_folder_remove(&w->folder, w->files[file].name);
            forget(w, file);
            w->harmed = true;
        }
        break;
    case 11: restart(w); break;
    case 12: rewind_to(w, argument); break;
    case 13: read_on(w, (int)argument + 1); break;
    default: read_on(w, INT32_MAX); break;
    }
    if (w->attentive) {
        read_on(w, INT32_MAX);
        // Attentive and nothing lost: the one hole is what nobody knows before the first line.
        check(w->harmed || w->holes <= 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    struct world *w = calloc(1, sizeof *w);
    check(w != NULL);
    log_folder_init(&w->folder);
    w->rotator = (enum rotator)(data[0] % ROTATOR_COUNT);
    w->attentive = data[0] & 128;
    set_time(w, 1795363200); // 2026-11-22T16:00:00Z
    start(w);
    for (size_t i = 1; i < size && i < STEPS_MAX; i++) {
        step(w, data[i]);
    }
    // In the end all of it is read.
    set_time(w, w->now_s + 1);
    write_line(w);
    read_on(w, INT32_MAX);
    check(w->last == w->written);
    follow_free(w->follow);
    log_folder_done(&w->folder);
    free(w);
    return 0;
}
