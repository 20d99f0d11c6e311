-- name: ledger_lines
select l.line::int8, l.net::text, coalesce(s.party, ''), coalesce(s.party_org_id::text, ''), coalesce(s.amount, 0)::text
  from document_line l
  left join document_split s on s.document_id = l.document_id and s.line = l.line
 where l.document_id = $1::uuid order by l.line, s.party <> 'operator', s.party;

-- name: ledger_taxes
select amount::text from document_tax where document_id = $1::uuid order by category, rate;

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
