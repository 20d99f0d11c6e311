-- Products, contracts, plans, subscriptions, and who pays for which reading.

CREATE TABLE product (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id uuid NOT NULL REFERENCES organisation, -- the provider
    slug text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,98}$'),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    description text NOT NULL DEFAULT '' CHECK (length(description) <= 10000),
    tags text[] NOT NULL DEFAULT '{}',
    state text NOT NULL DEFAULT 'draft'
        CHECK (state IN ('draft', 'in_review', 'published', 'deprecated', 'retired')),
    approval text NOT NULL DEFAULT 'manual' CHECK (approval IN ('manual', 'automatic')),
    published_version int, -- the version that new subscriptions get
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (org_id, slug),
    UNIQUE (id, org_id) -- its parts are of the same organisation
);
CREATE INDEX product_catalogue ON product (state, created_at, id);
CREATE TRIGGER product_version_bump BEFORE UPDATE ON product FOR EACH ROW EXECUTE FUNCTION bump_version();

-- A version is open while published_at is null; then it never changes.
CREATE TABLE product_version (
    product_id uuid NOT NULL,
    number int NOT NULL CHECK (number > 0),
    org_id uuid NOT NULL,
    contract bytea,             -- ODCS v3.1 as uploaded, byte for byte
    contract_sha256 bytea,
    contract_type text CHECK (contract_type IN ('application/yaml', 'application/json')),
    created_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    PRIMARY KEY (product_id, number),
    FOREIGN KEY (product_id, org_id) REFERENCES product (id, org_id),
    CHECK ((contract IS NULL) = (contract_sha256 IS NULL))
);
CREATE TABLE product_topic (
    product_id uuid NOT NULL,
    number int NOT NULL,
    org_id uuid NOT NULL,
    cluster_id uuid NOT NULL REFERENCES cluster,
    topic text NOT NULL CHECK (topic ~ '^[a-zA-Z0-9._-]{1,249}$'),
    PRIMARY KEY (product_id, number, cluster_id, topic),
    FOREIGN KEY (product_id, number) REFERENCES product_version,
    FOREIGN KEY (product_id, org_id) REFERENCES product (id, org_id)
);

CREATE FUNCTION refuse_published_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'product_version' THEN
        IF OLD.published_at IS NOT NULL THEN
            RAISE EXCEPTION 'a published version never changes' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    ELSIF EXISTS (SELECT FROM product_version v
                   WHERE v.product_id = coalesce(NEW.product_id, OLD.product_id)
                     AND v.number = coalesce(NEW.number, OLD.number) AND v.published_at IS NOT NULL) THEN
        RAISE EXCEPTION 'the topics of a published version never change' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN coalesce(NEW, OLD);
END $$;
CREATE TRIGGER product_version_frozen BEFORE UPDATE OR DELETE ON product_version
    FOR EACH ROW EXECUTE FUNCTION refuse_published_version();
CREATE TRIGGER product_topic_frozen BEFORE INSERT OR UPDATE OR DELETE ON product_topic
    FOR EACH ROW EXECUTE FUNCTION refuse_published_version();

