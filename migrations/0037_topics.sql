-- Topics are made by weir-access, at the request of a provider and within limits that the operator sets:
-- what an application's own right to create could not hold it to.

-- How many topics a provider may have on a cluster, and how large. A row comes with the provider's first
-- producer grant there, with what is usual; only the operator changes it.
CREATE TABLE topic_limit (
    org_id uuid NOT NULL REFERENCES organisation,
    cluster_id uuid NOT NULL REFERENCES cluster,
    topics_max int NOT NULL DEFAULT 100 CHECK (topics_max BETWEEN 0 AND 10000),
    partitions_max int NOT NULL DEFAULT 12 CHECK (partitions_max BETWEEN 1 AND 10000), -- of one topic
    retention_ms_max bigint NOT NULL DEFAULT 604800000 CHECK (retention_ms_max > 0),   -- 7 days
    message_bytes_max int NOT NULL DEFAULT 1048576 CHECK (message_bytes_max > 0),      -- of a batch, as Kafka counts
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, cluster_id)
);
CREATE TRIGGER topic_limit_version BEFORE UPDATE ON topic_limit FOR EACH ROW EXECUTE FUNCTION bump_version();
INSERT INTO topic_limit (org_id, cluster_id) SELECT DISTINCT org_id, cluster_id FROM producer_grant;
CREATE FUNCTION usual_topic_limit() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO topic_limit (org_id, cluster_id) VALUES (NEW.org_id, NEW.cluster_id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER producer_grant_limit AFTER INSERT ON producer_grant
    FOR EACH ROW EXECUTE FUNCTION usual_topic_limit();

CREATE TABLE topic_request (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id uuid NOT NULL REFERENCES organisation,
    cluster_id uuid NOT NULL REFERENCES cluster,
    name text NOT NULL CHECK (name ~ '^[a-zA-Z0-9._-]{1,249}$'),
    partitions int NOT NULL CHECK (partitions > 0),
    retention_ms bigint NOT NULL CHECK (retention_ms > 0),
    max_message_bytes int NOT NULL CHECK (max_message_bytes > 0),
    -- requested, until weir-access has the broker's word: made, or refused with a reason.
    state text NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'made', 'refused')),
    reason text,
    decided_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (org_id, cluster_id) REFERENCES topic_limit,
    CHECK ((state = 'requested') = (decided_at IS NULL)),
    CHECK ((state = 'refused') = (reason IS NOT NULL))
);
-- A name that was refused may be asked for again.
CREATE UNIQUE INDEX topic_request_standing ON topic_request (cluster_id, name) WHERE state <> 'refused';
CREATE INDEX topic_request_waiting ON topic_request (cluster_id, created_at, id) WHERE state = 'requested';
CREATE INDEX topic_request_org ON topic_request (org_id, created_at DESC, id DESC);
CREATE INDEX topic_request_age ON topic_request (created_at DESC, id DESC); -- the operator's list
CREATE TRIGGER topic_request_notify AFTER INSERT ON topic_request
    FOR EACH STATEMENT EXECUTE FUNCTION notify_access();

ALTER TABLE topic_limit ENABLE ROW LEVEL SECURITY;
ALTER TABLE topic_request ENABLE ROW LEVEL SECURITY;
CREATE POLICY read ON topic_limit FOR SELECT TO weir_api USING (org_id = weir_org() OR weir_operator());
-- Only the names of the row can be given (see the rights below): its figures are the usual ones.
CREATE POLICY begin_own ON topic_limit FOR INSERT TO weir_api WITH CHECK (org_id = weir_org() OR weir_operator());
CREATE POLICY operator ON topic_limit FOR UPDATE TO weir_api USING (weir_operator()) WITH CHECK (weir_operator());
CREATE POLICY read ON topic_request FOR SELECT TO weir_api USING (org_id = weir_org() OR weir_operator());
CREATE POLICY ask_own ON topic_request FOR INSERT TO weir_api
    WITH CHECK ((org_id = weir_org() OR weir_operator())
                AND EXISTS (SELECT FROM producer_grant g
                             WHERE g.org_id = topic_request.org_id AND g.cluster_id = topic_request.cluster_id
                               AND g.revoked_at IS NULL AND starts_with(topic_request.name, g.topic_prefix)));
CREATE POLICY service ON topic_limit TO weir_access, weir_auditor USING (true);
CREATE POLICY service ON topic_request TO weir_access, weir_auditor USING (true);

GRANT SELECT, INSERT (org_id, cluster_id),
    UPDATE (topics_max, partitions_max, retention_ms_max, message_bytes_max) ON topic_limit TO weir_api;
GRANT SELECT, INSERT (org_id, cluster_id, name, partitions, retention_ms, max_message_bytes) ON topic_request TO weir_api;
GRANT SELECT (org_id, cluster_id, partitions_max, retention_ms_max, message_bytes_max) ON topic_limit TO weir_access;
GRANT SELECT (id, org_id, cluster_id, name, partitions, retention_ms, max_message_bytes, state, created_at),
    UPDATE (state, reason, decided_at) ON topic_request TO weir_access;
GRANT SELECT (org_id) ON producer_grant TO weir_access;
GRANT SELECT ON topic_limit, topic_request TO weir_auditor;
