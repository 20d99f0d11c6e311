-- What the meter writes. No foreign keys here: a lock taken by billing must not stop the meter.
--
-- A usage row covers one quarter hour (UTC) of one (cluster, principal, topic as the line names it,
-- delivery). It begins at the quarter or, where a grant of that principal begins or ends inside the
-- quarter, at that border: so every row has exactly one payer, and usage that nobody owns yet is bound
-- later by one UPDATE. The id and the name of a topic give two rows; usage_bound adds them up.

CREATE TABLE topic (
    cluster_id uuid NOT NULL,
    topic_id text NOT NULL CHECK (length(topic_id) = 22), -- as Kafka writes it: URL-safe base64
    name text NOT NULL,
    seen_at timestamptz NOT NULL,
    deleted_at timestamptz,
    PRIMARY KEY (cluster_id, topic_id)
);
CREATE INDEX topic_name ON topic (cluster_id, name);

CREATE TABLE usage_quarter (
    cluster_id uuid NOT NULL,
    principal text NOT NULL,        -- without "User:"
    topic text NOT NULL,            -- name or 22-character id, as the line says
    delivery smallint NOT NULL CHECK (delivery IN (0, 1)), -- 0 fresh, 1 replay
    from_at timestamptz NOT NULL,   -- quarter hour, or a grant's border inside it
    subscription_id uuid,           -- null: unbound
    application_id uuid,
    metering_class text NOT NULL,
    bytes bigint NOT NULL DEFAULT 0,
    messages bigint NOT NULL DEFAULT 0,
    fetches bigint NOT NULL DEFAULT 0,
    open_fetches bigint NOT NULL DEFAULT 0,  -- their messages are not known yet
    share_messages bigint NOT NULL DEFAULT 0, -- by share groups; their bytes are unknown
    produced_bytes bigint NOT NULL DEFAULT 0,
    produced_messages bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (cluster_id, principal, topic, delivery, from_at)
);
CREATE INDEX usage_quarter_subscription ON usage_quarter (subscription_id, from_at);
CREATE INDEX usage_quarter_unbound ON usage_quarter (cluster_id, from_at) WHERE subscription_id IS NULL;

-- The same by day (UTC), for charts and lists. Begins at midnight or at a grant's border.
CREATE TABLE usage_day (
    LIKE usage_quarter INCLUDING DEFAULTS INCLUDING CONSTRAINTS,
    PRIMARY KEY (cluster_id, principal, topic, delivery, from_at)
);
CREATE INDEX usage_day_subscription ON usage_day (subscription_id, from_at);

-- Evidence of a quarter row, per broker: first and last position in the log, and the number of lines.
CREATE TABLE usage_evidence (
    cluster_id uuid NOT NULL,
    principal text NOT NULL,
    topic text NOT NULL,
    delivery smallint NOT NULL,
    from_at timestamptz NOT NULL,
    broker_id int NOT NULL,
    first_generation bigint NOT NULL,
    first_offset bigint NOT NULL,
    last_generation bigint NOT NULL,
    last_offset bigint NOT NULL,
    lines bigint NOT NULL,
    PRIMARY KEY (cluster_id, principal, topic, delivery, from_at, broker_id)
);

-- Where the meter stands: per log partition the next Kafka offset (compared and set), per broker in it
-- the watermark and the last control record.
CREATE TABLE meter_partition (
    cluster_id uuid NOT NULL,
    log_partition int NOT NULL,
    next_offset bigint NOT NULL CHECK (next_offset >= 0),
    committed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (cluster_id, log_partition)
);
CREATE TABLE meter_position (
    cluster_id uuid NOT NULL,
    log_partition int NOT NULL,
    broker_id int NOT NULL,
    generation bigint NOT NULL,
    byte_offset bigint NOT NULL,
    broker_time timestamptz,  -- of the newest control record: everything before it has been read
    PRIMARY KEY (cluster_id, log_partition, broker_id)
);
-- Fetch chains and what else the fold remembers of a principal.
CREATE TABLE meter_state (
    cluster_id uuid NOT NULL,
    log_partition int NOT NULL,
    principal text NOT NULL,
    state bytea NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (cluster_id, log_partition, principal)
);

