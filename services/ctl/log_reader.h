// Lines of a request log file: plain, gzip, or standard input ("-").
#ifndef WEIR_CTL_LOG_READER_H
#define WEIR_CTL_LOG_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "core/brokerlog/line_remains.h"

struct log_reader;

ERR_MUST_CHECK enum err_code log_reader_open(const char *path, struct log_reader **ret_reader,
                                             struct err *e);
void log_reader_close(struct log_reader *r);
const char *log_reader_path(const struct log_reader *r);

struct log_line {
    struct slice text; // without newline; lives until the next line is read
    uint64_t offset;   // of its first byte, in the unpacked file
    uint64_t len;      // of the whole line; more than text.len if it was too long to keep
    bool finished;     // ended with a newline or NULs; false only for the last line
    bool too_long;     // above BROKER_LINE_MAX: text is empty, log_reader_remains tells what it was
};

// False at the end and on an error, which log_reader_error then tells. NULs, left in a file that was
// truncated under its writer, are passed over: they end a line, and the next begins behind them.
bool log_reader_next(struct log_reader *r, struct log_line *ret_line);
// Of the line just read, which was too long.
const struct line_remains *log_reader_remains(const struct log_reader *r);
// NULs passed over so far.
uint64_t log_reader_nuls(const struct log_reader *r);
enum err_code log_reader_error(const struct log_reader *r, struct err *e);

#endif
