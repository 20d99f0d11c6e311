// Rating from and to the JSON of rating.md chapters 15.1 and 16.
#ifndef WEIR_CORE_RATING_RATING_JSON_H
#define WEIR_CORE_RATING_RATING_JSON_H

#include <jansson.h>

#include "core/rating/rating.h"

// Reads {"period","usage","billed_before"}; refuses what is not supported yet, with e->field.
// Nothing of `json` is kept.
ERR_MUST_CHECK enum err_code rating_input_parse(struct arena *a, const struct plan *plan,
                                                json_t *json, struct rating_input *ret,
                                                struct err *e);
// Usage as rating_input_parse reads it; the caller owns the reference.
json_t *rating_usage_json(struct arena *scratch, const struct rating_usage *usage, size_t count);
// The lines as an array; the caller owns the reference. `scratch` holds texts during the call.
json_t *rating_result_json(struct arena *scratch, const struct rating_result *result);
// One line, and its rows alone (what a store keeps beside the figures).
json_t *rating_line_json(struct arena *scratch, const struct plan *plan,
                         const struct rating_line *line);
json_t *rating_rows_json(struct arena *scratch, const struct currency *currency,
                         const struct rating_line *line);

#endif
