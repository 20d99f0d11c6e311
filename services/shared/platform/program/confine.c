#include "platform/program/confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum err_code confine_new_privileges(struct err *e) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return err_set(e, ERR_INTERNAL, "no_new_privs: %s", strerror(errno));
    }
    return ERR_OK;
}

enum err_code confine_capabilities(struct err *e) {
    // Without CAP_SETPCAP the bounding set stays; with no_new_privs nothing can be had of it.
    for (int capability = 0; capability < 64; capability++) {
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) {
            continue;
        }
        if (errno == EINVAL) {
            break; // the kernel has no more
        }
        if (errno != EPERM) {
            return err_set(e, ERR_INTERNAL, "capability %d: %s", capability, strerror(errno));
        }
    }
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) {
        return err_set(e, ERR_INTERNAL, "ambient capabilities: %s", strerror(errno));
    }
    // No function of the C library does it.
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    if (syscall(SYS_capset, &header, none) != 0) {
        return err_set(e, ERR_INTERNAL, "capabilities: %s", strerror(errno));
    }
    return ERR_OK;
}
