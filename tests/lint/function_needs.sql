-- What functions read and write with a role's rights, where no statement's plan shows it: bodies of
-- triggers, of PL/pgSQL, and of functions that run for their owner. tests/lint/privileges_check.c.

-- as: weir_count_grants topic_open_grants
select count(distinct application_id) from grant_period where cluster_id = null and topic = null and upper_inf(during)

-- as: weir_read_statement statement_lines
select i.number, l.line, l.description, l.net, s.amount
  from document st
  join document_split s on s.statement_id = st.id
  join document_line l on l.document_id = s.document_id and l.line = s.line
  join document i on i.id = s.document_id
 where st.id = null and st.kind = 'statement' and st.org_id = null

-- as: weir_keep_zone keep_time_zone
select from subscription s where s.org_id = null and s.starts_at is not null and s.state <> 'denied'

-- as: weir_prune_audit prune_audit_log
delete from audit_log a
 where a.id = any (array(select x.id from audit_log x where x.action = null and x.at < now() order by x.at limit 1))

-- as: weir_biller guard_document
select from document_series s where s.id = null and s.entity_id = null and s.kind = null and s.prefix = null and s.next_number = 1 and s.last_issue_date = null

-- as: weir_biller guard_document
select sum(s.amount) from document_split s join document_line l on l.document_id = s.document_id and l.line = s.line
 where s.statement_id = null group by s.line, l.net having sum(s.amount) <> l.net

-- as: weir_biller guard_document
select sum(amount) from document_tax where document_id = null

-- as: weir_biller guard_document_part
select d.state from document d where d.id = null for share

-- as: weir_biller guard_document_split
select * from document d where d.id = null for share

-- as: weir_biller check_number_used
select from document d where d.number = null and d.series_id = null

-- as: weir_biller guard_billed
select max(b.seq) from billed b where b.subscription_id = null and b.period_start = null

-- as: weir_biller guard_billed
select from document d join subscription s on s.org_id = d.org_id where d.id = null and d.kind = 'invoice' and d.state = 'draft' and s.id = null

-- as: weir_biller guard_ledger_transfer
select from ledger_entry e where e.id = null and e.xid = pg_current_xact_id() and 1 <= e.transfers

-- as: weir_biller check_ledger_entry
select count(*), sum(t.amount), debit.code, debit.org_id, credit.code
  from ledger_transfer t
  join ledger_account debit on debit.id = t.debit_account
  join ledger_account credit on credit.id = t.credit_account
 where t.entry_id = null and t.currency = null group by 3, 4, 5

-- as: weir_api guard_organisation
select from producer_grant g, product_topic t where g.org_id = null and t.org_id = null

-- as: weir_api refuse_published_version
select from product_version v where v.product_id = null and v.number = null and v.published_at is not null

-- as: weir_api guard_subscription
select from product p where p.id = null and p.approval = 'automatic'

-- as: weir_api guard_signing_key
select from signing_key k where k.sign_from > now() or k.retire_at is null

-- as: weir_api usual_topic_limit
insert into topic_limit (org_id, cluster_id) select null, null on conflict do nothing
