// The request and response parts of a line, per API. Only broker_line.c calls this.
#ifndef WEIR_CORE_BROKERLOG_BROKER_LINE_BODY_H
#define WEIR_CORE_BROKERLOG_BROKER_LINE_BODY_H

#include "core/brokerlog/broker_line_model.h"
#include "core/brokerlog/line_fault.h"
#include "core/json/json_scan.h"

// Read one value, which is an object, into the lists of `l`; api_key and api_version are set. A
// fault of JSON is left in `s`; any other is returned.
enum line_fault broker_line_body_read_request(struct broker_line *l, struct json_scan *s);
enum line_fault broker_line_body_read_response(struct broker_line *l, struct json_scan *s);
// True if bodies of this API are read at all.
bool broker_line_body_known(int32_t api_key);

#endif
