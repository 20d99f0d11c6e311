-- Providers and other parties with shares that no statement has reported yet.
-- name: statement_due
-- columns: party_org_id, currency, entity_id
select s.party_org_id, d.currency, d.entity_id
  from document_split s join document d on d.id = s.document_id
 where s.statement_id is null and s.party <> 'operator' and d.state = 'issued' and d.kind = 'invoice'
 group by 1, 2, 3 order by 1, 2, 3;

-- name: statement_insert
insert into document (kind, org_id, entity_id, run_id, currency, period_from, period_to, usage_end, time_zone,
                      seller, buyer)
select 'statement', o.id, e.id, r.id, $2,
       period_begins(r.period, o.time_zone), period_ends(r.period, o.time_zone),
       least(r.usage_end, period_ends(r.period, o.time_zone)), o.time_zone,
       json_build_object('name', o.name, 'country', o.country, 'vat_id', o.vat_id, 'address', o.address),
       json_build_object('name', e.name, 'country', e.country, 'vat_id', e.vat_id, 'address', e.address)
  from organisation o, issuing_entity e, billing_run r
 where o.id = $1::uuid and e.id = $3::uuid and r.id = $4::uuid
returning id, (select time_zone from issuing_entity where id = $3::uuid);

-- name: statement_take
update document_split s set statement_id = $4::uuid
  from document d
 where d.id = s.document_id and s.statement_id is null and s.party <> 'operator'
   and s.party_org_id = $1::uuid and d.currency = $2 and d.entity_id = $3::uuid
   and d.state = 'issued' and d.kind = 'invoice';

-- name: statement_issue
update document d
   set state = 'issued', series_id = $2::uuid, number = $3, issue_date = $4::date, issued_at = now(),
       net = s.share, total = s.share
  from (select coalesce(sum(amount), 0) as share from document_split where statement_id = $1::uuid) s
 where d.id = $1::uuid and d.state = 'draft';
