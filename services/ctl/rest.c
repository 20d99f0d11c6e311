#include "ctl/rest.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/encoding.h"
#include "platform/secret/secret.h"

struct rest {
    CURL *curl;
    const char *base;
    char bearer[8192]; // "Authorization: Bearer ..."
};

static size_t receive(char *data, size_t size, size_t count, void *user) {
    struct buf *answer = user;
    buf_add(answer, data, size * count);
    return answer->overflow ? 0 : size * count;
}

static enum err_code url_of(const struct rest *r, const char *path, char *out, size_t max,
                            struct err *e) {
    int n = snprintf(out, max, "%s%s", r->base, path);
    if (path[0] != '/' || n < 0 || (size_t)n >= max) {
        return err_set(e, ERR_INVALID, "the path must begin with / and be shorter than %zu bytes",
                       max);
    }
    return ERR_OK;
}

static enum err_code perform(struct rest *r, struct buf *answer, long *ret_status, struct err *e) {
    char reason[CURL_ERROR_SIZE] = "";
    curl_easy_setopt(r->curl, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(r->curl, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(r->curl, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(r->curl, CURLOPT_TIMEOUT, (long)REST_TIMEOUT_S);
    curl_easy_setopt(r->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(r->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    CURLcode code = curl_easy_perform(r->curl);
    curl_easy_setopt(r->curl, CURLOPT_ERRORBUFFER, NULL);
    if (code != CURLE_OK) {
        err_set(e, answer->overflow ? ERR_LIMIT : ERR_UNAVAILABLE, "%s: %s", r->base,
                reason[0] != '\0' ? reason : curl_easy_strerror(code));
        return err_hint(e, "is weir-api running there (setting api_url)?");
    }
    curl_easy_getinfo(r->curl, CURLINFO_RESPONSE_CODE, ret_status);
    return ERR_OK;
}

static enum err_code code_of(long status) {
    switch (status) {
    case 401: return ERR_UNAUTHENTICATED;
    case 403: return ERR_DENIED;
    case 404: return ERR_NOT_FOUND;
    case 409:
    case 412: return ERR_CONFLICT;
    case 413:
    case 422: return ERR_LIMIT;
    default: return status >= 500 ? ERR_UNAVAILABLE : ERR_INVALID;
    }
}

// The words of a problem document (RFC 9457), or of an OAuth error (RFC 6749).
static enum err_code refused(long status, const struct buf *answer, struct err *e) {
    json_auto_t *problem = json_loadb(answer->len == 0 ? "" : answer->ptr, answer->len, 0, NULL);
    const char *text = json_string_value(json_object_get(problem, "detail"));
    if (text == NULL) {
        text = json_string_value(json_object_get(problem, "title"));
    }
    if (text == NULL) {
        text = json_string_value(json_object_get(problem, "error_description"));
    }
    const char *field = json_string_value(json_object_get(problem, "field"));
    const char *hint = json_string_value(json_object_get(problem, "hint"));
    err_field(e, code_of(status), field == NULL ? "" : field, "%s (HTTP status %ld)",
              text == NULL ? "the call was refused" : text, status);
    return hint == NULL ? code_of(status) : err_hint(e, "%s", hint);
}

static enum err_code token_read(struct rest *r, const struct buf *answer, struct err *e) {
    json_auto_t *json = json_loadb(answer->len == 0 ? "" : answer->ptr, answer->len, 0, NULL);
    const char *token = json_string_value(json_object_get(json, "access_token"));
    int n = token == NULL
                ? -1
                : snprintf(r->bearer, sizeof r->bearer, "Authorization: Bearer %s", token);
    return n > 0 && (size_t)n < sizeof r->bearer
               ? ERR_OK
               : err_set(e, ERR_INTERNAL, "the token endpoint answered without a token");
}

static enum err_code token_get(struct rest *r, const struct config *c, struct err *e) {
    char url[1024];
    enum err_code code = url_of(r, "/oauth/token", url, sizeof url, e);
    if (code != ERR_OK) {
        return code;
    }
    struct buf answer;
    long status = 0;
    buf_init(&answer, 65536);
    curl_easy_reset(r->curl);
    curl_easy_setopt(r->curl, CURLOPT_URL, url);
    curl_easy_setopt(r->curl, CURLOPT_POSTFIELDS, "grant_type=client_credentials&scope=api");
    curl_easy_setopt(r->curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
    curl_easy_setopt(r->curl, CURLOPT_USERNAME, config_text(c, "client_id"));
    curl_easy_setopt(r->curl, CURLOPT_PASSWORD, config_secret(c, "client_secret").value);
    code = perform(r, &answer, &status, e);
    if (code == ERR_OK) {
        code = status == 200 ? token_read(r, &answer, e) : refused(status, &answer, e);
    }
    if (answer.ptr != NULL) {
        secret_wipe(answer.ptr, answer.cap);
    }
    buf_done(&answer);
    return code;
}

enum err_code rest_open(const struct config *c, struct rest **ret, struct err *e) {
    secret_init();
    struct rest *r = calloc(1, sizeof *r);
    check(r != NULL && curl_global_init(CURL_GLOBAL_DEFAULT) == 0);
    r->curl = curl_easy_init();
    check(r->curl != NULL);
    r->base = config_text(c, "api_url");
    enum err_code code = token_get(r, c, e);
    if (code != ERR_OK) {
        rest_close(r);
        return code;
    }
    *ret = r;
    return ERR_OK;
}

void rest_close(struct rest *r) {
    if (r == NULL) {
        return;
    }
    curl_easy_cleanup(r->curl);
    secret_wipe(r->bearer, sizeof r->bearer);
    free(r);
}

// Every POST carries a key of its own, so that a repeated one by a proxy has one effect.
static struct curl_slist *headers_of(const struct rest *r, const struct rest_call *call) {
    char line[256];
    unsigned char key[16];
    char hex[sizeof key * 2 + 1] = "";
    struct curl_slist *list = curl_slist_append(NULL, r->bearer);
    if (call->body.ptr != NULL) {
        (void)snprintf(line, sizeof line, "Content-Type: %s",
                       call->content_type == NULL ? "application/json" : call->content_type);
        list = curl_slist_append(list, line);
    }
    if (strcmp(call->method, "POST") == 0) {
        secret_random(key, sizeof key);
        hex_encode(hex, key, sizeof key);
        (void)snprintf(line, sizeof line, "Idempotency-Key: %s", hex);
        list = curl_slist_append(list, line);
    }
    return list;
}

enum err_code rest_do(struct rest *r, const struct rest_call *call, struct buf *answer,
                      long *ret_status, struct err *e) {
    char url[8192];
    enum err_code code = url_of(r, call->path, url, sizeof url, e);
    if (code != ERR_OK) {
        return code;
    }
    long status = 0;
    curl_easy_reset(r->curl);
    curl_easy_setopt(r->curl, CURLOPT_URL, url);
    curl_easy_setopt(r->curl, CURLOPT_CUSTOMREQUEST, call->method);
    if (call->body.ptr != NULL) {
        curl_easy_setopt(r->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
        curl_easy_setopt(r->curl, CURLOPT_POSTFIELDS, call->body.ptr);
    }
    struct curl_slist *headers = headers_of(r, call);
    curl_easy_setopt(r->curl, CURLOPT_HTTPHEADER, headers);
    code = perform(r, answer, &status, e);
    curl_slist_free_all(headers);
    if (code == ERR_OK && ret_status != NULL) {
        *ret_status = status;
    }
    return code == ERR_OK && status >= 400 ? refused(status, answer, e) : code;
}

enum err_code rest_ask(const struct config *c, const struct rest_call *call, struct buf *answer,
                       struct err *e) {
    struct rest *rest = NULL;
    enum err_code code = rest_open(c, &rest, e);
    if (code == ERR_OK) {
        code = rest_do(rest, call, answer, NULL, e);
    }
    rest_close(rest);
    return code;
}
