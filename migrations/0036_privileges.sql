-- What each program may do: all of it, in one place, and each right because a statement or a function needs
-- it (tests/lint/privileges_check.c takes every right away in turn and sees one fail). The whole table is
-- tests/lint/privileges.expected. Rights of later migrations come beside what they are for.
DO $$
DECLARE t text;
BEGIN
    FOR t IN SELECT c.oid::regclass FROM pg_class c
              WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'p') LOOP
        EXECUTE format('REVOKE ALL ON %s FROM weir_api, weir_meter, weir_biller, weir_access', t);
    END LOOP;
END $$;

-- The API reads what it shows, and row-level security says of whom. What is written is what an
-- operation writes: states, dates and decisions that the database itself sets are not in the lists. A lock
-- needs the right to change some column: of an application one that a trigger sets anyway.
GRANT SELECT ON application, billing_run, cluster, cluster_broker, dead_letter, document, document_line,
    document_tax, grant_period, idempotency_key, invoice_standing, ledger_account, ledger_balance,
    ledger_entry, ledger_transfer, log_gap, log_hole, marketplace, membership, oauth_client, organisation,
    organisation_public, payment, person, plan, plan_version, producer_grant, product, product_topic,
    product_version, running_charge, session, signing_key, subscription, subscription_application, topic,
    usage_bound, usage_day, usage_quarter TO weir_api;
GRANT INSERT ON cluster_broker, product_topic, subscription_application TO weir_api;
GRANT DELETE ON idempotency_key, product_topic, session TO weir_api;
GRANT INSERT (org_id, name, principal, api_role), UPDATE (updated_at) ON application TO weir_api;
GRANT INSERT (id, application_id, org_id, secret_hash, expires_at, hash_version), SELECT (id, application_id,
    created_at, expires_at, revoked_at), UPDATE (revoked_at) ON application_secret TO weir_api;
GRANT INSERT (org_id, actor_kind, actor_id, action, object_kind, object_id, before, after, reason, request_id)
    ON audit_log TO weir_api;
GRANT INSERT (period, close_early, reason, override_incomplete_reason, requested_by) ON billing_run TO
    weir_api;
GRANT INSERT (name, bootstrap_servers, security_protocol, audience, metering_class, log_topic, log_partitions)
    ON cluster TO weir_api;
GRANT INSERT (cluster_id, application_id, org_id, topic, subscription_id, during), UPDATE (during) ON
    grant_period TO weir_api;
GRANT INSERT (org_id, client, operation, key, request_hash, status, response), UPDATE (request_hash, status,
    response, created_at) ON idempotency_key TO weir_api;
GRANT INSERT (person_id, org_id, role) ON membership TO weir_api;
GRANT INSERT (id, name, is_provider, is_consumer, country, vat_id, address, billing_email, time_zone,
    currency), UPDATE (name, vat_id, address, billing_email, time_zone, topic_prefix, verified_at) ON
    organisation TO weir_api;
GRANT INSERT (id, email, name, password_hash) ON person TO weir_api;
GRANT INSERT (product_id, org_id, code, name), UPDATE (name) ON plan TO weir_api;
GRANT INSERT (plan_id, number, org_id, valid_from, currency, body, revenue_share, weakest_class) ON
    plan_version TO weir_api;
GRANT INSERT (application_id, org_id, cluster_id, topic_prefix) ON producer_grant TO weir_api;
GRANT INSERT (org_id, slug, name, description, tags, approval), UPDATE (name, description, tags, state,
    approval, published_version) ON product TO weir_api;
GRANT INSERT (product_id, number, org_id, contract, contract_sha256, contract_type), UPDATE (contract,
    contract_sha256, contract_type, published_at) ON product_version TO weir_api;
GRANT INSERT (token_hash, person_id, org_id, expires_at) ON session TO weir_api;
GRANT INSERT (kid, private_key, public_jwk, sign_from), UPDATE (retire_at) ON signing_key TO weir_api;
GRANT INSERT (org_id, provider_org_id, product_id, product_version, plan_id, plan_version, terms_sha256),
    UPDATE (state, decided_at, decided_by, decision_reason, starts_at, ends_at) ON subscription TO weir_api;

