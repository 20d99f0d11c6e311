// The one list of modifiers, in the order of rating.md chapter 6.
#include "core/rating/modifier.h"

extern const struct modifier modifier_conversion, modifier_negative, modifier_included,
    modifier_discount, modifier_maximum, modifier_minimum;

const struct modifier *const modifier_list[] = {&modifier_conversion,
                                                &modifier_negative,
                                                &modifier_included,
                                                &modifier_discount,
                                                &modifier_maximum,
                                                &modifier_minimum,
                                                NULL};
