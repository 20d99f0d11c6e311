// Clients of a state: pairs of client id and address.
#ifndef WEIR_CORE_USAGE_USAGE_CLIENT_H
#define WEIR_CORE_USAGE_USAGE_CLIENT_H

#include "core/usage/usage_model.h"

// Found or added.
uint32_t usage_client_add(struct usage_state *st, struct usage_client client);
uint32_t usage_client_get(struct usage_state *st, struct slice id, struct slice address);

#endif
