// The gate of tokens: nothing that a fuzzer makes is ever accepted.
#include <stdint.h>

#include "base/check.h"
#include "platform/secret/secret.h"
#include "platform/secret/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct token_key *key;
    if (key == NULL) {
        secret_init();
        check(token_key_generate(&key, NULL) == ERR_OK);
    }
    const struct token_key *keys[] = {key};
    struct token_rule rule = {.keys = keys,
                              .keys_count = 1,
                              .issuer = "http://issuer",
                              .audience = "weir-api",
                              .now_s = 1};
    struct token_subject subject;
    check(token_verify(&rule, slice_of((const char *)data, size), &subject, NULL) ==
          ERR_UNAUTHENTICATED);
    return 0;
}
