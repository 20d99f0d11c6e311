// The names of the roles.
#include "api/request/role.h"

#include <stddef.h>
#include <string.h>

static const struct {
    enum role role;
    const char *name;
} ROLES[] = {{ROLE_OWNER, "owner"},
             {ROLE_DEVELOPER, "developer"},
             {ROLE_FINANCE, "finance"},
             {ROLE_AUDITOR, "auditor"}};

bool role_parse(const char *text, enum role *ret) {
    for (size_t i = 0; i < sizeof ROLES / sizeof *ROLES; i++) {
        if (strcmp(ROLES[i].name, text) == 0) {
            *ret = ROLES[i].role;
            return true;
        }
    }
    return false;
}

const char *role_name(enum role role) {
    for (size_t i = 0; i < sizeof ROLES / sizeof *ROLES; i++) {
        if (ROLES[i].role == role) {
            return ROLES[i].name;
        }
    }
    return "";
}
