// A program with the fault that its argument names: `make asan-stack` believes an empty folder of reports
// only after each of them became a report there.
#include <limits.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    const char *fault = argc > 1 ? argv[1] : "";
    if (strcmp(fault, "overflow") == 0) {
        volatile int most = INT_MAX;
        most += argc;
    } else if (strcmp(fault, "use_after_free") == 0) {
        volatile char *volatile gone = malloc(1);
        free((void *)gone);
        gone[0] = 1;
    } else if (strcmp(fault, "leak") == 0) {
        volatile char *volatile lost = malloc(1);
        lost[0] = 1;
        lost = NULL;
    }
    return 0;
}
