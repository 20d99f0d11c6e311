-- The meter's store holds whatever a log says: sums that can't overflow, and dead letters that tell what money
-- may hang on them.

-- Sums of figures that come from lines are numeric: no line can bring a row to its bound. Other bigints stay:
-- lines, records and floods count what was really read, one at a time; line_bytes, positions and offsets are
-- single figures that the tap states and the meter holds to int8 before it takes them.
DROP VIEW usage_bound;
ALTER TABLE usage_quarter
    ALTER bytes TYPE numeric, ALTER messages TYPE numeric, ALTER fetches TYPE numeric,
    ALTER open_fetches TYPE numeric, ALTER share_messages TYPE numeric,
    ALTER produced_bytes TYPE numeric, ALTER produced_messages TYPE numeric,
    SET (fillfactor = 50);
ALTER TABLE usage_day
    ALTER bytes TYPE numeric, ALTER messages TYPE numeric, ALTER fetches TYPE numeric,
    ALTER open_fetches TYPE numeric, ALTER share_messages TYPE numeric,
    ALTER produced_bytes TYPE numeric, ALTER produced_messages TYPE numeric,
    SET (fillfactor = 50);
CREATE VIEW usage_bound WITH (security_invoker) AS
    SELECT u.cluster_id, u.principal, coalesce(t.name, u.topic) AS topic, u.delivery, u.from_at,
           u.subscription_id, u.application_id, u.metering_class, u.bytes, u.messages, u.fetches, u.open_fetches,
           u.share_messages, u.produced_bytes, u.produced_messages
      FROM usage_quarter u
      LEFT JOIN topic t ON t.cluster_id = u.cluster_id AND t.topic_id = u.topic;
GRANT SELECT ON usage_bound TO weir_api, weir_auditor;

-- What the database refuses for its content (reason "refused") is kept as a letter too: `head` then holds what
-- was to be written. Several may rest on one line, and some on none.
ALTER TABLE dead_letter
    ADD principal text,  -- whose line, without "User:"; null: can't be read
    ADD api text;        -- name of its request; null: can't be read, or no line
ALTER TABLE dead_letter DROP CONSTRAINT dead_letter_cluster_id_broker_id_generation_byte_offset_key;
CREATE UNIQUE INDEX dead_letter_line ON dead_letter (cluster_id, broker_id, generation, byte_offset, reason)
    WHERE reason <> 'refused';
GRANT INSERT (principal, api) ON dead_letter TO weir_meter;
