// What is known of all clients and signing keys: immutable, counted, shared by all loops. Made from
// the JSON text of the statement snapshot_read, which is also what is kept on disk.
#ifndef WEIR_API_IDENTITY_SNAPSHOT_H
#define WEIR_API_IDENTITY_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "api/request/request.h"
#include "platform/secret/secret.h"
#include "platform/secret/token.h"

struct snapshot;

enum { SNAPSHOT_BYTES_MAX = 256 << 20, CLIENT_SECRETS_MAX = 16 };

// How a secret was hashed (application_secret.hash_version): alone, as releases before did, or together
// with its client.
enum client_hash { CLIENT_HASH_ALONE = 1, CLIENT_HASH_BOUND = 2 };

struct client_secret {
    unsigned char hash[SECRET_HASH_BYTES];
    enum client_hash kind;
    int64_t expires_s; // INT64_MAX: never
};

struct client {
    const char *id; // also the principal
    char application[UUID_CHARS + 1];
    char org[UUID_CHARS + 1];
    bool is_operator;
    bool active;
    bool has_role;
    enum role role;
    struct client_secret secrets[CLIENT_SECRETS_MAX];
    size_t secrets_count;
    const char *const *audiences;
    size_t audiences_count;
};

// Keys that can't be opened with the master key are an error: it is the wrong one.
ERR_MUST_CHECK enum err_code snapshot_parse(struct slice text,
                                            const unsigned char master[SECRET_KEY_BYTES],
                                            struct snapshot **ret, struct err *e);
struct snapshot *snapshot_ref(struct snapshot *s);
void snapshot_unref(struct snapshot *s);

const struct client *snapshot_client(const struct snapshot *s, const char *id);

// What a caller presents: its client and secret, hashed in both ways.
struct client_proof {
    unsigned char alone[SECRET_HASH_BYTES];
    unsigned char bound[SECRET_HASH_BYTES];
};
void snapshot_proof_make(struct client_proof *ret, const char *client_id, const char *secret,
                         const unsigned char master[SECRET_KEY_BYTES]);
// The secret is one of the client's and hasn't expired.
bool snapshot_secret_matches(const struct client *c, const struct client_proof *proof,
                             int64_t now_s);

// Keys that are published; the one to sign with is the newest whose time has come (or NULL).
const struct token_key *const *snapshot_keys(const struct snapshot *s, size_t *ret_count);
const struct token_key *snapshot_signer(const struct snapshot *s, int64_t now_s);
// When the first key begins to sign; INT64_MAX if there is none.
int64_t snapshot_signs_from_s(const struct snapshot *s);
// When the newest key begins to sign; 0 if there is none.
int64_t snapshot_newest_key_s(const struct snapshot *s);
bool snapshot_same_keys(const struct snapshot *a, const struct snapshot *b);

// The key under which private keys are sealed, from the master key.
void snapshot_seal_key(const unsigned char master[SECRET_KEY_BYTES],
                       unsigned char out[SECRET_KEY_BYTES]);

// Disk: <dir>/clients.snapshot, written by rename, guarded by a keyed hash. Load: ERR_NOT_FOUND if
// there is none. Both block: not on a loop's thread.
ERR_MUST_CHECK enum err_code snapshot_save(const char *dir, struct slice text,
                                           const unsigned char master[SECRET_KEY_BYTES],
                                           struct err *e);
ERR_MUST_CHECK enum err_code snapshot_load(const char *dir,
                                           const unsigned char master[SECRET_KEY_BYTES],
                                           struct snapshot **ret, struct err *e);

#endif
