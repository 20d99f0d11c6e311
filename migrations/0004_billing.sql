-- Billing runs, documents, ledger. Money is numeric without a fixed scale; amounts on documents are
-- rounded to the currency's minor unit by the rating engine and stored as they are.

-- Who issues invoices. Snapshotted into each document.
CREATE TABLE issuing_entity (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id uuid NOT NULL REFERENCES organisation,
    name text NOT NULL,
    country char(2) NOT NULL,
    vat_id text,
    address jsonb NOT NULL DEFAULT '{}',
    time_zone text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
-- Rates by country, category (UNCL5305) and date.
CREATE TABLE tax_rate (
    country char(2) NOT NULL,
    category text NOT NULL CHECK (category IN ('S', 'Z', 'E', 'AE', 'O')),
    percent numeric NOT NULL CHECK (percent >= 0 AND percent <= 100),
    valid_from date NOT NULL,
    PRIMARY KEY (country, category, valid_from)
);

-- Gapless numbers per issuing entity and series: from this row, never from a sequence.
CREATE TABLE document_series (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    entity_id uuid NOT NULL REFERENCES issuing_entity,
    kind text NOT NULL CHECK (kind IN ('invoice', 'credit_note', 'statement')),
    prefix text NOT NULL CHECK (length(prefix) BETWEEN 1 AND 12 AND prefix ~ '^[A-Z0-9-]+$'),
    next_number bigint NOT NULL DEFAULT 1 CHECK (next_number > 0),
    last_issue_date date NOT NULL DEFAULT '-infinity',
    UNIQUE (entity_id, kind, prefix)
);

CREATE TABLE billing_run (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    period text NOT NULL CHECK (period ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'), -- a calendar month in the account's zone
    close_early boolean NOT NULL DEFAULT false,  -- the month has not ended: later usage becomes delta lines
    reason text,
    override_incomplete_reason text,             -- bill although a broker has not been heard past the usage end
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'waiting', 'running', 'done', 'failed')),
    waiting_for jsonb NOT NULL DEFAULT '[]',     -- what is missing, by name
    usage_end timestamptz NOT NULL DEFAULT now(),
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    accounts_total int NOT NULL DEFAULT 0,
    accounts_done int NOT NULL DEFAULT 0,
    documents int NOT NULL DEFAULT 0,
    error text,
    CHECK (NOT close_early OR reason IS NOT NULL)
);
CREATE INDEX billing_run_queue ON billing_run (requested_at) WHERE state IN ('queued', 'waiting', 'running');

-- The accounts of a run: what several billers share out between them. Drafted in one transaction,
-- issued in the next, so that a biller killed in between loses nothing.
CREATE TABLE billing_run_account (
    run_id uuid NOT NULL REFERENCES billing_run,
    org_id uuid NOT NULL REFERENCES organisation,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'drafted', 'done', 'failed')),
    note text, -- what the run left undone for this account, in words
    PRIMARY KEY (run_id, org_id)
);
CREATE INDEX billing_run_account_open ON billing_run_account (run_id) WHERE state IN ('pending', 'drafted');

-- Invoices to consumers and statements to providers. Draft, then issued; nothing more: standing is a view.
CREATE TABLE document (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind text NOT NULL CHECK (kind IN ('invoice', 'credit_note', 'statement')),
    org_id uuid NOT NULL REFERENCES organisation, -- whom it is for: the consumer, or the provider of a statement
    entity_id uuid NOT NULL REFERENCES issuing_entity,
    run_id uuid REFERENCES billing_run,
    state text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'issued')),
    series_id uuid REFERENCES document_series,
    number text UNIQUE CHECK (length(number) <= 21),
    currency char(3) NOT NULL,
    period_from timestamptz NOT NULL,
    period_to timestamptz NOT NULL CHECK (period_to > period_from),
    usage_end timestamptz NOT NULL,
    time_zone text NOT NULL,
    issue_date date,
    due_date date,
    issued_at timestamptz,
    net numeric NOT NULL DEFAULT 0,
    tax numeric NOT NULL DEFAULT 0,
    total numeric NOT NULL DEFAULT 0,
    blocked_by text,        -- why a draft can't be issued, in words
    metered_to jsonb NOT NULL DEFAULT '[]', -- the meter's positions in the snapshot that was rated
    seller jsonb NOT NULL DEFAULT '{}',     -- parties as they were
    buyer jsonb NOT NULL DEFAULT '{}',
    terms_days int NOT NULL DEFAULT 30,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((state = 'issued') = (number IS NOT NULL AND issue_date IS NOT NULL AND issued_at IS NOT NULL)),
    CHECK (total = net + tax)
);
CREATE INDEX document_org ON document (org_id, kind, created_at, id);
CREATE INDEX document_run ON document (run_id);

