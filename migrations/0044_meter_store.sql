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

-- Lines that may have carried bytes to a reader and were not counted: money at risk. A line whose time can't be
-- read, or can't be true, is put where it was received.
CREATE VIEW unread_line WITH (security_invoker) AS
    SELECT cluster_id, principal, reason, line_bytes,
           CASE WHEN reason = 'time_off' THEN received_at ELSE coalesce(line_at, received_at) END AS at
      FROM dead_letter
     WHERE replayed_at IS NULL AND (api IS NULL OR api IN ('FETCH', 'SHARE_FETCH'));
CREATE INDEX dead_letter_principal ON dead_letter (cluster_id, principal) WHERE replayed_at IS NULL;
ALTER POLICY service ON dead_letter TO weir_meter, weir_biller, weir_auditor;
ALTER POLICY service ON dead_letter_flood TO weir_meter, weir_biller, weir_auditor;
GRANT SELECT (cluster_id, principal, api, reason, line_bytes, line_at, received_at, replayed_at) ON dead_letter
    TO weir_biller;
GRANT SELECT (cluster_id, reason, hour, lines) ON dead_letter_flood TO weir_biller;
GRANT SELECT ON unread_line TO weir_biller, weir_auditor;

-- What a run bills without: sentences, by cluster and reason.
ALTER TABLE billing_run ADD unread jsonb NOT NULL DEFAULT '[]';
GRANT UPDATE (unread) ON billing_run TO weir_biller;

-- A broker that is listed but silent holds back nothing for ever: since when it is listed, and when in each
-- partition it was last heard (by Kafka's time of its newest control record).
ALTER TABLE cluster_broker ADD listed_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE meter_position ADD heard_at timestamptz;
UPDATE meter_position SET heard_at = broker_time;
GRANT UPDATE (heard_at) ON meter_position TO weir_meter;

-- Usage nobody owns is bound by principal, by the meter's own statements. The grant is found in a plain index:
-- "IS NOT TRUE" keeps the planner off the exclusion constraint's, where a look costs thirty times as much.
DROP FUNCTION bind_usage(uuid);
CREATE INDEX usage_quarter_unbound_principal ON usage_quarter (cluster_id, principal) WHERE subscription_id IS NULL;
CREATE INDEX usage_day_unbound ON usage_day (cluster_id, principal) WHERE subscription_id IS NULL;
CREATE INDEX grant_period_application ON grant_period (application_id, cluster_id, topic);
CREATE OR REPLACE FUNCTION payer_at(p_cluster uuid, p_principal text, p_topic text, p_at timestamptz)
    RETURNS TABLE (subscription_id uuid, application_id uuid) LANGUAGE sql STABLE AS $$
    SELECT g.subscription_id, g.application_id
      FROM application a
      JOIN grant_period g ON g.application_id = a.id AND g.cluster_id = p_cluster AND g.shadow IS NOT TRUE
       AND g.topic = coalesce((SELECT t.name FROM topic t WHERE t.cluster_id = p_cluster AND t.topic_id = p_topic), p_topic)
     WHERE a.principal = p_principal AND a.bound_from <= p_at
       AND tstzrange(lower(g.during), upper(g.during) + interval '60 seconds', '[)') @> p_at
     ORDER BY g.during @> p_at DESC, upper(g.during) DESC
     LIMIT 1 $$;
REVOKE SELECT (id) ON grant_period FROM weir_meter;

-- Room on a row's page for the new version of every row there: a batch adds to each of them once, and the next
-- one finds the room of the old versions again. (usage_quarter and usage_day above.)
ALTER TABLE usage_evidence SET (fillfactor = 50);
ALTER TABLE meter_state SET (fillfactor = 50);
