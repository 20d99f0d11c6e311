// Browsers that have signed in to an account before (OWASP: "Slow Down Online Guessing Attacks with
// Device Cookies"). The cookie opens nothing: it only keeps whoever has it out of the count of
// strangers' wrong passwords. It is sealed with the master key, so no table remembers it and every
// copy of weir-api knows it.
#ifndef WEIR_API_IDENTITY_DEVICE_H
#define WEIR_API_IDENTITY_DEVICE_H

#include "api/request/request.h"

// What tells this browser from others, if it has signed in as that person; otherwise {NULL, 0}.
struct slice device_of(struct request *r, const char *person);
// Gives the browser its cookie.
void device_remember(struct request *r, const char *person);

#endif
