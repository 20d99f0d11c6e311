// Keeps the snapshot of clients and keys fresh: loop 0 reads it when PostgreSQL says that something
// changed and every few seconds, a worker parses and stores it, all loops get it. Also makes the
// next signing key when it is time.
#ifndef WEIR_API_IDENTITY_REFRESH_H
#define WEIR_API_IDENTITY_REFRESH_H

#include "api/request/api.h"

struct refresh;

enum { REFRESH_EVERY_S = 10, KEY_LIFE_DAYS = 30 };

// For loop 0; lives as long as the loop.
struct refresh *refresh_new(struct api_loop *loop);
void refresh_free(struct refresh *f);
// Each second.
void refresh_tick(struct refresh *f);
// As soon as may be.
void refresh_soon(void *refresh);
// Another snapshot for one loop; takes the reference.
void refresh_adopt(struct api_loop *loop, struct snapshot *s);

#endif