CREATE TABLE plan (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    product_id uuid NOT NULL,
    org_id uuid NOT NULL,
    code text NOT NULL CHECK (code ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'withdrawn')),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (product_id, code),
    UNIQUE (id, product_id),
    UNIQUE (id, org_id),
    FOREIGN KEY (product_id, org_id) REFERENCES product (id, org_id)
);
CREATE TABLE plan_version (
    plan_id uuid NOT NULL,
    number int NOT NULL CHECK (number > 0),
    org_id uuid NOT NULL,
    valid_from date NOT NULL,
    currency char(3) NOT NULL,
    body json NOT NULL,              -- the plan as the rating engine reads it, key order and digits kept
    revenue_share json NOT NULL,
    weakest_class text NOT NULL DEFAULT 'request_log'
        CHECK (weakest_class IN ('request_log', 'reported', 'committed')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (plan_id, number),
    FOREIGN KEY (plan_id, org_id) REFERENCES plan (id, org_id)
);
CREATE TRIGGER plan_version_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON plan_version
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE subscription (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id uuid NOT NULL REFERENCES organisation,          -- the consumer
    provider_org_id uuid NOT NULL REFERENCES organisation,
    -- Who sells to the consumer; null = the marketplace's operator. A reseller later.
    sold_through uuid REFERENCES organisation,
    product_id uuid NOT NULL,
    product_version int NOT NULL,
    plan_id uuid NOT NULL,
    plan_version int NOT NULL,      -- frozen at request time
    state text NOT NULL DEFAULT 'requested' CHECK (state IN
        ('requested', 'approved', 'denied', 'expired', 'trialing', 'active', 'paused', 'suspended',
         'cancelling', 'ended', 'shadow')),
    terms_sha256 bytea NOT NULL,    -- of the contract that was accepted
    requested_at timestamptz NOT NULL DEFAULT now(),
    decided_at timestamptz,
    decided_by text,
    decision_reason text,
    starts_at timestamptz,
    ends_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (product_id, product_version) REFERENCES product_version,
    FOREIGN KEY (plan_id, plan_version) REFERENCES plan_version,
    FOREIGN KEY (plan_id, product_id) REFERENCES plan (id, product_id),
    CHECK (state NOT IN ('active', 'trialing', 'paused', 'suspended', 'cancelling', 'ended') OR starts_at IS NOT NULL)
);
CREATE INDEX subscription_org ON subscription (org_id, requested_at, id);
CREATE INDEX subscription_provider ON subscription (provider_org_id, requested_at, id);
CREATE TRIGGER subscription_version BEFORE UPDATE ON subscription FOR EACH ROW EXECUTE FUNCTION bump_version();
-- Parties, product, plan and terms stay as requested. Whoever consumes doesn't decide: a tenant's
-- transaction (it names its organisation) grants or refuses only what it provides, unless the product
-- approves by itself.
CREATE FUNCTION guard_subscription() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.org_id, NEW.provider_org_id, NEW.sold_through, NEW.product_id, NEW.product_version, NEW.plan_id,
        NEW.plan_version, NEW.terms_sha256, NEW.requested_at)
       IS DISTINCT FROM
       (OLD.org_id, OLD.provider_org_id, OLD.sold_through, OLD.product_id, OLD.product_version, OLD.plan_id,
        OLD.plan_version, OLD.terms_sha256, OLD.requested_at) THEN
        RAISE EXCEPTION 'what was subscribed to never changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state IS DISTINCT FROM OLD.state AND weir_org() IS NOT NULL AND NOT weir_operator()
       AND OLD.provider_org_id <> weir_org() AND NEW.state NOT IN ('cancelling', 'ended')
       AND NOT (OLD.state = 'requested' AND NEW.state = 'active' AND EXISTS (
                SELECT FROM product p WHERE p.id = OLD.product_id AND p.approval = 'automatic')) THEN
        RAISE EXCEPTION 'the provider of the product decides' USING ERRCODE = 'WD001';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER subscription_guard BEFORE UPDATE ON subscription
    FOR EACH ROW EXECUTE FUNCTION guard_subscription();
CREATE TABLE subscription_application (
    subscription_id uuid NOT NULL REFERENCES subscription,
    application_id uuid NOT NULL,
    org_id uuid NOT NULL,
    PRIMARY KEY (subscription_id, application_id),
    FOREIGN KEY (application_id, org_id) REFERENCES application (id, org_id)
);

-- Who pays: the row that holds the time of a line. Rows are closed, never deleted; two that are not
-- shadows never overlap for one (cluster, application, topic).
CREATE TABLE grant_period (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    cluster_id uuid NOT NULL REFERENCES cluster,
    application_id uuid NOT NULL,
    org_id uuid NOT NULL,
    topic text NOT NULL,
    subscription_id uuid NOT NULL REFERENCES subscription,
    shadow boolean NOT NULL DEFAULT false,
    during tstzrange NOT NULL CHECK (NOT isempty(during) AND lower_inc(during) AND NOT upper_inc(during)),
    FOREIGN KEY (application_id, org_id) REFERENCES application (id, org_id),
    EXCLUDE USING gist (cluster_id WITH =, application_id WITH =, topic WITH =, during WITH &&) WHERE (NOT shadow)
);
CREATE INDEX grant_period_subscription ON grant_period (subscription_id);
CREATE INDEX grant_period_topic ON grant_period (cluster_id, topic) WHERE upper_inf(during);

