// Looks at two top-level members only: the whole schema of the standard is validated later by its
// own rules. YAML is read line by line for them, for its top-level keys stand at column 0.
#include "api/market/contract.h"

#include <jansson.h>

#include "base/encoding.h"

static struct slice trim(struct slice s) {
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s = slice_of(s.ptr + 1, s.len - 1);
    }
    while (s.len > 0 &&
           (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t' || s.ptr[s.len - 1] == '\r')) {
        s.len--;
    }
    return s;
}

enum contract_type contract_type_of(struct slice content_type) {
    const char *semicolon =
        memchr(content_type.ptr == NULL ? "" : content_type.ptr, ';', content_type.len);
    if (semicolon != NULL) {
        content_type.len = (size_t)(semicolon - content_type.ptr);
    }
    content_type = trim(content_type);
    static const struct {
        const char *name;
        enum contract_type type;
    } TYPES[] = {{"application/yaml", CONTRACT_YAML},
                 {"application/x-yaml", CONTRACT_YAML},
                 {"text/yaml", CONTRACT_YAML},
                 {"application/json", CONTRACT_JSON}};
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++) {
        if (slice_eq_str(content_type, TYPES[i].name)) {
            return TYPES[i].type;
        }
    }
    return CONTRACT_UNKNOWN;
}

const char *contract_type_name(enum contract_type type) {
    return type == CONTRACT_YAML   ? "application/yaml"
           : type == CONTRACT_JSON ? "application/json"
                                   : "";
}

static struct slice unquote(struct slice s) {
    if (s.len >= 2 && (s.ptr[0] == '"' || s.ptr[0] == '\'') && s.ptr[s.len - 1] == s.ptr[0]) {
        return slice_of(s.ptr + 1, s.len - 2);
    }
    const char *comment = s.len == 0 ? NULL : memchr(s.ptr, '#', s.len);
    return comment == NULL ? s : trim(slice_of(s.ptr, (size_t)(comment - s.ptr)));
}

// The scalar after `key:` at the start of a line, or {NULL, 0}.
static struct slice yaml_member(struct slice body, struct slice key) {
    while (body.len > 0) {
        const char *newline = memchr(body.ptr, '\n', body.len);
        size_t len = newline == NULL ? body.len : (size_t)(newline - body.ptr);
        struct slice line = slice_of(body.ptr, len);
        if (slice_starts_with(line, key) && line.len > key.len && line.ptr[key.len] == ':') {
            return unquote(trim(slice_of(line.ptr + key.len + 1, line.len - key.len - 1)));
        }
        size_t used = newline == NULL ? len : len + 1;
        body = slice_of(body.ptr + used, body.len - used);
    }
    return (struct slice){NULL, 0};
}

static enum err_code members_check(struct slice kind, struct slice version, struct err *e) {
    if (!slice_eq_str(kind, "DataContract")) {
        err_field(e, ERR_INVALID, "/kind", "the contract has no kind: DataContract");
        return err_hint(e, "upload an Open Data Contract Standard v3 file");
    }
    if (!slice_starts_with(version, SLICE_LIT("v3."))) {
        err_field(e, ERR_INVALID, "/apiVersion", "apiVersion \"%.*s\" is not v3.x",
                  SLICE_ARG(version));
        return err_hint(e, "the Open Data Contract Standard v3.1 is expected");
    }
    return ERR_OK;
}

enum err_code contract_check(enum contract_type type, struct slice body, struct err *e) {
    if (type == CONTRACT_UNKNOWN) {
        err_set(e, ERR_INVALID, "a contract is sent as application/yaml or application/json");
        return err_hint(e, "set the Content-Type header");
    }
    if (body.len == 0 || body.len > CONTRACT_BYTES_MAX) {
        return err_set(e, ERR_INVALID, "a contract has 1 to %d bytes", CONTRACT_BYTES_MAX);
    }
    if (!utf8_valid(body) || memchr(body.ptr, '\0', body.len) != NULL) {
        return err_set(e, ERR_INVALID, "the contract is not UTF-8 text");
    }
    if (type == CONTRACT_YAML) {
        return members_check(yaml_member(body, SLICE_LIT("kind")),
                             yaml_member(body, SLICE_LIT("apiVersion")), e);
    }
    json_error_t where;
    json_auto_t *json = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, &where);
    if (json == NULL) {
        return err_set(e, ERR_INVALID, "line %d, column %d: %s", where.line, where.column,
                       where.text);
    }
    if (!json_is_object(json)) {
        return err_set(e, ERR_INVALID, "the contract is not a JSON object");
    }
    return members_check(slice_str(json_string_value(json_object_get(json, "kind"))),
                         slice_str(json_string_value(json_object_get(json, "apiVersion"))), e);
}
