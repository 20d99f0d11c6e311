// A request log in a temporary folder, for the tests of this folder.
#ifndef WEIR_TESTS_TAP_LOG_FOLDER_H
#define WEIR_TESTS_TAP_LOG_FOLDER_H

#include <stddef.h>
#include <stdint.h>

struct log_folder {
    char dir[256];
    char live[512]; // <dir>/kafka-request.log
};

void log_folder_init(struct log_folder *f);
// Removes everything.
void log_folder_done(struct log_folder *f);
// <dir>/<name>
const char *log_folder_path(const struct log_folder *f, const char *name, char out[512]);
// Appends to a file of the folder; NULL is the live one.
void log_folder_append(const struct log_folder *f, const char *name, const char *text);
void log_folder_write(const struct log_folder *f, const char *name, const void *bytes, size_t len);
void log_folder_copy(const struct log_folder *f, const char *from, const char *to);
void log_folder_rename(const struct log_folder *f, const char *from, const char *to);
void log_folder_remove(const struct log_folder *f, const char *name);
void log_folder_truncate(const struct log_folder *f, const char *name, uint64_t size);
// Writes <to> as gzip of <from>; keeps <from>.
void log_folder_gzip(const struct log_folder *f, const char *from, const char *to);
// The same by zstd, of up to 1 MB, behind what <to> holds.
void log_folder_zstd(const struct log_folder *f, const char *from, const char *to);
// "[2026-11-22 16:00:<second>,000] DEBUG <text>\n", in a buffer that the next call reuses.
const char *log_folder_line(int second, const char *text);
// The same time as milliseconds.
int64_t log_folder_ms(int second);

#endif