CREATE FUNCTION guard_grant_period() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'grant periods are closed, never deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.cluster_id, NEW.application_id, NEW.topic, NEW.subscription_id, NEW.shadow, lower(NEW.during))
       IS DISTINCT FROM
       (OLD.cluster_id, OLD.application_id, OLD.topic, OLD.subscription_id, OLD.shadow, lower(OLD.during))
       OR NOT upper_inf(OLD.during) THEN
        RAISE EXCEPTION 'only the end of an open grant period can be set' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    -- What was read until now has a payer: no tenant takes that back.
    IF weir_org() IS NOT NULL AND upper(NEW.during) < now() THEN
        RAISE EXCEPTION 'a grant period doesn''t end in the past' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER grant_period_guard BEFORE UPDATE OR DELETE ON grant_period
    FOR EACH ROW EXECUTE FUNCTION guard_grant_period();

ALTER TABLE product ENABLE ROW LEVEL SECURITY;
ALTER TABLE product_version ENABLE ROW LEVEL SECURITY;
ALTER TABLE product_topic ENABLE ROW LEVEL SECURITY;
ALTER TABLE plan ENABLE ROW LEVEL SECURITY;
ALTER TABLE plan_version ENABLE ROW LEVEL SECURITY;
ALTER TABLE subscription ENABLE ROW LEVEL SECURITY;
ALTER TABLE subscription_application ENABLE ROW LEVEL SECURITY;
ALTER TABLE grant_period ENABLE ROW LEVEL SECURITY;

-- The catalogue: everybody signed in sees what is published, and a provider sees its own drafts.
CREATE POLICY read ON product FOR SELECT TO weir_api
    USING (org_id = weir_org() OR weir_operator() OR (state IN ('published', 'deprecated') AND weir_org() IS NOT NULL));
CREATE POLICY insert_own ON product FOR INSERT TO weir_api WITH CHECK (org_id = weir_org() OR weir_operator());
CREATE POLICY update_own ON product FOR UPDATE TO weir_api
    USING (org_id = weir_org() OR weir_operator()) WITH CHECK (org_id = weir_org() OR weir_operator());
CREATE POLICY read ON product_version FOR SELECT TO weir_api
    USING (org_id = weir_org() OR weir_operator() OR (published_at IS NOT NULL AND weir_org() IS NOT NULL));
CREATE POLICY insert_own ON product_version FOR INSERT TO weir_api WITH CHECK (org_id = weir_org() OR weir_operator());
CREATE POLICY update_own ON product_version FOR UPDATE TO weir_api
    USING (org_id = weir_org() OR weir_operator()) WITH CHECK (org_id = weir_org() OR weir_operator());
CREATE POLICY read ON product_topic FOR SELECT TO weir_api
    USING (org_id = weir_org() OR weir_operator() OR EXISTS (
        SELECT FROM product_version v
         WHERE v.product_id = product_topic.product_id AND v.number = product_topic.number AND v.published_at IS NOT NULL));
-- A product offers what its provider owns: topics below its prefix.
CREATE POLICY write_own ON product_topic FOR INSERT TO weir_api
    WITH CHECK ((org_id = weir_org() OR weir_operator())
                AND starts_with(topic, (SELECT o.topic_prefix FROM organisation o WHERE o.id = product_topic.org_id)));
CREATE POLICY delete_own ON product_topic FOR DELETE TO weir_api USING (org_id = weir_org() OR weir_operator());
CREATE POLICY read ON plan FOR SELECT TO weir_api
    USING (org_id = weir_org() OR weir_operator() OR EXISTS (SELECT FROM product p WHERE p.id = plan.product_id));