CREATE TABLE document_line (
    document_id uuid NOT NULL REFERENCES document,
    line int NOT NULL CHECK (line > 0),
    org_id uuid NOT NULL,
    subscription_id uuid NOT NULL REFERENCES subscription,
    provider_org_id uuid NOT NULL REFERENCES organisation,
    product_id uuid NOT NULL REFERENCES product,
    plan_id uuid NOT NULL,
    plan_version int NOT NULL,
    price_id text,
    kind text NOT NULL CHECK (kind IN ('fixed', 'usage', 'minimum', 'plan_minimum', 'shortfall', 'credit')),
    description text NOT NULL,
    metric text,
    metering_class text,
    metered numeric,
    quantity numeric,
    unrounded text,            -- as the rating engine writes it
    unrounded_exact boolean NOT NULL DEFAULT true,
    base numeric NOT NULL,
    discount numeric NOT NULL DEFAULT 0,
    cap numeric NOT NULL DEFAULT 0,
    amount numeric NOT NULL,
    document_discount numeric NOT NULL DEFAULT 0,
    net numeric NOT NULL,
    tax_category text NOT NULL,
    tax_rate numeric NOT NULL,
    rows json NOT NULL,        -- the breakdown that a person can add up again
    service_from timestamptz NOT NULL,
    service_to timestamptz NOT NULL,
    corrects_document uuid REFERENCES document, -- a delta line names what it corrects
    corrects_line int,
    touched_by_hole boolean NOT NULL DEFAULT false,
    PRIMARY KEY (document_id, line),
    CHECK (net = amount - document_discount)
);
CREATE INDEX document_line_subscription ON document_line (subscription_id);
CREATE TABLE document_tax (
    document_id uuid NOT NULL REFERENCES document,
    category text NOT NULL,
    rate numeric NOT NULL,
    net numeric NOT NULL,
    amount numeric NOT NULL,
    PRIMARY KEY (document_id, category, rate)
);
-- The revenue share of each line, stored when it is made and never computed again.
CREATE TABLE document_split (
    document_id uuid NOT NULL,
    line int NOT NULL,
    party text NOT NULL,
    party_org_id uuid NOT NULL REFERENCES organisation,
    unrounded text,
    amount numeric NOT NULL,
    statement_id uuid REFERENCES document, -- the provider's statement that reports it
    PRIMARY KEY (document_id, line, party),
    FOREIGN KEY (document_id, line) REFERENCES document_line
);
CREATE INDEX document_split_statement ON document_split (statement_id);

-- What has been billed of a subscription's period. A second run finds no difference and writes nothing;
-- two at once collide here.
CREATE TABLE billed (
    subscription_id uuid NOT NULL REFERENCES subscription,
    period_start timestamptz NOT NULL,
    seq int NOT NULL CHECK (seq > 0),
    document_id uuid NOT NULL REFERENCES document,
    final boolean NOT NULL,
    usage json NOT NULL,       -- the quantities that were rated
    lines json NOT NULL,       -- what the rating engine returned for this step
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subscription_id, period_start, seq)
);

