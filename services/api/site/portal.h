// The portal's files, read from portal_dir when the program starts and served from memory.
#ifndef WEIR_API_SITE_PORTAL_H
#define WEIR_API_SITE_PORTAL_H

#include "base/err.h"

struct portal;
struct request;

enum { PORTAL_FILES_MAX = 1024, PORTAL_FILE_BYTES_MAX = 8 << 20, PORTAL_BYTES_MAX = 64 << 20 };

// Every regular file below `dir` (NULL: none). ERR_CONFIG if it can't be read or is too large.
ERR_MUST_CHECK enum err_code portal_load(const char *dir, struct portal **ret, struct err *e);
void portal_free(struct portal *p);
// The file of the path; index.html for paths without a dot that name none (the portal routes in
// the browser); 404 otherwise.
void portal_serve(struct request *r);

#endif