-- The meter: its own tables, and who reads what when.
GRANT SELECT ON cluster_broker, dead_letter, dead_letter_flood, log_gap, log_hole, meter_partition,
    meter_position, meter_state, topic, usage_day, usage_evidence, usage_quarter, usage_touch TO weir_meter;
GRANT INSERT ON dead_letter_flood, meter_position, topic, usage_day, usage_evidence, usage_quarter TO
    weir_meter;
GRANT DELETE ON meter_state TO weir_meter;
GRANT SELECT (id, principal, bound_from) ON application TO weir_meter;
GRANT SELECT (id, name, metering_class, log_topic) ON cluster TO weir_meter;
GRANT INSERT (cluster_id, log_partition, broker_id, generation, byte_offset, reason, detail, head, line_bytes,
    line_at) ON dead_letter TO weir_meter;
GRANT UPDATE (lines, first_generation, first_offset, last_generation, last_offset) ON dead_letter_flood TO
    weir_meter;
GRANT SELECT (id, cluster_id, application_id, topic, subscription_id, shadow, during, changed_xid) ON
    grant_period TO weir_meter;
GRANT INSERT (cluster_id, log_partition, broker_id, generation, byte_offset, records), UPDATE (records,
    last_seen_at, closed_at) ON log_gap TO weir_meter;
GRANT INSERT (cluster_id, broker_id, kind, from_generation, from_offset, to_generation, to_offset, from_at,
    to_at, principal, lines_at_least) ON log_hole TO weir_meter;
GRANT INSERT (cluster_id, log_partition, next_offset), UPDATE (next_offset, committed_at) ON meter_partition
    TO weir_meter;
GRANT UPDATE (generation, byte_offset, broker_time) ON meter_position TO weir_meter;
GRANT INSERT (cluster_id, log_partition, principal, state), UPDATE (state, updated_at) ON meter_state TO
    weir_meter;
GRANT UPDATE (seen_at, deleted_at) ON topic TO weir_meter;
GRANT UPDATE (subscription_id, application_id, bytes, messages, fetches, open_fetches, share_messages,
    produced_bytes, produced_messages) ON usage_day TO weir_meter;
GRANT UPDATE (first_generation, first_offset, last_generation, last_offset, lines) ON usage_evidence TO
    weir_meter;
GRANT UPDATE (subscription_id, application_id, bytes, messages, fetches, open_fetches, share_messages,
    produced_bytes, produced_messages) ON usage_quarter TO weir_meter;
GRANT INSERT (subscription_id), UPDATE (touched_at) ON usage_touch TO weir_meter;

-- The biller: its own tables, what was agreed, what was used, and the parties for their snapshot on a
-- document. A document it makes is a draft; what issuing sets, it can only update.
GRANT SELECT ON billed, billing_run, billing_run_account, cluster_broker, document, document_line,
    document_series, document_split, document_tax, issuing_entity, ledger_account, ledger_entry,
    ledger_transfer, meter_position, running_charge, tax_rate, usage_touch TO weir_biller;
GRANT DELETE ON document, document_line, document_split, document_tax, usage_touch TO weir_biller;
GRANT INSERT ON document_tax, ledger_transfer TO weir_biller;
GRANT SELECT (id, principal) ON application TO weir_biller;
GRANT INSERT (org_id, actor_kind, actor_id, action, object_kind, object_id, after) ON audit_log TO
    weir_biller;
GRANT INSERT (subscription_id, period_start, seq, document_id, final, usage, lines) ON billed TO weir_biller;
GRANT UPDATE (state, waiting_for, usage_end, started_at, finished_at, accounts_total, accounts_done,
    documents, error) ON billing_run TO weir_biller;
GRANT INSERT (run_id, org_id), UPDATE (state, note) ON billing_run_account TO weir_biller;
GRANT SELECT (id, name, metering_class, log_partitions) ON cluster TO weir_biller;
GRANT INSERT (kind, org_id, entity_id, run_id, currency, period_from, period_to, usage_end, time_zone, net,
    tax, total, blocked_by, metered_to, seller, buyer, terms_days), UPDATE (state, series_id, number,
    issue_date, due_date, issued_at, net, tax, total) ON document TO weir_biller;