-- A document changes only while it is a draft. Guards on its parts lock it FOR SHARE; issuing locks it
-- FOR UPDATE first and sums in a later statement, so no part can slip in between.
CREATE FUNCTION guard_document() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.state = 'issued' THEN
            RAISE EXCEPTION 'document % is issued and can''t be deleted', OLD.number USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN OLD;
    END IF;
    IF OLD.state = 'issued' THEN
        RAISE EXCEPTION 'document % is issued and never changes', OLD.number USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state = 'issued' AND NEW.net IS DISTINCT FROM
       (SELECT coalesce(sum(l.net), 0) FROM document_line l WHERE l.document_id = NEW.id) AND NEW.kind <> 'statement' THEN
        RAISE EXCEPTION 'document % does not add up: net % is not the sum of its lines', NEW.number, NEW.net
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state = 'issued' AND NEW.blocked_by IS NOT NULL THEN
        RAISE EXCEPTION 'document is blocked: %', NEW.blocked_by USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER document_guard BEFORE UPDATE OR DELETE ON document FOR EACH ROW EXECUTE FUNCTION guard_document();

CREATE FUNCTION guard_document_part() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE doc uuid; s text;
BEGIN
    FOREACH doc IN ARRAY CASE TG_OP WHEN 'INSERT' THEN ARRAY[NEW.document_id]
                                   WHEN 'DELETE' THEN ARRAY[OLD.document_id]
                                   ELSE ARRAY[OLD.document_id, NEW.document_id] END LOOP
        SELECT d.state INTO s FROM document d WHERE d.id = doc FOR SHARE;
        IF s IS DISTINCT FROM 'draft' THEN
            RAISE EXCEPTION 'a part of an issued document never changes' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END LOOP;
    RETURN coalesce(NEW, OLD);
END $$;

-- A split is written with its draft; afterwards only the statement that reports it may be set, once.
CREATE FUNCTION guard_document_split() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.statement_id IS NOT NULL OR NEW.statement_id IS NULL
       OR (NEW.document_id, NEW.line, NEW.party, NEW.party_org_id, NEW.unrounded, NEW.amount)
          IS DISTINCT FROM (OLD.document_id, OLD.line, OLD.party, OLD.party_org_id, OLD.unrounded, OLD.amount) THEN
        RAISE EXCEPTION 'a stored split never changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER document_line_guard BEFORE INSERT OR UPDATE OR DELETE ON document_line
    FOR EACH ROW EXECUTE FUNCTION guard_document_part();
CREATE TRIGGER document_tax_guard BEFORE INSERT OR UPDATE OR DELETE ON document_tax
    FOR EACH ROW EXECUTE FUNCTION guard_document_part();
CREATE TRIGGER document_split_guard_insert BEFORE INSERT OR DELETE ON document_split
    FOR EACH ROW EXECUTE FUNCTION guard_document_part();
CREATE TRIGGER document_split_guard_update BEFORE UPDATE ON document_split
    FOR EACH ROW EXECUTE FUNCTION guard_document_split();
CREATE TRIGGER billed_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billed
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['document', 'document_line', 'document_tax', 'document_split'] LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', t || '_no_truncate', t);
    END LOOP;
END $$;

-- Standing of an invoice, apart from the invoice: from payments and dates.
CREATE TABLE payment (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    document_id uuid NOT NULL REFERENCES document,
    org_id uuid NOT NULL,
    amount numeric NOT NULL CHECK (amount <> 0),
    received_on date NOT NULL,
    reference text NOT NULL DEFAULT '',
    recorded_at timestamptz NOT NULL DEFAULT now()
);
CREATE TRIGGER payment_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payment
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE INDEX payment_document ON payment (document_id);

