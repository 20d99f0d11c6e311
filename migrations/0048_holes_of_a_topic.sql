-- A hole that the broker's own counters show is of one topic, and they tell how many bytes are missing.
ALTER TABLE log_hole
    ADD topic text,            -- null: any
    ADD bytes_at_least bigint, -- of records; null: unknown
    DROP CONSTRAINT log_hole_key;
-- While nothing is written, several of them stand at one position.
CREATE UNIQUE INDEX log_hole_key ON log_hole (cluster_id, broker_id, kind, from_generation, from_offset, to_generation,
    to_offset, topic, (CASE WHEN topic IS NOT NULL THEN to_at END)) NULLS NOT DISTINCT;
GRANT INSERT (topic, bytes_at_least) ON log_hole TO weir_meter;
GRANT SELECT (topic) ON log_hole TO weir_biller;
GRANT SELECT (topic) ON grant_period TO weir_biller;
-- Its statement asks for any conflict, and looks at nothing.
REVOKE SELECT ON log_hole FROM weir_meter;