-- Lines that can't be read: kept with position and reason. Beyond a limit an hour they are counted.
CREATE TABLE dead_letter (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cluster_id uuid NOT NULL,
    log_partition int NOT NULL,
    broker_id int NOT NULL,
    generation bigint NOT NULL,
    byte_offset bigint NOT NULL,
    reason text NOT NULL,
    detail text,
    head bytea NOT NULL CHECK (length(head) <= 4096), -- the first 4 KiB
    line_bytes bigint NOT NULL,
    line_at timestamptz,
    received_at timestamptz NOT NULL DEFAULT now(),
    replayed_at timestamptz,
    UNIQUE (cluster_id, broker_id, generation, byte_offset)
);
CREATE TABLE dead_letter_flood (
    cluster_id uuid NOT NULL,
    broker_id int NOT NULL,
    reason text NOT NULL,
    hour timestamptz NOT NULL,
    lines bigint NOT NULL,
    first_generation bigint NOT NULL,
    first_offset bigint NOT NULL,
    last_generation bigint NOT NULL,
    last_offset bigint NOT NULL,
    PRIMARY KEY (cluster_id, broker_id, reason, hour)
);

-- Stretches of a broker's log that nobody can read any more, or that were never written.
CREATE TABLE log_hole (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cluster_id uuid NOT NULL,
    broker_id int NOT NULL,
    kind text NOT NULL,              -- rotated_away, truncated, session_skip, ...
    from_generation bigint NOT NULL,
    from_offset bigint NOT NULL,
    to_generation bigint NOT NULL,
    to_offset bigint NOT NULL,
    from_at timestamptz,
    to_at timestamptz,
    principal text,
    lines_at_least bigint NOT NULL DEFAULT 0,
    noticed_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (cluster_id, broker_id, kind, from_generation, from_offset)
);
-- A record whose prev lies above the watermark: not taken. Closed when the missing ones arrive.
CREATE TABLE log_gap (
    cluster_id uuid NOT NULL,
    log_partition int NOT NULL,
    broker_id int NOT NULL,
    generation bigint NOT NULL,  -- the watermark below the gap
    byte_offset bigint NOT NULL,
    records bigint NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    closed_at timestamptz,
    PRIMARY KEY (cluster_id, log_partition, broker_id, generation, byte_offset)
);

