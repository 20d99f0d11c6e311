-- What the guards of 0004 left open to whoever has the biller's password: a document born issued, numbers
-- that no series gave, a series set back, entries that say another sum than their document.

-- A number as it is printed: at least six digits.
CREATE FUNCTION document_number(prefix text, n bigint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN prefix || lpad(n::text, greatest(6, length(n::text)), '0');

-- A document is born a draft, without number, series and dates. It is issued with the number that its
-- series gave last, and adds up: an invoice with its lines and taxes, a line with its splits, a statement
-- with the splits that it reports.
CREATE OR REPLACE FUNCTION guard_document() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE net numeric; tax numeric;
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.state = 'issued' THEN
        RAISE EXCEPTION 'document % is issued and never changes', OLD.number USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF NEW.state = 'draft' THEN
        IF num_nonnulls(NEW.series_id, NEW.number, NEW.issue_date, NEW.due_date, NEW.issued_at) > 0 THEN
            RAISE EXCEPTION 'a draft has no number, series or dates of issue' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'INSERT' THEN
        RAISE EXCEPTION 'a document begins as a draft' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.blocked_by IS NOT NULL THEN
        RAISE EXCEPTION 'document is blocked: %', NEW.blocked_by USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NOT EXISTS (SELECT FROM document_series s
                    WHERE s.id = NEW.series_id AND s.entity_id = NEW.entity_id AND s.kind = NEW.kind
                      AND document_number(s.prefix, s.next_number - 1) = NEW.number AND s.last_issue_date = NEW.issue_date) THEN
        RAISE EXCEPTION 'number % of % is not the one that the series of the document gave last', NEW.number, NEW.issue_date
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.kind = 'statement' THEN
        net := (SELECT coalesce(sum(s.amount), 0) FROM document_split s WHERE s.statement_id = NEW.id);
    ELSE
        net := (SELECT coalesce(sum(l.net), 0) FROM document_line l WHERE l.document_id = NEW.id);
    END IF;
    tax := (SELECT coalesce(sum(t.amount), 0) FROM document_tax t WHERE t.document_id = NEW.id);
    IF (NEW.net, NEW.tax) IS DISTINCT FROM (net, tax) THEN
        RAISE EXCEPTION 'document % does not add up: net % and tax % are not the sums of its parts, % and %',
            NEW.number, NEW.net, NEW.tax, net, tax USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF EXISTS (SELECT FROM document_split s JOIN document_line l ON l.document_id = s.document_id AND l.line = s.line
                WHERE s.document_id = NEW.id GROUP BY s.line, l.net HAVING sum(s.amount) <> l.net) THEN
        RAISE EXCEPTION 'document % does not add up: the splits of a line are not its net', NEW.number
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER document_guard BEFORE INSERT OR UPDATE OR DELETE ON document
    FOR EACH ROW EXECUTE FUNCTION guard_document();

-- A split is written with its draft; afterwards only the statement that reports it may be set, once: a
-- draft for the party, in the same currency and of the same entity, and the invoice is issued.
CREATE OR REPLACE FUNCTION guard_document_split() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE statement document;
BEGIN
    IF OLD.statement_id IS NOT NULL OR NEW.statement_id IS NULL
       OR (NEW.document_id, NEW.line, NEW.party, NEW.party_org_id, NEW.unrounded, NEW.amount)
          IS DISTINCT FROM (OLD.document_id, OLD.line, OLD.party, OLD.party_org_id, OLD.unrounded, OLD.amount) THEN
        RAISE EXCEPTION 'a stored split never changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT * INTO statement FROM document d WHERE d.id = NEW.statement_id FOR SHARE;
    IF statement.kind <> 'statement' OR statement.state <> 'draft' OR statement.org_id <> NEW.party_org_id
       OR NOT EXISTS (SELECT FROM document i
                       WHERE i.id = NEW.document_id AND i.state = 'issued' AND i.currency = statement.currency
                         AND i.entity_id = statement.entity_id) THEN
        RAISE EXCEPTION 'a statement, while it is a draft, reports its party''s splits of issued invoices'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

-- A series begins with its first number or before it, and goes on by one; its dates never go back, nor
-- beyond the day that has begun somewhere; it is never taken away. Every number it gave is on a document
-- when the transaction ends, so none is missing.
CREATE FUNCTION guard_document_series() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE latest date := (clock_timestamp() AT TIME ZONE 'UTC' + interval '14 hours')::date;
BEGIN
    IF TG_OP = 'INSERT' AND NEW.next_number <= 2 AND NEW.last_issue_date <= latest THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND (NEW.id, NEW.entity_id, NEW.kind, NEW.prefix) = (OLD.id, OLD.entity_id, OLD.kind, OLD.prefix)
       AND NEW.next_number = OLD.next_number + 1
       AND NEW.last_issue_date BETWEEN OLD.last_issue_date AND greatest(OLD.last_issue_date, latest) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a series of numbers begins at 1 and goes on by 1, its dates never go back or ahead, and it stays'
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER document_series_guard BEFORE INSERT OR UPDATE OR DELETE ON document_series
    FOR EACH ROW EXECUTE FUNCTION guard_document_series();
CREATE TRIGGER document_series_no_truncate BEFORE TRUNCATE ON document_series
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE FUNCTION check_number_used() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.next_number > 1 AND NOT EXISTS (
           SELECT FROM document d
            WHERE d.number = document_number(NEW.prefix, NEW.next_number - 1) AND d.series_id = NEW.id) THEN
        RAISE EXCEPTION 'number % was taken and no document has it', document_number(NEW.prefix, NEW.next_number - 1)
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER document_series_used AFTER INSERT OR UPDATE ON document_series
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_number_used();

-- What has been billed of a period is counted without a gap, and stands on a draft for the subscriber.
CREATE FUNCTION guard_billed() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.seq <> (SELECT coalesce(max(b.seq), 0) + 1 FROM billed b
                    WHERE b.subscription_id = NEW.subscription_id AND b.period_start = NEW.period_start)
       OR NOT EXISTS (SELECT FROM document d JOIN subscription s ON s.org_id = d.org_id
                       WHERE d.id = NEW.document_id AND d.kind = 'invoice' AND d.state = 'draft'
                         AND s.id = NEW.subscription_id) THEN
        RAISE EXCEPTION 'a period is billed step by step, with a draft for its subscriber'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER billed_guard BEFORE INSERT ON billed FOR EACH ROW EXECUTE FUNCTION guard_billed();

-- An entry has the transfers it says, is booked on its invoice's date, and its customer owes the total.
CREATE FUNCTION check_ledger_entry() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE d document; transfers bigint; owed numeric;
BEGIN
    SELECT * INTO d FROM document x WHERE x.id = NEW.document_id;
    SELECT count(*), sum(CASE WHEN debit.code = 'receivable' AND debit.org_id = d.org_id THEN t.amount ELSE 0 END
                       - CASE WHEN credit.code = 'receivable' AND credit.org_id = d.org_id THEN t.amount ELSE 0 END)
      INTO transfers, owed
      FROM ledger_transfer t
      JOIN ledger_account debit ON debit.id = t.debit_account
      JOIN ledger_account credit ON credit.id = t.credit_account
     WHERE t.entry_id = NEW.id AND t.currency = d.currency;
    IF (transfers, owed, NEW.booked_on, d.kind, d.state)
       IS DISTINCT FROM (NEW.transfers::bigint, d.total, d.issue_date, 'invoice', 'issued') THEN
        RAISE EXCEPTION 'the entry does not say what its document says' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_entry_check AFTER INSERT ON ledger_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_ledger_entry();
