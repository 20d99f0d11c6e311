-- name: issue_claim
select org_id from billing_run_account
 where run_id = $1::uuid and state = 'drafted' and org_id = coalesce($2::uuid, org_id)
 order by org_id limit 1 for no key update skip locked;

-- name: issue_done
update billing_run_account set state = 'done' where run_id = $1::uuid and org_id = $2::uuid;

-- All of the account that can be issued, also what a run that failed has left behind.
-- name: issue_documents
-- columns: id, entity_id, time_zone, org_id, currency
select d.id, d.entity_id, e.time_zone, d.org_id, d.currency
  from document d join issuing_entity e on e.id = d.entity_id
 where d.org_id = $1::uuid and d.kind = 'invoice' and d.state = 'draft' and d.blocked_by is null
 order by d.currency, d.created_at, d.id -- a correction's number comes after the one it corrects
   for update of d;

-- The series of the year in the entity's zone; the first document of a year makes it.
-- name: series_ensure
insert into document_series (entity_id, kind, prefix)
values ($1::uuid, $2, $3 || to_char(clock_timestamp() at time zone $4, 'YYYY') || '-')
on conflict (entity_id, kind, prefix) do nothing;

-- Takes the next number; the row stays locked until the end of the transaction, so the number is
-- given back if nothing is committed. Dates of a series never go back.
-- name: series_next
update document_series
   set next_number = next_number + 1,
       last_issue_date = greatest(last_issue_date, local_day(clock_timestamp(), $4))
 where entity_id = $1::uuid and kind = $2
   and prefix = $3 || to_char(clock_timestamp() at time zone $4, 'YYYY') || '-'
returning id, prefix || lpad((next_number - 1)::text, greatest(6, length((next_number - 1)::text)), '0'),
          last_issue_date::text;

-- name: issue_document
update document d
   set state = 'issued', series_id = $2::uuid, number = $3, issue_date = $4::date,
       due_date = $4::date + d.terms_days, issued_at = now(), net = s.net, tax = s.tax, total = s.net + s.tax
  from (select (select coalesce(sum(net), 0) from document_line where document_id = $1::uuid) as net,
               (select coalesce(sum(amount), 0) from document_tax where document_id = $1::uuid) as tax) s
 where d.id = $1::uuid and d.state = 'draft';

-- name: issue_parts
select l.line::int8, l.net::text, coalesce(s.party, ''), coalesce(s.party_org_id::text, ''), coalesce(s.amount, 0)::text
  from document_line l
  left join document_split s on s.document_id = l.document_id and s.line = l.line
 where l.document_id = $1::uuid order by l.line, s.party <> 'operator', s.party;

-- name: issue_taxes
select category, rate::text, amount::text from document_tax where document_id = $1::uuid order by category, rate;

-- name: ledger_account_ensure
insert into ledger_account (code, org_id, currency) values ($1, $2::uuid, $3)
on conflict (code, org_id, currency) do nothing;

-- name: ledger_account
select id from ledger_account where code = $1 and org_id is not distinct from $2::uuid and currency = $3;

-- name: ledger_entry
insert into ledger_entry (kind, document_id, booked_on, transfers)
values ('invoice_issued', $1::uuid, $2::date, $3::int)
returning id;

-- name: ledger_transfers
insert into ledger_transfer (entry_id, n, debit_account, credit_account, currency, amount)
select $1::uuid, t.n, t.debit, t.credit, $2, t.amount::numeric
  from unnest($3::uuid[], $4::uuid[], $5::text[]) with ordinality t (debit, credit, amount, n);
