// Heads of requests: none is read past its end, and one that is fine stays fine whatever follows it.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "platform/http/request_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (request_head_fault(slice_of((const char *)data, size)) != NULL) {
        return 0;
    }
    char *longer = malloc(size + 3);
    check(longer != NULL);
    memcpy(longer, data, size);
    memcpy(longer + size, "\r \n", 3);
    check(request_head_fault(slice_of(longer, size + 3)) == NULL);
    free(longer);
    return 0;
}
