// Reads the lines for their addresses alone, which is cheap beside counting them.
#include "ctl/log_brokers.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/hash_table.h"
#include "ctl/log_reader.h"

enum { TAIL = 2048 }; // what stands behind the connection in a line is seldom longer

static const char CONNECTION[] = "\"connection\":\"";

// The broker's own address and port, in front of the first dash. A client can't write the field's
// name: quotes in its strings are escaped.
static struct slice local_address(struct slice line) {
    size_t skipped = line.len > TAIL ? line.len - TAIL : 0;
    const char *at =
        memmem(line.ptr + skipped, line.len - skipped, CONNECTION, sizeof CONNECTION - 1);
    if (at == NULL) {
        at = memmem(line.ptr, line.len, CONNECTION, sizeof CONNECTION - 1);
    }
    if (at == NULL) {
        return slice_of("", 0);
    }
    const char *begin = at + sizeof CONNECTION - 1;
    const char *end = memchr(begin, '-', (size_t)(line.ptr + line.len - begin));
    return slice_of(begin, end == NULL ? 0 : (size_t)(end - begin));
}

static uint32_t first_of(const uint32_t *parents, uint32_t file) {
    while (parents[file] != file) {
        file = parents[file];
    }
    return file;
}

static void join(uint32_t *parents, uint32_t a, uint32_t b) {
    a = first_of(parents, a);
    b = first_of(parents, b);
    parents[a > b ? a : b] = a > b ? b : a;
}

// Returns false if the file names no address.
static bool read_addresses(const char *path, uint32_t file, struct hash_table *files,
                           uint32_t *parents) {
    struct stat st;
    struct err e;
    struct log_reader *reader;
    struct log_line line;
    bool found = false;
    uint64_t last = 0;
    if (strcmp(path, "-") == 0 || stat(path, &st) != 0 || !S_ISREG(st.st_mode) ||
        log_reader_open(path, &reader, &e) != ERR_OK) {
        return false;
    }
    while (log_reader_next(reader, &line)) {
        struct slice address = local_address(line.text);
        uint64_t key = hash_bytes(address.ptr, address.len, 0);
        uint32_t other;
        if (address.len == 0 || (found && key == last)) {
            continue;
        }
        if (hash_table_get(files, key, &other)) {
            join(parents, file, other);
        } else {
            hash_table_put(files, key, file);
        }
        found = true;
        last = key;
    }
    log_reader_close(reader);
    return found;
}

void log_brokers_find(char *const *paths, size_t count, int32_t *ret) {
    struct hash_table files; // hash of an address -> a file that names it
    uint32_t *parents = calloc(count + 1, sizeof *parents);
    hash_table_init(&files);
    check(parents != NULL);
    for (uint32_t i = 0; i < count; i++) {
        parents[i] = i;
        ret[i] = read_addresses(paths[i], i, &files, parents) ? 0 : -1;
    }
    for (uint32_t i = 0; i < count; i++) {
        ret[i] = ret[i] < 0 ? -1 : (int32_t)first_of(parents, i);
    }
    hash_table_done(&files);
    free(parents);
}
