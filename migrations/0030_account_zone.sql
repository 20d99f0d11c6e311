-- An account is billed by calendar months of its time zone. Another zone gives months of other bounds:
-- those already billed would be billed again, and hours between the two twice or never. So the zone
-- stays once a subscription of the account has begun.
CREATE FUNCTION keep_time_zone() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF EXISTS (SELECT FROM subscription s WHERE s.org_id = NEW.id AND s.starts_at IS NOT NULL AND s.state <> 'denied') THEN
        RAISE EXCEPTION 'the time zone can''t change once a subscription has begun: its months are billed in %', OLD.time_zone
            USING ERRCODE = 'WC001';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER organisation_time_zone BEFORE UPDATE OF time_zone ON organisation FOR EACH ROW
    WHEN (NEW.time_zone IS DISTINCT FROM OLD.time_zone) EXECUTE FUNCTION keep_time_zone();
