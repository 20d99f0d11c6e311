-- name: account_claim
-- columns: org_id, name, period, time_zone, usage_end, period_from, period_to
select a.org_id, o.name, r.period, o.time_zone,
       least(r.usage_end, period_ends(r.period, o.time_zone)) as usage_end,
       period_begins(r.period, o.time_zone) as period_from, period_ends(r.period, o.time_zone) as period_to
  from billing_run_account a
  join organisation o on o.id = a.org_id
  join billing_run r on r.id = a.run_id
 where a.run_id = $1::uuid and a.state = 'pending'
 order by a.org_id limit 1
   for no key update of a skip locked;

-- name: account_set
update billing_run_account set state = $3, note = $4 where run_id = $1::uuid and org_id = $2::uuid;

-- Parties as they are now, for the document's snapshot.
-- name: account_parties
-- columns: entity_id, seller_country, entity_zone, operator_id, seller, buyer_country, buyer
select e.id as entity_id, e.country as seller_country, e.time_zone as entity_zone, operator.id as operator_id,
       json_build_object('name', e.name, 'country', e.country, 'vat_id', e.vat_id, 'address', e.address)::text
           as seller,
       o.country as buyer_country,
       json_build_object('name', o.name, 'country', o.country, 'vat_id', o.vat_id, 'address', o.address,
                         'billing_email', o.billing_email)::text as buyer
  from organisation o
  join organisation operator on operator.is_operator
  join issuing_entity e on e.org_id = operator.id
 where o.id = $1::uuid
 order by e.created_at, e.id limit 1;

-- name: tax_rate
select percent::text from tax_rate
 where country = $1 and category = $2 and valid_from <= date '1970-01-01' + $3::int
 order by valid_from desc limit 1;

-- Where the meter stands in this snapshot, in the clusters of the account.
-- name: account_positions
select coalesce(json_agg(json_build_array(c.name, m.log_partition, m.broker_id, m.generation, m.byte_offset)
                         order by c.name, m.log_partition, m.broker_id), '[]')::text
  from meter_position m join cluster c on c.id = m.cluster_id
 where m.cluster_id in (select g.cluster_id from grant_period g where g.org_id = $1::uuid);