-- The ledger: double entry, append-only. A row is a transfer, so an entry is zero by its shape.
CREATE TABLE ledger_account (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    code text NOT NULL CHECK (code IN ('receivable', 'provider_payable_pending', 'commission_revenue', 'output_vat')),
    org_id uuid REFERENCES organisation, -- of the customer or provider, null for the operator's own
    currency char(3) NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE NULLS NOT DISTINCT (code, org_id, currency),
    UNIQUE (id, currency)
);
CREATE TABLE ledger_entry (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind text NOT NULL CHECK (kind IN ('invoice_issued')),
    document_id uuid REFERENCES document,
    booked_on date NOT NULL,
    posted_at timestamptz NOT NULL DEFAULT now(),
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(), -- rows of later transactions are refused
    transfers int NOT NULL CHECK (transfers > 0),    -- how many rows it has
    UNIQUE (kind, document_id)
);
CREATE TABLE ledger_transfer (
    entry_id uuid NOT NULL REFERENCES ledger_entry,
    n int NOT NULL CHECK (n > 0),
    debit_account uuid NOT NULL,
    credit_account uuid NOT NULL,
    currency char(3) NOT NULL,
    amount numeric NOT NULL CHECK (amount > 0),
    PRIMARY KEY (entry_id, n),
    FOREIGN KEY (debit_account, currency) REFERENCES ledger_account (id, currency),
    FOREIGN KEY (credit_account, currency) REFERENCES ledger_account (id, currency),
    CHECK (debit_account <> credit_account)
);
CREATE INDEX ledger_transfer_debit ON ledger_transfer (debit_account);
CREATE INDEX ledger_transfer_credit ON ledger_transfer (credit_account);
CREATE FUNCTION guard_ledger_transfer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ledger_entry e
                    WHERE e.id = NEW.entry_id AND e.xid = pg_current_xact_id() AND NEW.n <= e.transfers) THEN
        RAISE EXCEPTION 'an entry and its transfers are written together' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_transfer_guard BEFORE INSERT ON ledger_transfer
    FOR EACH ROW EXECUTE FUNCTION guard_ledger_transfer();
DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['ledger_account', 'ledger_entry', 'ledger_transfer'] LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE OR TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', t || '_append_only', t);
    END LOOP;
END $$;
-- Debits and credits of every account, in its currency.
CREATE VIEW ledger_balance WITH (security_invoker) AS
    SELECT a.id, a.code, a.org_id, a.currency,
           coalesce((SELECT sum(t.amount) FROM ledger_transfer t WHERE t.debit_account = a.id), 0) AS debit,
           coalesce((SELECT sum(t.amount) FROM ledger_transfer t WHERE t.credit_account = a.id), 0) AS credit
      FROM ledger_account a;

-- Running charges: what the open period costs so far, kept by weir-biller watch.
CREATE TABLE running_charge (
    subscription_id uuid PRIMARY KEY REFERENCES subscription,
    period_from timestamptz NOT NULL,
    period_to timestamptz NOT NULL,
    currency char(3) NOT NULL,
    amount numeric NOT NULL,
    lines json NOT NULL,
    usage_touched_at timestamptz,
    computed_at timestamptz NOT NULL DEFAULT now()
);

CREATE VIEW invoice_standing WITH (security_invoker) AS
    SELECT d.id, d.number, d.org_id, d.currency, d.total, coalesce(p.paid, 0) AS paid, d.total - coalesce(p.paid, 0) AS open,
           CASE WHEN coalesce(p.paid, 0) >= d.total THEN 'paid'
                WHEN d.due_date < current_date THEN 'overdue'
                WHEN coalesce(p.paid, 0) > 0 THEN 'partly_paid'
                ELSE 'open' END AS standing
      FROM document d
      LEFT JOIN (SELECT document_id, sum(amount) AS paid FROM payment GROUP BY document_id) p ON p.document_id = d.id
     WHERE d.kind = 'invoice' AND d.state = 'issued';

