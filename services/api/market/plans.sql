-- Plans of a product; their versions never change. `current` is the version that a subscription of
-- today gets (before the first is valid: the newest), `upcoming` the newest of those that come later.

-- piece: plan
json_build_object('id', l.id, 'product_id', l.product_id, 'code', l.code, 'name', l.name, 'state', l.state,
         'current', json_build_object('number', v.number, 'valid_from', v.valid_from, 'currency', v.currency,
                                      'plan', v.body, 'revenue_share', v.revenue_share),
         'upcoming', case when n.number is not null then json_build_object('number', n.number, 'valid_from', n.valid_from,
                     'currency', n.currency, 'plan', n.body, 'revenue_share', n.revenue_share) end)::text
-- piece: plan_versions
from plan l
  join lateral (select * from plan_version x where x.plan_id = l.id
                 order by x.valid_from <= current_date desc, x.number desc limit 1) v on true
  left join lateral (select * from plan_version x where x.plan_id = l.id and x.number > v.number
                      order by x.number desc limit 1) n on true

-- name: plan_list
-- columns: json, created_at, id
select {{plan}} as json,
       l.created_at::text, l.id::text
  {{plan_versions}}
 where l.product_id = $1::uuid
   and ($2::timestamptz is null or (l.created_at, l.id) < ($2::timestamptz, $3::uuid))
 order by l.created_at desc, l.id desc
 limit $4::int

-- name: plan_get
select {{plan}}
  {{plan_versions}}
 where l.id = $1::uuid

-- What a list of plans belongs to.
-- name: product_visible
select 1 from product where id = $1::uuid

-- name: plan_create
insert into plan (product_id, org_id, code, name) values ($1::uuid, $2::uuid, $3, $4) returning id::text

-- name: plan_lock_own
-- columns: id, org_id, number
select l.id::text, l.org_id::text, (select max(number) from plan_version v where v.plan_id = l.id)::text as number
  from plan l
 where l.id = $1::uuid and l.state = 'active' and (weir_operator() or l.org_id = weir_org())
   for no key update

-- name: plan_version_create
insert into plan_version (plan_id, number, org_id, valid_from, currency, body, revenue_share, weakest_class)
values ($1::uuid, $2::int, $3::uuid, $4::date, $5, $6::json, $7::json, coalesce($8, 'request_log'))
returning number::text
