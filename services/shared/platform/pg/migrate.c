#include "platform/pg/migrate.h"

#include <string.h>

#include <sodium.h>

#include "base/encoding.h"

enum { SHA256_CHARS = 2 * crypto_hash_sha256_BYTES };

static const struct pg_statement SQL_LOCK = {
    .name = "migrate_lock",
    .text = "select pg_advisory_lock(hashtextextended('weir.migrate', 0))",
    .params = 0,
};
static const struct pg_statement SQL_UNLOCK = {
    .name = "migrate_unlock",
    .text = "select pg_advisory_unlock(hashtextextended('weir.migrate', 0))",
    .params = 0,
};
static const struct pg_statement SQL_EXISTS = {
    .name = "migrate_exists",
    .text = "select to_regclass('public.weir_migration') is not null",
    .params = 0,
};
static const struct pg_statement SQL_LIST = {
    .name = "migrate_list",
    .text = "select name, sha256 from public.weir_migration order by version",
    .params = 0,
};
static const struct pg_statement SQL_INSERT = {
    .name = "migrate_insert",
    .text = "insert into public.weir_migration (version, name, sha256) values ($1, $2, $3)",
    .params = 3,
};
static const char SQL_CREATE[] = "create table if not exists public.weir_migration ("
                                 "version integer primary key, name text not null, "
                                 "sha256 text not null, "
                                 "applied_at timestamptz not null default now())";

static void hash_text(const char *text, char out[SHA256_CHARS + 1]) {
    unsigned char digest[crypto_hash_sha256_BYTES];
    (void)crypto_hash_sha256(digest, (const unsigned char *)text, strlen(text));
    (void)hex_encode(out, digest, sizeof digest);
    out[SHA256_CHARS] = '\0';
}

static enum err_code check_order(const struct migration *all, size_t count, struct err *e) {
    for (size_t i = 1; i < count; i++) {
        if (all[i].version <= all[i - 1].version) {
            return err_set(e, ERR_CONFLICT, "migration %s doesn't come after %s", all[i].name,
                           all[i - 1].name);
        }
    }
    return ERR_OK;
}

// One recorded migration against the one embedded at its place.
static enum err_code check_one(const struct migration *m, const char *name, const char *sha256,
                               struct err *e) {
    if (strcmp(name, m->name) != 0) {
        (void)err_set(e, ERR_CONFLICT, "the database has migration %s where this program has %s",
                      name, m->name);
        return e == NULL ? ERR_CONFLICT
                         : err_hint(e, "a new migration takes a number above all others");
    }
    char expected[SHA256_CHARS + 1];
    hash_text(m->text, expected);
    if (strcmp(sha256, expected) != 0) {
        (void)err_set(e, ERR_CONFLICT, "migration %s has changed since it was applied", name);
        return e == NULL ? ERR_CONFLICT
                         : err_hint(e, "an applied migration stays as it is; add a new one");
    }
    return ERR_OK;
}

// Compares what is recorded with what is embedded; *ret_applied is the count of those recorded.
static enum err_code check_recorded(struct pg *pg, const struct migration *all, size_t count,
                                    size_t *ret_applied, struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code = pg_run_one(pg, &SQL_EXISTS, PG_NO_PARAMS, &rows, e);
    if (code != ERR_OK) {
        return code;
    }
    if (!pg_rows_bool(&rows, 0, 0)) {
        *ret_applied = 0;
        return ERR_OK;
    }
    code = pg_run(pg, &SQL_LIST, PG_NO_PARAMS, &rows, e);
    if (code != ERR_OK) {
        return code;
    }
    size_t applied = (size_t)pg_rows_count(&rows);
    for (size_t i = 0; i < applied; i++) {
        const char *name = pg_rows_text(&rows, (int)i, 0);
        if (i >= count) {
            (void)err_set(e, ERR_CONFLICT, "the database has migration %s, this program hasn't",
                          name);
            return e == NULL ? ERR_CONFLICT : err_hint(e, "use a newer weirctl");
        }
        code = check_one(&all[i], name, pg_rows_text(&rows, (int)i, 1), e);
        if (code != ERR_OK) {
            return code;
        }
    }
    *ret_applied = applied;
    return ERR_OK;
}

static enum err_code apply_in_transaction(struct pg *pg, const struct migration *m, struct err *e) {
    enum err_code code = pg_script(pg, m->text, m->name, e);
    if (code != ERR_OK) {
        return code;
    }
    char sha256[SHA256_CHARS + 1];
    hash_text(m->text, sha256);
    return pg_run(pg, &SQL_INSERT,
                  PG_PARAMS(pg_int8(m->version), pg_text(m->name), pg_text(sha256)), NULL, e);
}

static enum err_code apply(struct pg *pg, const struct migration *m, struct err *e) {
    enum err_code code = pg_begin(pg, PG_READ_COMMITTED, e);
    if (code != ERR_OK) {
        return code;
    }
    code = apply_in_transaction(pg, m, e);
    if (code == ERR_OK) {
        code = pg_commit(pg, e);
    }
    pg_rollback(pg);
    return code;
}

static void tell(const struct migration_report *report, const struct migration *m,
                 enum migration_state state) {
    if (report != NULL && report->seen != NULL) {
        report->seen(report->ctx, m, state);
    }
}

static enum err_code up_locked(struct pg *pg, const struct migration *all, size_t count,
                               const struct migration_report *report, size_t *ret_applied,
                               struct err *e) {
    size_t at = 0;
    enum err_code code = check_recorded(pg, all, count, &at, e);
    if (code == ERR_OK) {
        code = pg_script(pg, SQL_CREATE, "weir_migration", e);
    }
    size_t applied = 0;
    for (; code == ERR_OK && at < count; at++) {
        code = apply(pg, &all[at], e);
        if (code == ERR_OK) {
            applied++;
            tell(report, &all[at], MIGRATION_APPLIED);
        }
    }
    if (code == ERR_OK) {
        *ret_applied = applied;
    }
    return code;
}

enum err_code migrate_up(struct pg *pg, const struct migration *all, size_t count,
                         const struct migration_report *report, size_t *ret_applied,
                         struct err *e) {
    enum err_code code = check_order(all, count, e);
    if (code == ERR_OK) {
        code = pg_run(pg, &SQL_LOCK, PG_NO_PARAMS, NULL, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    code = up_locked(pg, all, count, report, ret_applied, e);
    // If the connection broke, its end has released the lock.
    enum err_code unlocked = pg_run(pg, &SQL_UNLOCK, PG_NO_PARAMS, NULL, NULL);
    (void)unlocked;
    return code;
}

enum err_code migrate_status(struct pg *pg, const struct migration *all, size_t count,
                             const struct migration_report *report, size_t *ret_pending,
                             struct err *e) {
    size_t applied = 0;
    enum err_code code = check_order(all, count, e);
    if (code == ERR_OK) {
        code = check_recorded(pg, all, count, &applied, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    for (size_t i = 0; i < count; i++) {
        tell(report, &all[i], i < applied ? MIGRATION_APPLIED : MIGRATION_PENDING);
    }
    *ret_pending = count - applied;
    return ERR_OK;
}
