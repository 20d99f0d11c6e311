// What a person may do in an organisation, or an application in the API (its api_role).
#ifndef WEIR_API_REQUEST_ROLE_H
#define WEIR_API_REQUEST_ROLE_H

#include <stdbool.h>

// Bits, so that a route can name several.
enum role { ROLE_OWNER = 1, ROLE_DEVELOPER = 2, ROLE_FINANCE = 4, ROLE_AUDITOR = 8 };
enum { ROLES_ANY = ROLE_OWNER | ROLE_DEVELOPER | ROLE_FINANCE | ROLE_AUDITOR };

// "owner", "developer", "finance", "auditor". False: none of them, *ret is as it was.
bool role_parse(const char *text, enum role *ret);
const char *role_name(enum role role);

#endif
