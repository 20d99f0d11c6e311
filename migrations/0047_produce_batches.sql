-- What only all the produce batches of a topic together can tell. Batches and their readers arrive through
-- different partitions of the log, and so through different meters: those of topics that need it are kept as rows,
-- and settled when both sides are there.

-- A topic that is written: by its id as lines name it, where that is known, else by its name. Its batches are kept
-- once several principals are seen to write it, or a share group to read it, or on wish; then for good.
CREATE TABLE batch_topic (
    cluster_id uuid NOT NULL,
    topic text NOT NULL,
    writer text,                            -- who was seen first, without "User:"; null: nobody yet
    several boolean NOT NULL DEFAULT false, -- another principal writes it too
    shared boolean NOT NULL DEFAULT false,  -- share groups read it
    wanted boolean NOT NULL DEFAULT false,  -- the operator's wish, or a plan's
    kept boolean NOT NULL GENERATED ALWAYS AS (several OR shared OR wanted) STORED,
    batches bigint NOT NULL DEFAULT 0,      -- rows that were settled and are still kept
    capped_at timestamptz,                  -- when rows were let go before their time for their number, last
    gone_to timestamptz,                    -- rows up to then are gone, but the last of each partition
    unplaced_from timestamptz,              -- batches without a place (acks=0) were written between these times
    unplaced_to timestamptz,
    changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (cluster_id, topic)
);
CREATE INDEX batch_topic_changed ON batch_topic (cluster_id, changed_xid) WHERE kept;
CREATE TRIGGER batch_topic_stamp BEFORE UPDATE ON batch_topic FOR EACH ROW
    WHEN ((OLD.several, OLD.shared, OLD.wanted) IS DISTINCT FROM (NEW.several, NEW.shared, NEW.wanted))
    EXECUTE FUNCTION stamp_grant_period();
-- Batches of topics that were kept below this transaction have been handed over by the partition's meter.
ALTER TABLE meter_partition ADD kept_horizon xid8;

-- A batch reaches to the next one of its partition, whoever wrote that.
CREATE TABLE produce_batch (
    cluster_id uuid NOT NULL,
    topic text NOT NULL,              -- of batch_topic
    partition int NOT NULL,
    base_offset bigint NOT NULL,
    bytes bigint,                     -- as sent; null: not known
    principal text NOT NULL,
    named text NOT NULL,              -- the topic as its line names it: of its rows of usage, which begin so
    from_at timestamptz NOT NULL,
    day_from_at timestamptz NOT NULL,
    at timestamptz NOT NULL,          -- of its line
    counted bigint,                   -- messages in its rows of usage; null: never looked at
    pending boolean NOT NULL DEFAULT true, -- it, or what is below it, is to be looked at
    PRIMARY KEY (cluster_id, topic, partition, base_offset)
) WITH (fillfactor = 80);
CREATE INDEX produce_batch_pending ON produce_batch (cluster_id, topic, partition, base_offset) WHERE pending;
-- By time alone: beside the key no other index may look as good for one batch and its neighbours.
CREATE INDEX produce_batch_at ON produce_batch (at);

-- What a share group was sent of a partition: waits until all partitions of the log have been read past it. Then
-- its bytes are added, or stay unknown.
CREATE TABLE produce_reading (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cluster_id uuid NOT NULL,
    topic text NOT NULL,             -- as of produce_batch
    partition int NOT NULL,
    first_offset bigint NOT NULL,
    last_offset bigint NOT NULL,     -- inclusive
    messages bigint NOT NULL,
    principal text NOT NULL,
    named text NOT NULL,
    delivery smallint NOT NULL,
    from_at timestamptz NOT NULL,
    day_from_at timestamptz NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX produce_reading_at ON produce_reading (cluster_id, at);

-- Of messages that share groups read: bytes of the batches they were sent, derived so; and the messages whose
-- bytes are not known (yet).
ALTER TABLE usage_quarter ADD share_bytes numeric NOT NULL DEFAULT 0, ADD share_unknown numeric NOT NULL DEFAULT 0;
ALTER TABLE usage_day ADD share_bytes numeric NOT NULL DEFAULT 0, ADD share_unknown numeric NOT NULL DEFAULT 0;
UPDATE usage_quarter SET share_unknown = share_messages WHERE share_messages <> 0;
UPDATE usage_day SET share_unknown = share_messages WHERE share_messages <> 0;
CREATE OR REPLACE VIEW usage_bound WITH (security_invoker) AS
    SELECT u.cluster_id, u.principal, coalesce(t.name, u.topic) AS topic, u.delivery, u.from_at,
           u.subscription_id, u.application_id, u.metering_class, u.bytes, u.messages, u.fetches, u.open_fetches,
           u.share_messages, u.produced_bytes, u.produced_messages, u.derived_messages, u.derived_fetches,
           u.share_bytes, u.share_unknown
      FROM usage_quarter u
      LEFT JOIN topic t ON t.cluster_id = u.cluster_id AND t.topic_id = u.topic;
GRANT UPDATE (share_bytes, share_unknown) ON usage_quarter, usage_day TO weir_meter;
GRANT SELECT (share_bytes, share_unknown) ON usage_quarter TO weir_biller;
GRANT UPDATE (kept_horizon) ON meter_partition TO weir_meter;

ALTER TABLE produce_reading ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON produce_reading TO weir_meter, weir_auditor USING (true) WITH CHECK (true);
GRANT SELECT ON produce_reading TO weir_auditor;
GRANT SELECT,
      INSERT (cluster_id, topic, partition, first_offset, last_offset, messages, principal, named, delivery,
              from_at, day_from_at, at),
      UPDATE (topic), DELETE ON produce_reading TO weir_meter;

ALTER TABLE batch_topic ENABLE ROW LEVEL SECURITY;
ALTER TABLE produce_batch ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON batch_topic TO weir_meter, weir_auditor USING (true) WITH CHECK (true);
CREATE POLICY service ON produce_batch TO weir_meter, weir_auditor USING (true) WITH CHECK (true);
GRANT SELECT ON batch_topic, produce_batch TO weir_auditor;
GRANT SELECT,
      INSERT (cluster_id, topic, writer, several, shared, wanted, unplaced_from, unplaced_to),
      UPDATE (writer, several, shared, wanted, batches, capped_at, gone_to, unplaced_from, unplaced_to), DELETE ON batch_topic TO weir_meter;
GRANT SELECT,
      INSERT (cluster_id, topic, partition, base_offset, bytes, principal, named, from_at, day_from_at, at),
      UPDATE (topic, counted, pending), DELETE ON produce_batch TO weir_meter;