-- Subscriptions whose usage changed: what weir-biller watch rates again.
CREATE TABLE usage_touch (
    subscription_id uuid PRIMARY KEY,
    touched_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The payer of a usage row that begins at `at`: the grant that holds it, or else one that ended at
-- most 60 s before. Null where nobody pays.
CREATE FUNCTION payer_at(p_cluster uuid, p_principal text, p_topic text, p_at timestamptz)
    RETURNS TABLE (subscription_id uuid, application_id uuid) LANGUAGE sql STABLE AS $$
    SELECT g.subscription_id, g.application_id
      FROM application a
      JOIN grant_period g ON g.application_id = a.id AND g.cluster_id = p_cluster AND NOT g.shadow
       AND g.topic = coalesce((SELECT t.name FROM topic t WHERE t.cluster_id = p_cluster AND t.topic_id = p_topic), p_topic)
     WHERE a.principal = p_principal AND a.bound_from <= p_at
       AND tstzrange(lower(g.during), upper(g.during) + interval '60 seconds', '[)') @> p_at
     ORDER BY g.during @> p_at DESC, upper(g.during) DESC
     LIMIT 1 $$;

-- Binds what nobody owned and somebody owns now. Returns the number of rows bound.
CREATE FUNCTION bind_usage(p_cluster uuid) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint; m bigint;
BEGIN
    WITH bound AS (
        UPDATE usage_quarter u SET subscription_id = p.subscription_id, application_id = p.application_id
          FROM usage_quarter v, LATERAL payer_at(v.cluster_id, v.principal, v.topic, v.from_at) p
         WHERE v.cluster_id = p_cluster AND v.subscription_id IS NULL
           AND (u.cluster_id, u.principal, u.topic, u.delivery, u.from_at)
             = (v.cluster_id, v.principal, v.topic, v.delivery, v.from_at)
        RETURNING u.subscription_id), touched AS (
        INSERT INTO usage_touch (subscription_id) SELECT DISTINCT subscription_id FROM bound
        ON CONFLICT (subscription_id) DO UPDATE SET touched_at = clock_timestamp())
    SELECT count(*) INTO n FROM bound;
    UPDATE usage_day u SET subscription_id = p.subscription_id, application_id = p.application_id
      FROM usage_day v, LATERAL payer_at(v.cluster_id, v.principal, v.topic, v.from_at) p
     WHERE v.cluster_id = p_cluster AND v.subscription_id IS NULL
       AND (u.cluster_id, u.principal, u.topic, u.delivery, u.from_at)
         = (v.cluster_id, v.principal, v.topic, v.delivery, v.from_at);
    GET DIAGNOSTICS m = ROW_COUNT;
    RETURN n;
END $$;

-- Tenants read usage through their subscriptions only.
ALTER TABLE usage_quarter ENABLE ROW LEVEL SECURITY;
ALTER TABLE usage_day ENABLE ROW LEVEL SECURITY;
ALTER TABLE usage_evidence ENABLE ROW LEVEL SECURITY;
CREATE POLICY read ON usage_quarter FOR SELECT TO weir_api
    USING (weir_operator() OR subscription_id IN (SELECT id FROM subscription));
CREATE POLICY read ON usage_day FOR SELECT TO weir_api
    USING (weir_operator() OR subscription_id IN (SELECT id FROM subscription));
CREATE POLICY read ON usage_evidence FOR SELECT TO weir_api
    USING (weir_operator() OR EXISTS (SELECT FROM usage_quarter u
        WHERE (u.cluster_id, u.principal, u.topic, u.delivery, u.from_at)
            = (usage_evidence.cluster_id, usage_evidence.principal, usage_evidence.topic, usage_evidence.delivery, usage_evidence.from_at)));
CREATE POLICY service ON usage_quarter TO weir_meter, weir_biller, weir_auditor USING (true) WITH CHECK (true);
CREATE POLICY service ON usage_day TO weir_meter, weir_biller, weir_auditor USING (true) WITH CHECK (true);
CREATE POLICY service ON usage_evidence TO weir_meter, weir_biller, weir_auditor USING (true) WITH CHECK (true);

GRANT SELECT, INSERT, UPDATE ON topic, usage_quarter, usage_day, usage_evidence, meter_partition, meter_position,
    meter_state, dead_letter, dead_letter_flood, log_hole, log_gap, usage_touch TO weir_meter;
GRANT DELETE ON meter_state TO weir_meter;
GRANT SELECT ON topic, usage_quarter, usage_day, usage_evidence, meter_partition, meter_position, log_hole, log_gap,
    usage_touch TO weir_biller;
GRANT DELETE ON usage_touch TO weir_biller;
GRANT SELECT ON topic, usage_quarter, usage_day, usage_evidence, meter_partition, meter_position, dead_letter,
    dead_letter_flood, log_hole, log_gap TO weir_api, weir_auditor;
-- Dead letters, holes, gaps and positions are the operator's: the policies say so. The names of topics
-- are in every session's reach, for usage is shown with them; the API shows none but those.
ALTER TABLE meter_partition ENABLE ROW LEVEL SECURITY;
ALTER TABLE meter_position ENABLE ROW LEVEL SECURITY;
CREATE POLICY operator ON meter_partition FOR SELECT TO weir_api USING (weir_operator());
CREATE POLICY operator ON meter_position FOR SELECT TO weir_api USING (weir_operator());
CREATE POLICY service ON meter_partition TO weir_meter, weir_biller, weir_auditor USING (true) WITH CHECK (true);
CREATE POLICY service ON meter_position TO weir_meter, weir_biller, weir_auditor USING (true) WITH CHECK (true);
ALTER TABLE dead_letter ENABLE ROW LEVEL SECURITY;
ALTER TABLE dead_letter_flood ENABLE ROW LEVEL SECURITY;
ALTER TABLE log_hole ENABLE ROW LEVEL SECURITY;
ALTER TABLE log_gap ENABLE ROW LEVEL SECURITY;
CREATE POLICY operator ON dead_letter FOR SELECT TO weir_api USING (weir_operator());
CREATE POLICY operator ON dead_letter_flood FOR SELECT TO weir_api USING (weir_operator());
CREATE POLICY operator ON log_hole FOR SELECT TO weir_api USING (weir_operator());
CREATE POLICY operator ON log_gap FOR SELECT TO weir_api USING (weir_operator());
CREATE POLICY service ON dead_letter TO weir_meter, weir_auditor USING (true) WITH CHECK (true);
CREATE POLICY service ON dead_letter_flood TO weir_meter, weir_auditor USING (true) WITH CHECK (true);
CREATE POLICY service ON log_hole TO weir_meter, weir_biller, weir_auditor USING (true) WITH CHECK (true);
CREATE POLICY service ON log_gap TO weir_meter, weir_biller, weir_auditor USING (true) WITH CHECK (true);

-- Usage with its topic's name, for people and for rating.
CREATE VIEW usage_bound WITH (security_invoker) AS
    SELECT u.cluster_id, u.principal, coalesce(t.name, u.topic) AS topic, u.delivery, u.from_at,
           u.subscription_id, u.application_id, u.metering_class, u.bytes, u.messages, u.fetches, u.open_fetches,
           u.share_messages, u.produced_bytes, u.produced_messages
      FROM usage_quarter u
      LEFT JOIN topic t ON t.cluster_id = u.cluster_id AND t.topic_id = u.topic;
GRANT SELECT ON usage_bound TO weir_api, weir_biller, weir_auditor;
