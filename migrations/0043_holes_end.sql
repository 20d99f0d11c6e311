-- Every hole of the log has an end, and two of one beginning are two. An open end touched every later invoice line.
-- What is missing was written before the hole was noticed: that is the end of the open ones of before.
UPDATE log_hole SET to_at = noticed_at WHERE to_at IS NULL;
UPDATE log_hole SET from_at = to_at, to_at = from_at WHERE from_at > to_at;
ALTER TABLE log_hole
    DROP CONSTRAINT log_hole_cluster_id_broker_id_kind_from_generation_from_off_key,
    ALTER to_at SET NOT NULL,
    ADD CONSTRAINT log_hole_ends CHECK (from_at <= to_at),
    ADD CONSTRAINT log_hole_key
        UNIQUE (cluster_id, broker_id, kind, from_generation, from_offset, to_generation, to_offset);
