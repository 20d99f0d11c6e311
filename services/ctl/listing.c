#include "ctl/listing.h"

#include <inttypes.h>
#include <stdio.h>

#include "ctl/rest.h"

const char *listing_text(const json_t *item, const char *name) {
    const char *text = json_string_value(json_object_get(item, name));
    return text == NULL ? "-" : text;
}

enum err_code listing_print(const struct config *c, const char *path,
                            void (*show)(const json_t *item), const char *none, struct err *e) {
    struct buf answer;
    char full[128];
    buf_init(&answer, REST_ANSWER_MAX);
    (void)snprintf(full, sizeof full, "%s?limit=%" PRId64, path, config_int(c, "limit"));
    const struct rest_call call = {.method = "GET", .path = full};
    enum err_code code = rest_ask(c, &call, &answer, e);
    if (code == ERR_OK) {
        json_auto_t *page = json_loadb(answer.ptr, answer.len, 0, NULL);
        const json_t *items = json_object_get(page, "items");
        for (size_t i = 0; i < json_array_size(items); i++) {
            show(json_array_get(items, i));
        }
        if (json_array_size(items) == 0) {
            (void)printf("%s\n", none);
        } else if (!json_is_null(json_object_get(page, "next_cursor"))) {
            (void)printf("... and more: weirctl api GET %s\n", path);
        }
    }
    buf_done(&answer);
    return code;
}
