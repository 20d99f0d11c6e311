// Data contracts (Open Data Contract Standard v3, bitol-io). They are kept byte for byte; what is
// checked here is that the file is one: text, of the standard's kind and major version.
#ifndef WEIR_API_MARKET_CONTRACT_H
#define WEIR_API_MARKET_CONTRACT_H

#include "base/err.h"
#include "base/slice.h"

enum contract_type { CONTRACT_UNKNOWN, CONTRACT_YAML, CONTRACT_JSON };

enum { CONTRACT_BYTES_MAX = 1 << 20 };

// Of a Content-Type header, parameters ignored.
enum contract_type contract_type_of(struct slice content_type);
// "application/yaml" or "application/json"; "" for an unknown type.
const char *contract_type_name(enum contract_type type);

// ERR_INVALID if it is not UTF-8, has no `kind: DataContract`, or an apiVersion other than v3.x;
// e->field names the member.
ERR_MUST_CHECK enum err_code contract_check(enum contract_type type, struct slice body,
                                            struct err *e);

#endif
