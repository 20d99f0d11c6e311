-- What only all the produce batches of a topic together can tell. Batches and their readers arrive through
-- different partitions of the log, and so through different meters: those of topics that need it are kept as rows,
-- and settled when both sides are there.

-- A topic that is written: by its id as lines name it, where that is known, else by its name. Its batches are kept
-- once several principals are seen to write it, or on wish, and then for good.
CREATE TABLE batch_topic (
    cluster_id uuid NOT NULL,
    topic text NOT NULL,
    writer text,                            -- who was seen first, without "User:"; null: nobody yet
    several boolean NOT NULL DEFAULT false, -- another principal writes it too
    wanted boolean NOT NULL DEFAULT false,  -- the operator's wish, or a plan's
    kept boolean NOT NULL GENERATED ALWAYS AS (several OR wanted) STORED,
    batches bigint NOT NULL DEFAULT 0,      -- rows that were settled and are still kept
    capped_at timestamptz,                  -- when rows were let go before their time for their number, last
    gone_to timestamptz,                    -- rows up to then are gone, but the last of each partition
    changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (cluster_id, topic)
);
CREATE INDEX batch_topic_changed ON batch_topic (cluster_id, changed_xid) WHERE kept;
CREATE TRIGGER batch_topic_stamp BEFORE UPDATE OF writer, several, wanted ON batch_topic
    FOR EACH ROW EXECUTE FUNCTION stamp_grant_period();

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

ALTER TABLE batch_topic ENABLE ROW LEVEL SECURITY;
ALTER TABLE produce_batch ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON batch_topic TO weir_meter, weir_auditor USING (true) WITH CHECK (true);
CREATE POLICY service ON produce_batch TO weir_meter, weir_auditor USING (true) WITH CHECK (true);
GRANT SELECT ON batch_topic, produce_batch TO weir_auditor;
GRANT SELECT,
      INSERT (cluster_id, topic, writer, several, wanted),
      UPDATE (writer, several, wanted, batches, capped_at, gone_to), DELETE ON batch_topic TO weir_meter;
GRANT SELECT,
      INSERT (cluster_id, topic, partition, base_offset, bytes, principal, named, from_at, day_from_at, at),
      UPDATE (topic, counted, pending), DELETE ON produce_batch TO weir_meter;