CREATE POLICY insert_own ON plan FOR INSERT TO weir_api WITH CHECK (org_id = weir_org() OR weir_operator());
CREATE POLICY update_own ON plan FOR UPDATE TO weir_api
    USING (org_id = weir_org() OR weir_operator()) WITH CHECK (org_id = weir_org() OR weir_operator());
CREATE POLICY read ON plan_version FOR SELECT TO weir_api
    USING (org_id = weir_org() OR weir_operator() OR EXISTS (SELECT FROM plan p WHERE p.id = plan_version.plan_id));
CREATE POLICY insert_own ON plan_version FOR INSERT TO weir_api WITH CHECK (org_id = weir_org() OR weir_operator());
-- A subscription belongs to two: the consumer, and the provider who approves and sees it.
CREATE POLICY read ON subscription FOR SELECT TO weir_api
    USING (org_id = weir_org() OR provider_org_id = weir_org() OR weir_operator());
CREATE POLICY insert_own ON subscription FOR INSERT TO weir_api
    WITH CHECK ((org_id = weir_org() OR weir_operator()) AND state = 'requested'
                AND decided_at IS NULL AND starts_at IS NULL AND ends_at IS NULL
                AND EXISTS (SELECT FROM product p
                             WHERE p.id = subscription.product_id AND p.org_id = subscription.provider_org_id
                               AND p.state = 'published' AND p.published_version = subscription.product_version));
CREATE POLICY update_own ON subscription FOR UPDATE TO weir_api
    USING (org_id = weir_org() OR provider_org_id = weir_org() OR weir_operator());
CREATE POLICY own ON subscription_application TO weir_api
    USING (org_id = weir_org() OR weir_operator() OR EXISTS (
        SELECT FROM subscription s WHERE s.id = subscription_application.subscription_id))
    WITH CHECK ((org_id = weir_org() OR weir_operator()) AND EXISTS (
        SELECT FROM subscription s WHERE s.id = subscription_application.subscription_id
           AND s.org_id = subscription_application.org_id AND s.state = 'requested'));
-- Approval by the provider opens the consumer's grants: on what was subscribed to, for the applications
-- that were named, and not before the approval. What is open may be closed by both.
CREATE POLICY read ON grant_period FOR SELECT TO weir_api
    USING (EXISTS (SELECT FROM subscription s WHERE s.id = grant_period.subscription_id));
CREATE POLICY open ON grant_period FOR INSERT TO weir_api
    WITH CHECK (EXISTS (
        SELECT FROM subscription s
          JOIN subscription_application sa ON sa.subscription_id = s.id
          JOIN product_topic t ON t.product_id = s.product_id AND t.number = s.product_version
         WHERE s.id = grant_period.subscription_id AND s.state IN ('active', 'trialing', 'shadow')
           AND sa.application_id = grant_period.application_id AND sa.org_id = grant_period.org_id
           AND t.cluster_id = grant_period.cluster_id AND t.topic = grant_period.topic
           AND lower(grant_period.during) >= s.starts_at));
CREATE POLICY close ON grant_period FOR UPDATE TO weir_api
    USING (EXISTS (SELECT FROM subscription s WHERE s.id = grant_period.subscription_id))
    WITH CHECK (EXISTS (SELECT FROM subscription s WHERE s.id = grant_period.subscription_id));
-- A provider's approval must find the applications that the subscription names.
CREATE POLICY subscriber ON application FOR SELECT TO weir_api USING (EXISTS (
    SELECT FROM subscription_application sa JOIN subscription s ON s.id = sa.subscription_id
     WHERE sa.application_id = application.id AND s.provider_org_id = weir_org()));

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['product', 'product_version', 'product_topic', 'plan', 'plan_version',
                             'subscription', 'subscription_application', 'grant_period'] LOOP
        EXECUTE format('CREATE POLICY service ON %I TO weir_meter, weir_biller, weir_access, weir_auditor USING (true)', t);
        EXECUTE format('GRANT SELECT ON %I TO weir_api, weir_biller, weir_access, weir_auditor', t);
    END LOOP;
