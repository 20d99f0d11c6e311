-- The ledger, for the operator: balances and entries, as weir-biller booked them.

-- name: ledger_accounts
select json_build_object('id', b.id, 'code', b.code, 'organisation', case when o.id is not null then
           json_build_object('id', o.id, 'name', o.name) end, 'currency', b.currency,
         'debit', b.debit::text, 'credit', b.credit::text, 'balance', (b.debit - b.credit)::text)::text
  from ledger_balance b left join organisation o on o.id = b.org_id
 order by b.code, o.name, b.currency
 limit 1000

-- name: ledger_entries
-- columns: json, posted_at, id
select json_build_object('id', e.id, 'kind', e.kind, 'document_id', e.document_id, 'number', d.number,
         'booked_on', e.booked_on, 'posted_at', e.posted_at,
         'transfers', (select json_agg(json_build_object('n', t.n, 'debit_account', t.debit_account, 'credit_account', t.credit_account,
              'currency', t.currency, 'amount', t.amount::text) order by t.n) from ledger_transfer t where t.entry_id = e.id))::text as json,
       e.posted_at::text, e.id::text
  from ledger_entry e left join document d on d.id = e.document_id
 where $1::timestamptz is null or (e.posted_at, e.id) < ($1::timestamptz, $2::uuid)
 order by e.posted_at desc, e.id desc
 limit $3::int
