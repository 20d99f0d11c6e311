-- Messages of fetches that nothing closed within an hour are derived from what the principal had of the topic
-- before, and marked: of `messages` and of the fetches, so many.
ALTER TABLE usage_quarter
    ADD derived_messages numeric NOT NULL DEFAULT 0,
    ADD derived_fetches numeric NOT NULL DEFAULT 0;
ALTER TABLE usage_day
    ADD derived_messages numeric NOT NULL DEFAULT 0,
    ADD derived_fetches numeric NOT NULL DEFAULT 0;
CREATE OR REPLACE VIEW usage_bound WITH (security_invoker) AS
    SELECT u.cluster_id, u.principal, coalesce(t.name, u.topic) AS topic, u.delivery, u.from_at,
           u.subscription_id, u.application_id, u.metering_class, u.bytes, u.messages, u.fetches, u.open_fetches,
           u.share_messages, u.produced_bytes, u.produced_messages, u.derived_messages, u.derived_fetches
      FROM usage_quarter u
      LEFT JOIN topic t ON t.cluster_id = u.cluster_id AND t.topic_id = u.topic;
GRANT UPDATE (derived_messages, derived_fetches) ON usage_quarter, usage_day TO weir_meter;
GRANT SELECT (derived_messages) ON usage_quarter TO weir_biller;

-- What was produced into a topic, by whomever: for fetches of which nothing else is known.
CREATE INDEX usage_day_topic ON usage_day (cluster_id, topic, from_at);
