// The tap's memory over a restart: one small text file, replaced by rename after fsync, with a
// checksum. Losing it means only that everything is shipped again, with the same positions.
#ifndef WEIR_TAP_SHIP_STATE_H
#define WEIR_TAP_SHIP_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/brokerlog/broker_record.h"
#include "tap/follow/follow.h"

enum { STATE_FILE_MAX = 512 * 1024 };

struct state {
    int32_t broker;
    struct follow_mark resume; // everything before it is acknowledged or needs no shipping
    struct follow_past past;   // files begun up to it
    int32_t partitions;
    // Last position acknowledged in each partition with nothing missing before it.
    struct {
        bool has;
        struct log_position pos;
    } acked[LOG_PARTITIONS_MAX];
};

// ERR_IO; the old file stays then.
ERR_MUST_CHECK enum err_code state_write(const char *path, const struct state *s, struct err *e);
// ERR_NOT_FOUND: there is none. ERR_INVALID: it is torn or not of this kind (treat as lost). ERR_IO
// otherwise.
ERR_MUST_CHECK enum err_code state_read(const char *path, struct state *ret, struct err *e);

#endif
