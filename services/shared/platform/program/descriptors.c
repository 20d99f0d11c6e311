// RLIMIT_NOFILE.
#include "platform/program/descriptors.h"

#include <limits.h>
#include <sys/resource.h>

#include "base/check.h"

unsigned descriptors_raise(void) {
    struct rlimit limit;
    check(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
    // The kernel refuses a hard limit above its fs.nr_open: then the soft one stays.
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) {
        limit = raised;
    }
    return limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > UINT_MAX ? UINT_MAX
                                                                        : (unsigned)limit.rlim_cur;
}
