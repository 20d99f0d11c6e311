-- Roles, tenancy, people, applications, clusters.
--
-- Whoever runs the migrations owns everything. The services log in as members of roles that own
-- nothing: a stolen password of the API can't drop a policy. What a role may do stands beside each
-- table. Tenancy is enforced here too: weir_api sees only rows of the organisation named by the
-- setting weir.org (or, for the operator's own people, with weir.operator = on).

CREATE EXTENSION IF NOT EXISTS btree_gist;

DO $$
DECLARE r text;
BEGIN
    FOREACH r IN ARRAY ARRAY['weir_api', 'weir_meter', 'weir_biller', 'weir_access', 'weir_auditor'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', r);
        END IF;
        EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', r);
    END LOOP;
END $$;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

-- The organisation of the current transaction, or null: then no tenant row is visible.
CREATE FUNCTION weir_org() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('weir.org', true), '')::uuid $$;
-- True while the caller acts for the marketplace operator.
CREATE FUNCTION weir_operator() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT coalesce(current_setting('weir.operator', true), '') = 'on' $$;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: its rows are append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

-- Rises with each change of a row: ETag and If-Match.
CREATE FUNCTION bump_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := OLD.version + 1;
    NEW.updated_at := now();
    RETURN NEW;
END $$;

CREATE TABLE marketplace (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE organisation (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    is_provider boolean NOT NULL DEFAULT false,
    is_consumer boolean NOT NULL DEFAULT false,
    is_operator boolean NOT NULL DEFAULT false,
    country char(2) NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    vat_id text CHECK (length(vat_id) <= 32),
    address jsonb NOT NULL DEFAULT '{}',
    billing_email text NOT NULL CHECK (length(billing_email) <= 254),
    time_zone text NOT NULL DEFAULT 'UTC',
    currency char(3) NOT NULL DEFAULT 'EUR' CHECK (currency ~ '^[A-Z]{3}$'),
    -- A provider owns every topic whose name begins with its prefix; the dot keeps "acme." from "acme-b.".
    -- weir. is Weir's own: its topics are the evidence.
    topic_prefix text UNIQUE CHECK (topic_prefix ~ '^[a-z0-9][a-z0-9_-]{1,60}\.$' AND topic_prefix <> 'weir.'),
    verified_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX organisation_one_operator ON organisation (is_operator) WHERE is_operator;
CREATE TRIGGER organisation_version BEFORE UPDATE ON organisation
    FOR EACH ROW EXECUTE FUNCTION bump_version();
ALTER TABLE organisation ENABLE ROW LEVEL SECURITY;
CREATE POLICY read ON organisation FOR SELECT TO weir_api USING (id = weir_org() OR weir_operator());
-- Signing up gives a name, not the rights that only the operator gives.
CREATE POLICY sign_up ON organisation FOR INSERT TO weir_api
    WITH CHECK (id = weir_org() AND NOT is_operator AND verified_at IS NULL AND topic_prefix IS NULL);
CREATE POLICY update_own ON organisation FOR UPDATE TO weir_api
    USING (id = weir_org() OR weir_operator()) WITH CHECK (id = weir_org() OR weir_operator());
CREATE POLICY service ON organisation TO weir_biller, weir_access, weir_auditor USING (true);
GRANT SELECT, INSERT ON organisation TO weir_api;
GRANT UPDATE (name, vat_id, address, billing_email, time_zone, topic_prefix, verified_at) ON organisation TO weir_api;
GRANT SELECT ON organisation, marketplace TO weir_biller, weir_access, weir_auditor;
GRANT SELECT ON marketplace TO weir_api;

CREATE FUNCTION check_time_zone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_timezone_names WHERE name = NEW.time_zone) THEN
        RAISE EXCEPTION 'time zone "%" is not an IANA zone', NEW.time_zone
            USING ERRCODE = 'check_violation', CONSTRAINT = 'organisation_time_zone';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER organisation_zone BEFORE INSERT OR UPDATE OF time_zone ON organisation
    FOR EACH ROW EXECUTE FUNCTION check_time_zone();

-- What only the operator sets (a tenant's transaction names its organisation), and that nobody takes a
-- prefix away while somebody writes or reads below it: whoever got it next would own their topics.
CREATE FUNCTION guard_organisation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF weir_org() IS NOT NULL AND NOT weir_operator() AND (NEW.topic_prefix, NEW.verified_at)
       IS DISTINCT FROM (OLD.topic_prefix, OLD.verified_at) THEN
        RAISE EXCEPTION 'only the marketplace''s operator sets this' USING ERRCODE = 'WD001';
    END IF;
    IF NEW.topic_prefix IS DISTINCT FROM OLD.topic_prefix AND OLD.topic_prefix IS NOT NULL
       AND (EXISTS (SELECT FROM producer_grant g WHERE g.org_id = OLD.id)
            OR EXISTS (SELECT FROM product_topic t WHERE t.org_id = OLD.id)) THEN
        RAISE EXCEPTION 'the topic prefix is in use: applications write, or products offer topics, below it'
            USING ERRCODE = 'WC001', HINT = 'a prefix can be changed only before its first use';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER organisation_guard BEFORE UPDATE ON organisation
    FOR EACH ROW EXECUTE FUNCTION guard_organisation();

-- The public face of an organisation: what other tenants may know of it (catalogue, subscribers).
CREATE VIEW organisation_public WITH (security_barrier) AS
    SELECT id, name, country, time_zone, is_provider, is_operator FROM organisation;
GRANT SELECT ON organisation_public TO weir_api;

-- People. Sign-in happens before an organisation is known: the two statements that find a person by
-- e-mail address and by session run for the operator; all others see the people of their organisation.
CREATE TABLE person (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email text NOT NULL UNIQUE CHECK (length(email) <= 254 AND email = lower(email)),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    password_hash text NOT NULL, -- argon2id, as libsodium writes it
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE membership (
    person_id uuid NOT NULL REFERENCES person,
    org_id uuid NOT NULL REFERENCES organisation,
    role text NOT NULL CHECK (role IN ('owner', 'developer', 'finance', 'auditor')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (person_id, org_id)
);
CREATE INDEX membership_org ON membership (org_id);
CREATE TABLE session (
    token_hash bytea PRIMARY KEY, -- keyed BLAKE2b of the cookie's value
    person_id uuid NOT NULL REFERENCES person,
    org_id uuid NOT NULL REFERENCES organisation,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX session_person ON session (person_id);
CREATE INDEX session_expiry ON session (expires_at);
ALTER TABLE person ENABLE ROW LEVEL SECURITY;
ALTER TABLE membership ENABLE ROW LEVEL SECURITY;
ALTER TABLE session ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON membership TO weir_api
    USING (org_id = weir_org() OR weir_operator()) WITH CHECK (org_id = weir_org() OR weir_operator());
CREATE POLICY own ON session TO weir_api
    USING (org_id = weir_org() OR weir_operator()) WITH CHECK (org_id = weir_org() OR weir_operator());
CREATE POLICY read ON person FOR SELECT TO weir_api
    USING (weir_operator() OR EXISTS (SELECT FROM membership m WHERE m.person_id = person.id));
CREATE POLICY sign_up ON person FOR INSERT TO weir_api WITH CHECK (true);
GRANT SELECT, INSERT ON person, membership TO weir_api;
GRANT SELECT, INSERT, DELETE ON session TO weir_api;

-- Kafka clusters.
CREATE TABLE cluster (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    bootstrap_servers text NOT NULL,  -- the listener that consumers use
    security_protocol text NOT NULL DEFAULT 'SASL_SSL' CHECK (security_protocol IN ('SASL_SSL', 'SASL_PLAINTEXT')),
    audience text NOT NULL CHECK (audience <> 'weir-api'), -- "aud" of tokens for this cluster, never the API's
    metering_class text NOT NULL CHECK (metering_class IN ('request_log', 'reported', 'committed')),
    log_topic text NOT NULL,          -- weir.broker-log.<name>
    log_partitions int NOT NULL CHECK (log_partitions BETWEEN 1 AND 4096),
    grants_per_topic_max int NOT NULL DEFAULT 2000 CHECK (grants_per_topic_max > 0),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TRIGGER cluster_version BEFORE UPDATE ON cluster FOR EACH ROW EXECUTE FUNCTION bump_version();
-- Brokers that are expected to be heard before a period is billed.
CREATE TABLE cluster_broker (
    cluster_id uuid NOT NULL REFERENCES cluster,
    broker_id int NOT NULL CHECK (broker_id >= 0),
    PRIMARY KEY (cluster_id, broker_id)
);
ALTER TABLE cluster ENABLE ROW LEVEL SECURITY;
ALTER TABLE cluster_broker ENABLE ROW LEVEL SECURITY;
CREATE POLICY read ON cluster FOR SELECT TO weir_api USING (weir_org() IS NOT NULL OR weir_operator());
CREATE POLICY operator ON cluster FOR INSERT TO weir_api WITH CHECK (weir_operator());
CREATE POLICY operator ON cluster_broker TO weir_api USING (weir_operator()) WITH CHECK (weir_operator());
CREATE POLICY service ON cluster TO weir_meter, weir_biller, weir_access, weir_auditor USING (true);
CREATE POLICY service ON cluster_broker TO weir_meter, weir_biller, weir_access, weir_auditor USING (true);
GRANT SELECT, INSERT ON cluster TO weir_api;
GRANT SELECT, INSERT, DELETE ON cluster_broker TO weir_api;
GRANT SELECT ON cluster, cluster_broker TO weir_meter, weir_biller, weir_access, weir_auditor;

-- Applications: the unit of credentials. One OAuth client, one Kafka principal, one group prefix.
CREATE TABLE application (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id uuid NOT NULL REFERENCES organisation,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    -- Issued: 'w' and 26 characters of base32, no dot, so that no group prefix matches another's.
    -- Adopted: a principal that exists already (SCRAM user, certificate DN), bound from a date.
    principal text NOT NULL UNIQUE CHECK (length(principal) BETWEEN 1 AND 255),
    adopted boolean NOT NULL DEFAULT false,
    bound_from timestamptz NOT NULL DEFAULT '-infinity',
    api_role text CHECK (api_role IN ('owner', 'developer', 'finance', 'auditor')), -- REST rights, null = none
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled')),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK (adopted OR principal ~ '^w[a-z2-7]{26}$'),
    UNIQUE (id, org_id)
);
CREATE INDEX application_org ON application (org_id, created_at, id);
CREATE TRIGGER application_version BEFORE UPDATE ON application FOR EACH ROW EXECUTE FUNCTION bump_version();
CREATE TABLE application_secret (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    application_id uuid NOT NULL,
    org_id uuid NOT NULL,
    secret_hash bytea NOT NULL CHECK (length(secret_hash) = 32), -- keyed BLAKE2b
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    FOREIGN KEY (application_id, org_id) REFERENCES application (id, org_id)
);
CREATE INDEX application_secret_application ON application_secret (application_id);
-- Write, Create and Describe on the organisation's topic prefix.
CREATE TABLE producer_grant (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    application_id uuid NOT NULL,
    org_id uuid NOT NULL,
    cluster_id uuid NOT NULL REFERENCES cluster,
    topic_prefix text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    FOREIGN KEY (application_id, org_id) REFERENCES application (id, org_id)
);
CREATE UNIQUE INDEX producer_grant_active ON producer_grant (application_id, cluster_id, topic_prefix)
    WHERE revoked_at IS NULL;
ALTER TABLE application ENABLE ROW LEVEL SECURITY;
ALTER TABLE application_secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE producer_grant ENABLE ROW LEVEL SECURITY;
CREATE POLICY read ON application FOR SELECT TO weir_api USING (org_id = weir_org() OR weir_operator());
-- Whose principal it is to adopt, only the operator can tell.
CREATE POLICY insert_own ON application FOR INSERT TO weir_api
    WITH CHECK ((org_id = weir_org() AND NOT adopted) OR weir_operator());
CREATE POLICY update_own ON application FOR UPDATE TO weir_api
    USING (org_id = weir_org() OR weir_operator()) WITH CHECK (org_id = weir_org() OR weir_operator());
CREATE POLICY own ON application_secret TO weir_api
    USING (org_id = weir_org() OR weir_operator()) WITH CHECK (org_id = weir_org() OR weir_operator());
CREATE POLICY own ON producer_grant TO weir_api
    USING (org_id = weir_org() OR weir_operator())
    WITH CHECK ((org_id = weir_org() OR weir_operator())
                AND topic_prefix = (SELECT o.topic_prefix FROM organisation o WHERE o.id = producer_grant.org_id));
CREATE POLICY service ON application TO weir_meter, weir_biller, weir_access, weir_auditor USING (true);
CREATE POLICY service ON producer_grant TO weir_access, weir_auditor USING (true);
GRANT SELECT, INSERT ON application, application_secret, producer_grant TO weir_api;
GRANT UPDATE (name, state) ON application TO weir_api;
GRANT UPDATE (expires_at, revoked_at) ON application_secret TO weir_api;
GRANT UPDATE (revoked_at) ON producer_grant TO weir_api;
GRANT SELECT ON application TO weir_meter, weir_biller, weir_access, weir_auditor;
GRANT SELECT ON producer_grant TO weir_access, weir_auditor;

-- Keys that sign tokens.
CREATE TABLE signing_key (
    kid text PRIMARY KEY,
    private_key bytea NOT NULL, -- PKCS#8 DER under secretbox with the master key, nonce in front
    public_jwk jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    sign_from timestamptz NOT NULL, -- published at once, used from here
    retire_at timestamptz           -- no longer published from here
);
GRANT SELECT, INSERT, UPDATE ON signing_key TO weir_api;

-- Who changed what. Append-only; sealed by hash chain later.
CREATE TABLE audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    org_id uuid,
    actor_kind text NOT NULL CHECK (actor_kind IN ('person', 'application', 'service', 'nobody')),
    actor_id text NOT NULL,
    action text NOT NULL,
    object_kind text NOT NULL,
    object_id text NOT NULL,
    before jsonb,
    after jsonb,
    reason text,
    request_id text
);
CREATE INDEX audit_log_object ON audit_log (object_kind, object_id, id);
CREATE INDEX audit_log_org ON audit_log (org_id, id);
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON audit_log FOR SELECT TO weir_api USING (org_id = weir_org() OR weir_operator());
CREATE POLICY append_own ON audit_log FOR INSERT TO weir_api
    WITH CHECK (org_id = weir_org() OR org_id IS NULL OR weir_operator());
CREATE POLICY append ON audit_log FOR INSERT TO weir_biller, weir_access WITH CHECK (true);
CREATE POLICY service ON audit_log FOR SELECT TO weir_auditor USING (true);
GRANT SELECT, INSERT ON audit_log TO weir_api;
GRANT INSERT ON audit_log TO weir_biller, weir_access;
GRANT SELECT ON audit_log TO weir_auditor;

-- Stored answers of POSTs, 24 h per organisation, client and operation.
CREATE TABLE idempotency_key (
    org_id uuid NOT NULL,
    client text NOT NULL,
    operation text NOT NULL,
    key text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    request_hash bytea NOT NULL,
    status int,            -- null while the first request is in flight
    response jsonb,        -- never holds a secret
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, client, operation, key)
);
CREATE INDEX idempotency_key_age ON idempotency_key (created_at);
ALTER TABLE idempotency_key ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON idempotency_key TO weir_api
    USING (org_id = weir_org() OR weir_operator()) WITH CHECK (org_id = weir_org() OR weir_operator());
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_key TO weir_api;