GRANT INSERT (document_id, line, org_id, subscription_id, provider_org_id, product_id, plan_id, plan_version,
    price_id, kind, description, metric, metering_class, metered, quantity, unrounded, unrounded_exact, base,
    discount, cap, amount, net, tax_category, tax_rate, rows, service_from, service_to, corrects_document,
    corrects_line, touched_by_hole, product_name, provider_name) ON document_line TO weir_biller;
GRANT INSERT (entity_id, kind, prefix, next_number, last_issue_date), UPDATE (next_number, last_issue_date) ON
    document_series TO weir_biller;
GRANT INSERT (document_id, line, party, party_org_id, unrounded, amount), UPDATE (statement_id) ON
    document_split TO weir_biller;
GRANT SELECT (cluster_id, application_id, org_id, subscription_id, during) ON grant_period TO weir_biller;
GRANT INSERT (code, org_id, currency) ON ledger_account TO weir_biller;
GRANT INSERT (kind, document_id, booked_on, transfers) ON ledger_entry TO weir_biller;
GRANT SELECT (cluster_id, from_at, to_at, principal) ON log_hole TO weir_biller;
GRANT SELECT (id, name, is_operator, country, vat_id, address, billing_email, time_zone) ON organisation TO
    weir_biller;
GRANT SELECT (id, name) ON plan TO weir_biller;
GRANT SELECT (plan_id, number, currency, body, revenue_share, weakest_class) ON plan_version TO weir_biller;
GRANT SELECT (id, name) ON product TO weir_biller;
GRANT SELECT (product_id, number, topic) ON product_topic TO weir_biller;
GRANT INSERT (subscription_id, period_from, period_to, currency, amount, lines, usage_touched_at), UPDATE
    (period_from, period_to, currency, amount, lines, usage_touched_at, computed_at) ON running_charge TO
    weir_biller;
GRANT SELECT (id, org_id, provider_org_id, sold_through, product_id, product_version, plan_id, plan_version,
    state, requested_at, starts_at, ends_at, updated_at) ON subscription TO weir_biller;
GRANT SELECT (delivery, from_at, subscription_id, metering_class, bytes, messages, fetches, open_fetches,
    share_messages) ON usage_quarter TO weir_biller;

-- weir-access: principals, topics and whether they are granted; nobody's name, address or terms.
GRANT INSERT ON access_state TO weir_access;
GRANT SELECT ON access_state TO weir_access;
GRANT UPDATE (compared_at, wanted, created, removed, foreign_acls, error) ON access_state TO weir_access;
GRANT SELECT (id, org_id, principal, adopted, state) ON application TO weir_access;
GRANT INSERT (org_id, actor_kind, actor_id, action, object_kind, object_id, after) ON audit_log TO
    weir_access;
GRANT SELECT (id, name) ON cluster TO weir_access;
GRANT SELECT (cluster_id, application_id, topic, subscription_id, shadow, during) ON grant_period TO
    weir_access;
GRANT SELECT (application_id, cluster_id, topic_prefix, revoked_at) ON producer_grant TO weir_access;
GRANT SELECT (id, state) ON subscription TO weir_access;

-- Policies that let a program pass where it has no business any more.
ALTER POLICY service ON organisation TO weir_biller, weir_auditor;
ALTER POLICY service ON cluster_broker TO weir_meter, weir_biller, weir_auditor;
ALTER POLICY service ON product TO weir_biller, weir_auditor;
ALTER POLICY service ON product_version TO weir_auditor;
ALTER POLICY service ON product_topic TO weir_biller, weir_auditor;
ALTER POLICY service ON plan TO weir_biller, weir_auditor;
ALTER POLICY service ON plan_version TO weir_biller, weir_auditor;
ALTER POLICY service ON subscription TO weir_biller, weir_access, weir_auditor;
ALTER POLICY service ON subscription_application TO weir_auditor;
ALTER POLICY service ON usage_day TO weir_meter, weir_auditor;
ALTER POLICY service ON usage_evidence TO weir_meter, weir_auditor;
ALTER POLICY service ON meter_partition TO weir_meter, weir_auditor;
ALTER POLICY service ON log_gap TO weir_meter, weir_auditor;
DROP POLICY service ON payment;
