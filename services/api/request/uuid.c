// Ids: their form, and new ones from the system's randomness.
#include "api/request/uuid.h"

#include <ctype.h>

#include "base/encoding.h"
#include "platform/secret/secret.h"

bool uuid_valid(struct slice s) {
    if (s.len != UUID_CHARS) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s.ptr[i] != '-' : !isxdigit((unsigned char)s.ptr[i])) {
            return false;
        }
    }
    return true;
}

const char *uuid_new(struct arena *arena) {
    unsigned char b[UUID_BYTES];
    char hex[UUID_BYTES * 2];
    secret_random(b, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    hex_encode(hex, b, sizeof b);
    return arena_printf(arena, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                        hex + 20);
}
