#include "api/request/new_uuid.h"

#include "base/encoding.h"
#include "platform/secret/secret.h"

const char *new_uuid(struct arena *arena) {
    unsigned char b[16];
    char hex[32];
    secret_random(b, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    hex_encode(hex, b, sizeof b);
    return arena_printf(arena, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                        hex + 20);
}
