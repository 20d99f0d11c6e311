// Gives up what no program of Weir needs: capabilities, and any way to more of them.
#ifndef WEIR_PLATFORM_PROGRAM_CONFINE_H
#define WEIR_PLATFORM_PROGRAM_CONFINE_H

#include "base/err.h"

// Sets no_new_privs; nothing the process starts can have more rights than it (capabilities(7),
// prctl(2)).
ERR_MUST_CHECK enum err_code confine_new_privileges(struct err *e);
// Empties the permitted, effective, inheritable and ambient sets, and the bounding set where that is
// allowed. Root is then an owner of files like any other, and can't bind ports below 1024. For the
// whole process while it has one thread: before any other is made.
ERR_MUST_CHECK enum err_code confine_capabilities(struct err *e);

#endif
