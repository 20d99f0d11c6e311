// Usage and running charges of subscriptions.
#include "api/request/request.h"

static bool granularity_fits(struct slice text) {
    return slice_eq_str(text, "day") || slice_eq_str(text, "quarter");
}

static const struct read_rule GRANULARITY = {granularity_fits,
                                             "\"quarter\" (of an hour) or \"day\""};

static const struct route ROWS[] = {
    {"GET", "/v1/subscriptions/{id}/usage", "getSubscriptionUsage", ROUTE_SIGNED_IN,
     .read = {.statement = &api_sql_usage_of_subscription,
              .shape = READ_ROW,
              .params = {{.name = "{id}"},
                         {.name = "from", .rule = &read_time},
                         {.name = "to", .rule = &read_time},
                         {.name = "granularity", .rule = &GRANULARITY, .fallback = "day"}}}},
    {"GET", "/v1/subscriptions/{id}/charges", "getSubscriptionCharges", ROUTE_SIGNED_IN,
     .read = {.statement = &api_sql_charges_of_subscription,
              .shape = READ_ROW,
              .params = {{.name = "{id}"}}}},
    {"GET", "/v1/usage", "listUsage", ROUTE_SIGNED_IN,
     .read = {.statement = &api_sql_usage_list,
              .shape = READ_PAGE,
              .params = {{.name = "from", .rule = &read_time},
                         {.name = "to", .rule = &read_time}}}},
};
const struct route_table usage_routes = ROUTE_TABLE(ROWS);
