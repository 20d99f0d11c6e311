// The parts of FETCH and PRODUCE bodies that repeat, as Kafka writes them: fixed order, no white
// space, small whole numbers. The quick way in front of the readers of broker_line_body, which take
// what is refused here.
#ifndef WEIR_CORE_BROKERLOG_BROKER_LINE_PLAIN_H
#define WEIR_CORE_BROKERLOG_BROKER_LINE_PLAIN_H

#include "core/brokerlog/broker_line_model.h"
#include "core/json/json_scan.h"

// The head of a topic, {"topicId":"...","partitions":[ - then the array's items follow, and members
// of the topic may. If it is anything else, false, and nothing has happened.
bool broker_line_plain_topic(struct json_scan *s, uint8_t ret_id[TOPIC_ID_LEN]);
// One whole partition into `part`. If it is written in any other way, false, and nothing has
// happened.
bool broker_line_plain_fetch_asked(struct json_scan *s, struct broker_line_part *part);
bool broker_line_plain_fetch_answered(struct json_scan *s, struct broker_line_part *part);
bool broker_line_plain_produce_asked(struct json_scan *s, struct broker_line_part *part);
bool broker_line_plain_produce_answered(struct json_scan *s, struct broker_line_part *part);

#endif