-- Rights. Consumers see issued invoices of their own, providers their statements and the splits that
-- are theirs; the biller sees all.
ALTER TABLE document ENABLE ROW LEVEL SECURITY;
ALTER TABLE document_line ENABLE ROW LEVEL SECURITY;
ALTER TABLE document_tax ENABLE ROW LEVEL SECURITY;
ALTER TABLE document_split ENABLE ROW LEVEL SECURITY;
ALTER TABLE billed ENABLE ROW LEVEL SECURITY;
ALTER TABLE payment ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger_account ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger_entry ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger_transfer ENABLE ROW LEVEL SECURITY;
ALTER TABLE billing_run ENABLE ROW LEVEL SECURITY;
ALTER TABLE billing_run_account ENABLE ROW LEVEL SECURITY;
ALTER TABLE running_charge ENABLE ROW LEVEL SECURITY;
CREATE POLICY read ON document FOR SELECT TO weir_api
    USING (weir_operator() OR (org_id = weir_org() AND state = 'issued'));
CREATE POLICY read ON document_line FOR SELECT TO weir_api
    USING (weir_operator() OR EXISTS (SELECT FROM document d WHERE d.id = document_line.document_id));
CREATE POLICY read ON document_tax FOR SELECT TO weir_api
    USING (weir_operator() OR EXISTS (SELECT FROM document d WHERE d.id = document_tax.document_id));
CREATE POLICY read ON document_split FOR SELECT TO weir_api USING (weir_operator() OR party_org_id = weir_org());
CREATE POLICY read ON payment FOR SELECT TO weir_api USING (weir_operator() OR org_id = weir_org());
CREATE POLICY operator ON ledger_account FOR SELECT TO weir_api USING (weir_operator());
CREATE POLICY operator ON ledger_entry FOR SELECT TO weir_api USING (weir_operator());
CREATE POLICY operator ON ledger_transfer FOR SELECT TO weir_api USING (weir_operator());
CREATE POLICY operator ON billed FOR SELECT TO weir_api USING (weir_operator());
CREATE POLICY operator ON billing_run TO weir_api USING (weir_operator()) WITH CHECK (weir_operator());
CREATE POLICY operator ON billing_run_account FOR SELECT TO weir_api USING (weir_operator());
CREATE POLICY read ON running_charge FOR SELECT TO weir_api
    USING (weir_operator() OR subscription_id IN (SELECT id FROM subscription));
DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['document', 'document_line', 'document_tax', 'document_split', 'billed', 'payment',
                             'ledger_account', 'ledger_entry', 'ledger_transfer', 'billing_run', 'billing_run_account',
                             'running_charge'] LOOP
        EXECUTE format('CREATE POLICY service ON %I TO weir_biller USING (true) WITH CHECK (true)', t);
        EXECUTE format('CREATE POLICY audit ON %I FOR SELECT TO weir_auditor USING (true)', t);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO weir_biller', t);
        EXECUTE format('GRANT SELECT ON %I TO weir_api, weir_auditor', t);
    END LOOP;
END $$;
GRANT UPDATE, DELETE ON document TO weir_biller;
GRANT DELETE ON document_line, document_tax TO weir_biller;
GRANT UPDATE, DELETE ON document_split TO weir_biller;
GRANT UPDATE ON billing_run, billing_run_account, running_charge, document_series TO weir_biller;
GRANT INSERT, SELECT ON billing_run TO weir_api;
GRANT SELECT ON issuing_entity, tax_rate, document_series TO weir_biller, weir_auditor;
GRANT INSERT ON document_series TO weir_biller;
GRANT SELECT ON ledger_balance, invoice_standing TO weir_api, weir_biller, weir_auditor;

-- What a statement reports, for whoever may read the statement: the lines belong to invoices of other
-- tenants, of which the provider learns number, words and net.
CREATE FUNCTION statement_lines(p_statement uuid)
    RETURNS TABLE (invoice_number text, line int, description text, net numeric, share numeric)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT i.number, l.line, l.description, l.net, s.amount
      FROM document st
      JOIN document_split s ON s.statement_id = st.id
      JOIN document_line l ON l.document_id = s.document_id AND l.line = s.line
      JOIN document i ON i.id = s.document_id
     WHERE st.id = p_statement AND st.kind = 'statement' AND (weir_operator() OR st.org_id = weir_org()) $$;
REVOKE ALL ON FUNCTION statement_lines(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION statement_lines(uuid) TO weir_api;
