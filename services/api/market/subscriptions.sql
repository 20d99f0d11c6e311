-- Subscriptions. One whose cancellation has come due reads as ended.

-- piece: subscription
json_build_object(
         'id', s.id, 'consumer', json_build_object('id', co.id, 'name', co.name),
         'provider', json_build_object('id', po.id, 'name', po.name),
         'product', json_build_object('id', p.id, 'name', p.name, 'version', s.product_version),
         'plan', json_build_object('id', l.id, 'code', l.code, 'name', l.name, 'version', s.plan_version),
         'applications', coalesce((
            select json_agg(json_build_object('id', a.id, 'name', a.name, 'principal', a.principal) order by a.created_at)
              from subscription_application sa join application a on a.id = sa.application_id
             where sa.subscription_id = s.id), '[]'),
         'topics', coalesce((
            select json_agg(json_build_object('cluster_id', c.id, 'cluster', c.name, 'bootstrap_servers', c.bootstrap_servers,
                       'security_protocol', c.security_protocol, 'topic', t.topic) order by c.name, t.topic)
              from product_topic t join cluster c on c.id = t.cluster_id
             where t.product_id = s.product_id and t.number = s.product_version), '[]'),
         'state', subscription_state_now(s.state, s.ends_at),
         'requested_at', s.requested_at, 'decided_at', s.decided_at, 'decision_reason', s.decision_reason,
         'starts_at', s.starts_at, 'ends_at', s.ends_at, 'version', s.version)::text
-- piece: parties
from subscription s
  join organisation_public co on co.id = s.org_id
  join organisation_public po on po.id = s.provider_org_id
  join product p on p.id = s.product_id
  join plan l on l.id = s.plan_id

-- name: subscription_list
-- columns: json, requested_at, id
select {{subscription}} as json,
       s.requested_at::text, s.id::text
  {{parties}}
 where ($1::text is null or $1 = subscription_state_now(s.state, s.ends_at))
   and ($2::uuid is null or s.product_id = $2::uuid)
   and ($3::timestamptz is null or (s.requested_at, s.id) < ($3::timestamptz, $4::uuid))
 order by s.requested_at desc, s.id desc
 limit $5::int

-- name: subscription_get
select {{subscription}},
       s.version::text
  {{parties}}
 where s.id = $1::uuid

-- What is asked for: a published product, one of its plans. Versions are frozen here.
-- name: subscription_offer
-- columns: product_id, provider_org_id, product_version, approval, state, plan_id, plan_version, is_consumer
select p.id::text as product_id, p.org_id::text as provider_org_id, p.published_version::text as product_version,
       p.approval, case when po.suspended then 'suspended' else p.state end as state, l.id::text as plan_id, v.number::text as plan_version,
       (select weir.is_consumer from organisation weir where weir.id = $3::uuid)::text as is_consumer
  from product p
  join organisation_public po on po.id = p.org_id
  left join plan l on l.id = $2::uuid and l.product_id = p.id and l.state = 'active'
  left join lateral (select number from plan_version x where x.plan_id = l.id and x.valid_from <= current_date
                      order by x.number desc limit 1) v on true
 where p.id = $1::uuid and p.published_version is not null

-- name: subscription_create
insert into subscription (org_id, provider_org_id, product_id, product_version, plan_id, plan_version, terms_sha256)
select $1::uuid, $2::uuid, v.product_id, v.number, $5::uuid, $6::int, v.contract_sha256
  from product_version v where v.product_id = $3::uuid and v.number = $4::int
returning id::text

-- name: subscription_add_applications
insert into subscription_application (subscription_id, application_id, org_id)
select $1::uuid, a.id, a.org_id
  from application a
 where a.id = any ($2::uuid[]) and a.org_id = $3::uuid and a.state = 'active'
returning application_id::text

-- name: subscription_lock
-- columns: id, state, version, org_id, provider_org_id, may_decide
select s.id::text, s.state, s.version::text, s.org_id::text, s.provider_org_id::text,
       (weir_operator() or s.provider_org_id = weir_org())::text as may_decide
  from subscription s where s.id = $1::uuid for no key update

-- The topic that has no room for another grant, if there is one.
-- name: subscription_topic_full
select t.topic, c.grants_per_topic_max::text
  from subscription s
  join product_topic t on t.product_id = s.product_id and t.number = s.product_version
  join cluster c on c.id = t.cluster_id
 where s.id = $1::uuid
   and topic_open_grants(t.cluster_id, t.topic)
     + (select count(*) from subscription_application sa where sa.subscription_id = s.id) > c.grants_per_topic_max
 order by t.topic limit 1

-- name: subscription_activate
update subscription s set state = 'active', decided_at = now(), decided_by = $2, decision_reason = $3, starts_at = now()
 where s.id = $1::uuid and s.state = 'requested'
   and not exists (select from organisation_public o where o.id in (s.org_id, s.provider_org_id) and o.suspended)
returning id::text

-- One grant for each application and topic. The exclusion constraint refuses a second payer.
-- name: subscription_open_grants
insert into grant_period (cluster_id, application_id, org_id, topic, subscription_id, during)
select t.cluster_id, sa.application_id, sa.org_id, t.topic, s.id, tstzrange(now(), null, '[)')
  from subscription s
  join subscription_application sa on sa.subscription_id = s.id
  join product_topic t on t.product_id = s.product_id and t.number = s.product_version
 where s.id = $1::uuid
returning id::text

-- name: subscription_deny
update subscription set state = 'denied', decided_at = now(), decided_by = $2, decision_reason = $3
 where id = $1::uuid and state = 'requested'
returning id::text

-- A request that nobody has answered yet, taken back.
-- name: subscription_withdraw
update subscription set state = 'ended', starts_at = now(), ends_at = now(), decided_at = now(), decided_by = $2, decision_reason = $3
 where id = $1::uuid and state = 'requested'
returning id::text

-- Ends now, or at the end of the calendar month in the consumer's zone (PostgreSQL does the calendar).
-- name: subscription_cancel
update subscription s
   set state = case when $4 = 'now' then 'ended' else 'cancelling' end,
       ends_at = case when $4 = 'now' then now()
                      else day_begins(next_month(local_month(now(), o.time_zone)), o.time_zone) end,
       decision_reason = coalesce($3, s.decision_reason), decided_by = $2
  from (select x.id, y.time_zone from subscription x join organisation_public y on y.id = x.org_id) o
 where s.id = $1::uuid and o.id = s.id and subscription_runs(s.state) and s.state <> 'cancelling'
returning s.id::text

-- name: subscription_close_grants
update grant_period g
   set during = tstzrange(lower(g.during), greatest(s.ends_at, lower(g.during) + interval '1 microsecond'), '[)')
  from subscription s
 where s.id = $1::uuid and g.subscription_id = s.id and upper_inf(g.during)
