// A walk over the folder at the start, a look-up for each request.
#include "api/site/portal.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "api/request/api.h"
#include "api/request/request.h"
#include "base/check.h"
#include "base/encoding.h"
#include "platform/secret/secret.h"

enum { ETAG_BYTES = 12 };

struct portal_file {
    char *path; // "/js/app.js"
    const char *type;
    char etag[ETAG_BYTES * 2 + 3];
    char *bytes;
    size_t len;
};

struct portal {
    struct portal_file files[PORTAL_FILES_MAX];
    size_t count;
    size_t bytes;
};

static const char *type_of(const char *path) {
    static const struct {
        const char *suffix;
        const char *type;
    } TYPES[] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".mjs", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".ico", "image/x-icon"},
        {".json", "application/json"},
        {".txt", "text/plain; charset=utf-8"},
        {".woff2", "font/woff2"},
        {".webmanifest", "application/manifest+json"},
    };
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot != NULL && i < sizeof TYPES / sizeof *TYPES; i++) {
        if (strcmp(dot, TYPES[i].suffix) == 0) {
            return TYPES[i].type;
        }
    }
    return "application/octet-stream";
}

static enum err_code bad_dir(struct err *e, const char *what, const char *why) {
    err_field(e, ERR_CONFIG, "portal_dir", "%s: %s", what, why);
    return ERR_CONFIG;
}

static enum err_code read_file(struct portal_file *file, const char *path, size_t size,
                               struct err *e) {
    FILE *f = fopen(path, "rbe");
    if (f == NULL) {
        return bad_dir(e, path, strerror(errno));
    }
    file->bytes = malloc(size + 1);
    check(file->bytes != NULL);
    file->len = fread(file->bytes, 1, size, f);
    fclose(f);
    if (file->len != size) {
        return bad_dir(e, path, "changed while it was read");
    }
    static const unsigned char KEY[SECRET_KEY_BYTES];
    unsigned char hash[SECRET_HASH_BYTES];
    secret_hash(hash, slice_of(file->bytes, file->len), KEY);
    file->etag[0] = '"';
    size_t n = hex_encode(file->etag + 1, hash, ETAG_BYTES);
    file->etag[n + 1] = '"';
    return ERR_OK;
}

static enum err_code add(struct portal *p, const char *dir, const FTSENT *entry, struct err *e) {
    size_t size = (size_t)entry->fts_statp->st_size;
    if (p->count >= PORTAL_FILES_MAX || size > PORTAL_FILE_BYTES_MAX ||
        p->bytes + size > PORTAL_BYTES_MAX) {
        return bad_dir(e, entry->fts_path, "more or larger files than a portal has");
    }
    struct portal_file *file = &p->files[p->count++];
    file->path = strdup(entry->fts_path + strlen(dir));
    check(file->path != NULL);
    file->type = type_of(file->path);
    p->bytes += size;
    return read_file(file, entry->fts_path, size, e);
}

enum err_code portal_load(const char *dir, struct portal **ret, struct err *e) {
    struct portal *p = calloc(1, sizeof *p);
    check(p != NULL);
    enum err_code code = ERR_OK;
    if (dir != NULL && *dir != '\0') {
        char *root = strdup(dir);
        check(root != NULL);
        for (size_t n = strlen(root); n > 1 && root[n - 1] == '/'; n--) {
            root[n - 1] = '\0';
        }
        char *const roots[] = {root, NULL};
        FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
        check(walk != NULL);
        FTSENT *entry;
        while (code == ERR_OK && (entry = fts_read(walk)) != NULL) {
            // Hidden files and what npm keeps for itself are nobody's to read.
            if (entry->fts_level > 0 && entry->fts_name[0] == '.') {
                fts_set(walk, entry, FTS_SKIP);
            } else if (entry->fts_info == FTS_F) {
                code = add(p, root, entry, e);
            } else if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR ||
                       entry->fts_info == FTS_NS) {
                code = bad_dir(e, entry->fts_path, strerror(entry->fts_errno));
            }
        }
        fts_close(walk);
        free(root);
    }
    if (code != ERR_OK) {
        portal_free(p);
        return code;
    }
    *ret = p;
    return ERR_OK;
}

void portal_free(struct portal *p) {
    if (p == NULL) {
        return;
    }
    for (size_t i = 0; i < p->count; i++) {
        free(p->files[i].path);
        free(p->files[i].bytes);
    }
    free(p);
}

static const struct portal_file *find(const struct portal *p, struct slice path) {
    for (size_t i = 0; i < p->count; i++) {
        if (slice_eq_str(path, p->files[i].path)) {
            return &p->files[i];
        }
    }
    return NULL;
}

void portal_serve(struct request *r) {
    const struct portal *p = r->api->portal;
    struct slice path = r->job->path;
    const struct portal_file *file = find(p, path);
    if (file == NULL && path.len > 0 && path.ptr[path.len - 1] == '/') {
        file = find(p, slice_str(arena_printf(r->arena, "%.*sindex.html", SLICE_ARG(path))));
    }
    if (file == NULL && memchr(path.ptr, '.', path.len) == NULL) {
        file = find(p, SLICE_LIT("/index.html"));
    }
    if (file == NULL) {
        request_problem(r, PROBLEM_NOT_FOUND, NULL, "there is no such path");
        return;
    }
    request_header(r, "etag", file->etag);
    // Always asked again, answered with 304: a new release shows at once.
    request_header(r, "cache-control", "no-cache");
    if (slice_eq_str(r->job->if_none_match, file->etag)) {
        request_reply_bytes(r, 304, NULL, (struct slice){NULL, 0});
    } else {
        request_reply_bytes(r, 200, file->type, slice_of(file->bytes, file->len));
    }
}
