// Whether something is missing between two files that are read one after the other. Pure.
#ifndef WEIR_TAP_FOLLOW_SUCCESSION_H
#define WEIR_TAP_FOLLOW_SUCCESSION_H

#include <stdbool.h>
#include <stdint.h>

enum { SUCCESSION_SILENCE_MS = 60 * 1000 }; // of a log, before something may be missing

// Times are UTC milliseconds; those of lines are the broker's.
struct succession {
    bool damaged;         // the first file breaks off
    bool replaced;        // its content was gone before it was read to the end
    bool copied;          // it is what copytruncate copied
    bool gone;            // it is no longer in the folder
    bool unreadable;      // a file between the two can't be read
    bool lost;            // a file that there was no right to read is gone
    int64_t seen_live_ms; // when it was last seen as the live file; 0: not by this process
    int64_t last_ms;      // time of its last line
    int64_t first_ms;     // time of the second file's first line
    bool adjoining;       // numbers in their names say that nothing lies between
    int64_t period_ms;    // how long a file is written (log_name_period_ms)
    int64_t renamed_ms;   // when the first file was, or was touched since (log_file_renamed_ms)
};

// The kind of the hole between the two, or NULL.
const char *succession_hole(const struct succession *s);

#endif
