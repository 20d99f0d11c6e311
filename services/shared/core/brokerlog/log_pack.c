// zstd around a block; see the header.
#include "core/brokerlog/log_pack.h"

#include <stdlib.h>
#include <zstd.h>

#include "base/check.h"

enum { LEVEL = 3 };

struct log_packer {
    ZSTD_CCtx *zstd;
};

struct log_unpacker {
    ZSTD_DCtx *zstd;
    char text[LOG_BLOCK_TEXT_MAX];
};

struct log_packer *log_packer_new(void) {
    struct log_packer *p = calloc(1, sizeof *p);
    check(p != NULL);
    p->zstd = ZSTD_createCCtx();
    check(p->zstd != NULL);
    return p;
}

void log_packer_free(struct log_packer *p) {
    if (p != NULL) {
        ZSTD_freeCCtx(p->zstd);
        free(p);
    }
}

struct slice log_packer_pack(struct log_packer *p, struct slice text) {
    check(text.len <= LOG_BLOCK_TEXT_MAX);
    size_t room = ZSTD_compressBound(text.len);
    char *frame = malloc(room);
    check(frame != NULL);
    size_t len = ZSTD_compressCCtx(p->zstd, frame, room, text.ptr, text.len, LEVEL);
    check(!ZSTD_isError(len));
    char *fit = realloc(frame, len);
    return slice_of(fit == NULL ? frame : fit, len);
}

struct log_unpacker *log_unpacker_new(void) {
    struct log_unpacker *u = malloc(sizeof *u);
    check(u != NULL);
    u->zstd = ZSTD_createDCtx();
    check(u->zstd != NULL);
    return u;
}

void log_unpacker_free(struct log_unpacker *u) {
    if (u != NULL) {
        ZSTD_freeDCtx(u->zstd);
        free(u);
    }
}

enum err_code log_unpacker_unpack(struct log_unpacker *u, struct slice frame,
                                  struct slice *ret_text, struct err *e) {
    unsigned long long size = ZSTD_getFrameContentSize(frame.ptr, frame.len);
    if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN ||
        size > LOG_BLOCK_TEXT_MAX) {
        return err_set(e, ERR_INVALID, "block is no zstd frame of a size up to %d bytes",
                       LOG_BLOCK_TEXT_MAX);
    }
    size_t len = ZSTD_decompressDCtx(u->zstd, u->text, sizeof u->text, frame.ptr, frame.len);
    if (ZSTD_isError(len) || len != size) {
        return err_set(e, ERR_INVALID, "block is damaged: %s",
                       ZSTD_isError(len) ? ZSTD_getErrorName(len) : "more than one frame");
    }
    *ret_text = slice_of(u->text, len);
    return ERR_OK;
}
