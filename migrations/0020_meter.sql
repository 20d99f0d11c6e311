-- What the meter needs to notice changes and to stay fast.

-- Which transaction changed a grant last. The meter remembers the oldest transaction that was running
-- when it looked, and asks for what changed since: nothing is missed and nothing is read twice.
ALTER TABLE grant_period ADD COLUMN changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX grant_period_changed ON grant_period (cluster_id, changed_xid);
CREATE FUNCTION stamp_grant_period() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_xid := pg_current_xact_id();
    RETURN NEW;
END $$;
CREATE TRIGGER grant_period_stamp BEFORE UPDATE ON grant_period
    FOR EACH ROW EXECUTE FUNCTION stamp_grant_period();

-- How many dead letters this hour holds already.
CREATE INDEX dead_letter_received ON dead_letter (cluster_id, received_at);

-- Rows that are added to again and again: room on the page keeps the new version beside the old one.
ALTER TABLE usage_quarter SET (fillfactor = 70);
ALTER TABLE usage_day SET (fillfactor = 70);
ALTER TABLE usage_evidence SET (fillfactor = 70);
ALTER TABLE meter_state SET (fillfactor = 70);
ALTER TABLE meter_position SET (fillfactor = 50);
ALTER TABLE meter_partition SET (fillfactor = 50);
