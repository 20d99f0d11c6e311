// The one list of kernels.
#include <stdio.h>
#include <string.h>

#include "core/rating/kernel.h"

extern const struct kernel kernel_flat, kernel_per_unit, kernel_graduated, kernel_volume,
    kernel_package;

const struct kernel *const kernel_list[] = {&kernel_flat,   &kernel_per_unit, &kernel_graduated,
                                            &kernel_volume, &kernel_package,  NULL};

// Named in rating.md, not rated yet.
static const char *const LATER[] = {"stairstep", "percentage", "capacity", "matrix",
                                    "dynamic",   "duration",   NULL};

// "flat, per_unit and volume are".
static void name_all(char out[ERR_HINT_MAX]) {
    size_t used = 0;
    for (size_t i = 0; kernel_list[i] != NULL; i++) {
        const char *before = i == 0 ? "" : kernel_list[i + 1] == NULL ? " and " : ", ";
        (void)snprintf(out + used, ERR_HINT_MAX - used, "%s%s%s", before, kernel_list[i]->name,
                       kernel_list[i + 1] == NULL ? " are" : "");
        used += strlen(out + used);
    }
}

const struct kernel *kernel_find(const struct json_node *type) {
    enum { KERNELS = sizeof kernel_list / sizeof *kernel_list };
    for (size_t i = 0; json_is_string(type->json) && LATER[i] != NULL; i++) {
        if (strcmp(json_string_value(type->json), LATER[i]) == 0) {
            char hint[ERR_HINT_MAX];
            name_all(hint);
            json_node_fail(type, hint, "kernel %s is not supported yet", LATER[i]);
            return NULL;
        }
    }
    const char *names[KERNELS] = {NULL};
    for (size_t i = 0; kernel_list[i] != NULL; i++) {
        names[i] = kernel_list[i]->name;
    }
    return kernel_list[json_node_word(type, names, KERNELS - 1)]; // the last is NULL
}
