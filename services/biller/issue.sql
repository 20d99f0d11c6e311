-- name: issue_claim
select org_id from billing_run_account
 where run_id = $1::uuid and state = 'drafted' and org_id = coalesce($2::uuid, org_id)
 order by org_id limit 1 for no key update skip locked;

-- name: issue_done
update billing_run_account set state = 'done' where run_id = $1::uuid and org_id = $2::uuid;

-- All of the account that can be issued, also what a run that failed has left behind.
-- name: issue_documents
select d.id, d.entity_id, e.time_zone, d.org_id, d.currency
  from document d join issuing_entity e on e.id = d.entity_id
 where d.org_id = $1::uuid and d.kind = 'invoice' and d.state = 'draft' and d.blocked_by is null
 order by d.currency, d.created_at, d.id -- a correction's number comes after the one it corrects
   for update of d;

-- name: issue_document
update document d
   set state = 'issued', series_id = $2::uuid, number = $3, issue_date = $4::date,
       due_date = $4::date + d.terms_days, issued_at = now(), net = s.net, tax = s.tax, total = s.net + s.tax
  from (select (select coalesce(sum(net), 0) from document_line where document_id = $1::uuid) as net,
               (select coalesce(sum(amount), 0) from document_tax where document_id = $1::uuid) as tax) s
 where d.id = $1::uuid and d.state = 'draft';
