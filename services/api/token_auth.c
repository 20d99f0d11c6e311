#include "api/token_auth.h"

enum err_code token_auth(struct request *r, struct slice token, struct err *e) {
    (void)r;
    (void)token;
    return err_set(e, ERR_UNAUTHENTICATED, "the token is not accepted");
}
