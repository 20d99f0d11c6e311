// Between token.c and token_key.c only.
#ifndef WEIR_PLATFORM_SECRET_TOKEN_INTERNAL_H
#define WEIR_PLATFORM_SECRET_TOKEN_INTERNAL_H

#include "platform/secret/token.h"

enum {
    TOKEN_COORDINATE_BYTES = 32,
    TOKEN_COORDINATE_CHARS = 43,
    TOKEN_SIGNATURE_BYTES = 64, // r || s
    TOKEN_SIGNATURE_CHARS = 86,
};

ERR_MUST_CHECK enum err_code token_signature_make(const struct token_key *key, struct slice text,
                                                  unsigned char ret[TOKEN_SIGNATURE_BYTES],
                                                  struct err *e);
bool token_signature_holds(const struct token_key *key, struct slice text,
                           const unsigned char signature[TOKEN_SIGNATURE_BYTES]);

#endif
