// The value of a block as it stands in Kafka: one zstd frame that states its size, so that `zstd -dc`
// behind any Kafka client shows the lines. Packed here and not by Kafka's client: librdkafka's frames
// don't state their size, and its consumer tries out ever larger buffers, each of fresh memory (0.9 us
// a line of 1.6 kB against 0.25 into a buffer that is used again).
#ifndef WEIR_CORE_BROKERLOG_LOG_PACK_H
#define WEIR_CORE_BROKERLOG_LOG_PACK_H

#include "base/err.h"
#include "base/slice.h"
#include "core/brokerlog/log_block.h"

enum { LOG_BLOCK_TEXT_MAX = BROKER_RECORD_VALUE_MAX + LOG_BLOCK_HEAD_MAX }; // bytes, unpacked

// Each for one thread at a time.
struct log_packer;
struct log_unpacker;

struct log_packer *log_packer_new(void);
void log_packer_free(struct log_packer *p);
// The frame of up to LOG_BLOCK_TEXT_MAX bytes, in memory of its own: the caller's, to free().
struct slice log_packer_pack(struct log_packer *p, struct slice text);

struct log_unpacker *log_unpacker_new(void);
void log_unpacker_free(struct log_unpacker *u);
// *ret_text is there until the next call. ERR_INVALID: no such frame, or a larger one.
ERR_MUST_CHECK enum err_code log_unpacker_unpack(struct log_unpacker *u, struct slice frame,
                                                 struct slice *ret_text, struct err *e);

#endif
