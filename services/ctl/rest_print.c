#include "ctl/rest_print.h"

#include <stdio.h>

enum err_code rest_print(const struct buf *answer, struct err *e) {
    if (answer->len > 0 && fwrite(answer->ptr, 1, answer->len, stdout) != answer->len) {
        return err_set(e, ERR_IO, "cannot write to standard output");
    }
    if (answer->len > 0 && answer->ptr[answer->len - 1] != '\n') {
        (void)putchar('\n');
    }
    return fflush(stdout) == 0 ? ERR_OK : err_set(e, ERR_IO, "cannot write to standard output");
}

enum err_code rest_print_call(const struct config *c, const struct rest_call *call, struct err *e) {
    struct buf answer;
    buf_init(&answer, REST_ANSWER_MAX);
    enum err_code code = rest_ask(c, call, &answer, e);
    if (code == ERR_OK) {
        code = rest_print(&answer, e);
    }
    buf_done(&answer);
    return code;
}
