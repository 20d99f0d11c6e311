#include "core/brokerlog/topic.h"

#include <string.h>

#include "base/encoding.h"

// topic_name_char of every byte, for names by the million.
static const bool LEGAL[256] = {
    ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true,
    ['.'] = true,         ['_'] = true,         ['-'] = true,
};

bool topic_name_legal(struct slice name) {
    if (name.len == 0 || name.len > TOPIC_NAME_MAX || slice_eq_str(name, ".") ||
        slice_eq_str(name, "..")) {
        return false;
    }
    bool legal = true;
    for (size_t i = 0; i < name.len; i++) {
        legal &= LEGAL[(unsigned char)name.ptr[i]];
    }
    return legal;
}

void topic_id_format(char out[TOPIC_ID_TEXT_LEN], const uint8_t id[TOPIC_ID_LEN]) {
    (void)base64url_encode(out, id, TOPIC_ID_LEN);
}

bool topic_id_parse(struct slice text, uint8_t ret_id[TOPIC_ID_LEN]) {
    uint8_t bytes[TOPIC_ID_TEXT_LEN * 3 / 4 + 2];
    if (text.len != TOPIC_ID_TEXT_LEN || base64url_decode(bytes, text) != TOPIC_ID_LEN) {
        return false;
    }
    memcpy(ret_id, bytes, TOPIC_ID_LEN);
    return true;
}
