// A line for each constraint that a caller can run into.
#include "api/request/constraint.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *constraint;
    const char *field;
    const char *text;
} KNOWN[] = {
    {"organisation_country_check", "/country", "country is two capital letters, like DE"},
    {"organisation_currency_check", "/currency", "currency is three capital letters, like EUR"},
    {"organisation_time_zone", "/time_zone", "time_zone is an IANA zone, like Europe/Berlin"},
    {"organisation_topic_prefix_check", "/topic_prefix",
     "topic_prefix is 2 to 61 of a-z, 0-9, _ and -, then a dot, like acme.; weir. is taken"},
    {"organisation_topic_prefix_key", "/topic_prefix", "another provider has this prefix"},
    {"person_email_key", "/owner/email", "somebody has signed up with this e-mail address"},
    {"cluster_name_check", "/name", "name is 1 to 63 of a-z, 0-9 and -"},
    {"cluster_name_key", "/name", "there is a cluster of this name"},
    {"cluster_metering_class_check", "/metering_class",
     "metering_class is request_log, reported or committed"},
    {"cluster_security_protocol_check", "/security_protocol",
     "security_protocol is SASL_SSL or SASL_PLAINTEXT"},
    {"cluster_broker_pkey", "/brokers", "a broker stands twice"},
    {"producer_grant_active", "/cluster_id", "the application may write there already"},
    {"product_slug_check", "/slug", "slug is 1 to 99 of a-z, 0-9 and -"},
    {"product_org_id_slug_key", "/slug", "this provider has a product with this slug"},
    {"product_topic_topic_check", "/topics",
     "a topic's name is 1 to 249 of a-z, A-Z, 0-9, ., _, -"},
    {"product_topic_pkey", "/topics", "a topic stands twice"},
    {"plan_code_check", "/code", "code is 1 to 63 of a-z, 0-9 and -"},
    {"plan_product_id_code_key", "/code", "the product has a plan with this code"},
    {"plan_version_weakest_class_check", "/weakest_class",
     "weakest_class is request_log, reported or committed"},
    {"topic_request_standing", "/name", "another provider has asked for a topic of this name"},
    {"grant_period_cluster_id_application_id_topic_during_excl", "",
     "one of the applications reads one of the topics by another subscription"},
};

void constraint_explain(struct err *e) {
    if (strncmp(e->sqlstate, "23", 2) != 0) {
        return;
    }
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++) {
        if (strcmp(KNOWN[i].constraint, e->field) == 0) {
            (void)err_field(e, e->code, KNOWN[i].field, "%s", KNOWN[i].text);
            return;
        }
    }
}
