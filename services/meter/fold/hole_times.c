// Times of holes; see the header.
#include "meter/fold/hole_times.h"

#include <stdbool.h>

#include "meter/fold/storable.h"

enum { MS_US = 1000 };

static bool is_told(int64_t us) {
    return us > 0 && storable_time(us);
}

// A generation is the time of a file's first line in milliseconds; 0 if it can be none.
static int64_t time_of(int64_t generation) {
    return generation > 0 && generation < INT64_MAX / MS_US && storable_time(generation * MS_US)
               ? generation * MS_US
               : 0;
}

void hole_times_settle(struct log_hole *hole, int64_t received_us) {
    int64_t begin_us = time_of(hole->to.generation);
    bool received = storable_time(received_us);
    if (!is_told(hole->to_us)) {
        hole->to_us = received && (hole->to.offset > 0 || begin_us == 0) ? received_us : begin_us;
    }
    if (!hole->has_from) {
        hole->from_us = 0;
        return;
    }
    if (!is_told(hole->from_us)) {
        hole->from_us = time_of(hole->from.generation);
    }
    // Times are those of lines, in whole milliseconds; the clock between them may have been set back.
    if (hole->from_us > 0 && hole->from_us > hole->to_us - MS_US) {
        int64_t later_us = hole->from_us > hole->to_us ? hole->from_us : hole->to_us;
        hole->from_us = hole->to_us < hole->from_us ? hole->to_us : hole->from_us;
        hole->to_us = later_us + MS_US;
    }
}
