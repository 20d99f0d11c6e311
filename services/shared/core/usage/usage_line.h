// The line being folded: which topics of the state it names, and which answer belongs to which part
// of its request.
#ifndef WEIR_CORE_USAGE_USAGE_LINE_H
#define WEIR_CORE_USAGE_USAGE_LINE_H

#include "core/brokerlog/broker_line_model.h"
#include "core/brokerlog/topic_names.h"
#include "core/usage/usage_model.h"

enum { USAGE_LINE_TOPICS = 64 }; // of a line, before memory is asked for

struct usage_line {
    struct usage_state *st;
    const struct broker_line *line;
    const struct topic_names *names; // may be NULL
    int32_t broker;
    uint32_t some[USAGE_LINE_TOPICS];
    uint32_t *topics; // of the state, per topic of the line; own words for not asked, not there
    uint32_t before;  // topic of the line found last, for the guess
    // Of the matching of answers:
    uint32_t next;                      // the likely answer
    uint32_t same_asked, same_answered; // topics of the line known to be equal
    bool answers_known;                 // st->answers is filled
};

// `l` refers to the line for as long as it is used.
void usage_line_init(struct usage_line *l, struct usage_state *st, int32_t broker,
                     const struct broker_line *line, const struct topic_names *names);
void usage_line_done(struct usage_line *l);
// The topic of the state that topic `i` of the line is, USAGE_NONE if the state doesn't have it.
uint32_t usage_line_find_topic(struct usage_line *l, uint32_t i);
// The same; it is added if it isn't there. For parts that the broker accepted.
uint32_t usage_line_get_topic(struct usage_line *l, uint32_t i);
// The answer to a part of the request, or NULL. Quick if both lists have the same order.
const struct broker_line_part *usage_line_answer(struct usage_line *l,
                                                 const struct broker_line_part *asked);

#endif