END $$;
GRANT INSERT, UPDATE ON product, product_version, subscription TO weir_api;
GRANT INSERT ON plan TO weir_api;
GRANT UPDATE (name, state) ON plan TO weir_api;
GRANT INSERT, DELETE ON product_topic TO weir_api;
GRANT INSERT ON plan_version, subscription_application TO weir_api;
GRANT INSERT, UPDATE (during) ON grant_period TO weir_api;
GRANT SELECT ON grant_period, subscription TO weir_meter;

-- How many open grants a topic has, over all tenants: an authorizer walks them at every fetch.
CREATE FUNCTION topic_open_grants(p_cluster uuid, p_topic text) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT count(DISTINCT application_id) FROM grant_period
           WHERE cluster_id = p_cluster AND topic = p_topic AND upper_inf(during) $$;
REVOKE ALL ON FUNCTION topic_open_grants(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION topic_open_grants(uuid, text) TO weir_api;

-- What the token endpoint needs of a client: it authenticates by the secret, not by a tenant, so the
-- view runs with its owner's rights. A view and no function, so that asking for one client costs one:
-- anybody may ask, with any name.
-- audiences: of the clusters where the application has an open grant, never the API's.
CREATE VIEW oauth_client WITH (security_barrier) AS
    SELECT a.principal AS client_id, a.id AS application_id, a.org_id, o.is_operator AS org_is_operator,
           a.api_role, a.state, s.secret_hash, s.expires_at AS secret_expires_at,
           coalesce((SELECT array_agg(DISTINCT c.audience ORDER BY c.audience) FROM cluster c
                      WHERE EXISTS (SELECT FROM grant_period g WHERE g.cluster_id = c.id
                                       AND g.application_id = a.id AND g.during @> now())
                         OR EXISTS (SELECT FROM producer_grant p WHERE p.cluster_id = c.id
                                       AND p.application_id = a.id AND p.revoked_at IS NULL)), '{}') AS audiences
      FROM application a
      JOIN organisation o ON o.id = a.org_id
      JOIN application_secret s ON s.application_id = a.id
     WHERE NOT a.adopted AND s.revoked_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > now());
GRANT SELECT ON oauth_client TO weir_api;

-- Wake-ups: the API's snapshot of clients and weir-access listen; both also look by themselves.
CREATE FUNCTION notify_access() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('weir_access', TG_TABLE_NAME);
    RETURN NULL;
END $$;
CREATE TRIGGER grant_period_notify AFTER INSERT OR UPDATE ON grant_period
    FOR EACH STATEMENT EXECUTE FUNCTION notify_access();
CREATE TRIGGER producer_grant_notify AFTER INSERT OR UPDATE ON producer_grant
    FOR EACH STATEMENT EXECUTE FUNCTION notify_access();
CREATE TRIGGER application_notify AFTER INSERT OR UPDATE ON application
    FOR EACH STATEMENT EXECUTE FUNCTION notify_access();
CREATE TRIGGER application_secret_notify AFTER INSERT OR UPDATE ON application_secret
    FOR EACH STATEMENT EXECUTE FUNCTION notify_access();

-- What weir-access last found and did on each cluster.
CREATE TABLE access_state (
    cluster_id uuid PRIMARY KEY REFERENCES cluster,
    compared_at timestamptz NOT NULL,
    wanted int NOT NULL,
    created bigint NOT NULL DEFAULT 0,  -- ACLs made and removed since the beginning
    removed bigint NOT NULL DEFAULT 0,
    foreign_acls int NOT NULL DEFAULT 0, -- of principals that Weir didn't make: reported, never touched
    error text
);
ALTER TABLE access_state ENABLE ROW LEVEL SECURITY;
CREATE POLICY operator ON access_state FOR SELECT TO weir_api USING (weir_operator());
CREATE POLICY service ON access_state TO weir_access, weir_auditor USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON access_state TO weir_access;
GRANT SELECT ON access_state TO weir_api, weir_auditor;
