// Once a minute, removes rows of the audit log that only counted something, after their time
// (`audit_counted_months`). All else in it stays.
#ifndef WEIR_API_IDENTITY_AUDIT_PRUNE_H
#define WEIR_API_IDENTITY_AUDIT_PRUNE_H

#include "platform/program/config.h"

struct audit_prune;
struct pg_pool;

#define AUDIT_PRUNE_CONFIG_ROW                                                                     \
    {                                                                                              \
        .name = "audit_counted_months", .type = CONFIG_INT, .min = 1, .max = 120,                  \
        .fallback = "13", .example = "24",                                                         \
        .help = "months that the audit log keeps rows which only count: wrong passwords, refused " \
                "tokens, denials, the operator's reads; all other rows stay"                       \
    }

// One loop has it, and frees it after its pool.
struct audit_prune *audit_prune_new(const struct config *c);
void audit_prune_free(struct audit_prune *p);
// Each second.
void audit_prune_tick(struct audit_prune *p, struct pg_pool *pool);

#endif
