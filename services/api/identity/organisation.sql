-- piece: organisation
'id', o.id, 'name', o.name, 'country', o.country, 'vat_id', o.vat_id,
           'address', o.address, 'billing_email', o.billing_email, 'time_zone', o.time_zone,
           'currency', o.currency, 'is_provider', o.is_provider, 'is_consumer', o.is_consumer,
           'is_operator', o.is_operator, 'topic_prefix', o.topic_prefix,
           'verified_at', o.verified_at, 'suspended_at', o.suspended_at, 'created_at', o.created_at, 'version', o.version

-- The person's id is chosen before, for a person without a membership is nobody's to read back.
-- name: organisation_sign_up
-- columns: json, version, id
with p as materialized (
    select gen_random_uuid() as id, lower($11) as email, $12::text as name
), o as (
    insert into organisation (id, name, country, vat_id, address, billing_email, time_zone, currency,
                              is_provider, is_consumer)
    values ($1::uuid, $2, $3, $4, $5::jsonb, $6, $7, $8, $9::boolean, $10::boolean)
    returning *
), inserted as (
    insert into person (id, email, name, password_hash) select p.id, p.email, p.name, $13 from p
), m as (
    insert into membership (person_id, org_id, role) select p.id, o.id, 'owner' from p, o
    returning role
)
select json_build_object(
           {{organisation}},
           'owner', json_build_object('id', p.id, 'email', p.email, 'name', p.name, 'role', m.role)) as json,
       o.version, p.id
  from o, p, m

-- name: organisation_list
-- columns: json, created_at, id
select json_build_object({{organisation}}) as json,
       o.created_at, o.id
  from organisation o
 where $1::timestamptz is null or (o.created_at, o.id) > ($1::timestamptz, $2::uuid)
 order by o.created_at, o.id
 limit $3::bigint

-- name: organisation_get
select json_build_object({{organisation}}),
       o.version
  from organisation o
 where o.id = $1::uuid

-- name: organisation_lock
select version,
       json_build_object('name', name, 'vat_id', vat_id, 'address', address,
                         'billing_email', billing_email, 'time_zone', time_zone,
                         'topic_prefix', topic_prefix, 'verified_at', verified_at)
  from organisation
 where id = $1::uuid
   for no key update

-- name: organisation_patch
update organisation o
   set name = coalesce($2, o.name),
       vat_id = coalesce($3, o.vat_id),
       address = coalesce($4::jsonb, o.address),
       billing_email = coalesce($5, o.billing_email),
       time_zone = coalesce($6, o.time_zone),
       topic_prefix = coalesce($7, o.topic_prefix),
       verified_at = case $8 when 'true' then coalesce(o.verified_at, now())
                             when 'false' then null else o.verified_at end
 where o.id = $1::uuid
returning json_build_object({{organisation}}),
       o.version

-- name: organisation_standing
-- columns: id, is_operator, suspended
select id, is_operator, suspended_at is not null as suspended
  from organisation
 where id = $1::uuid
   for no key update

-- name: organisation_suspend
update organisation
   set suspended_at = case when $2::boolean then now() end
 where id = $1::uuid
returning id

-- What it reads ends now; what was to end later ends now too. A shadow opens nothing: it goes on. A grant that an approval opens at this very
-- moment stays open: it opens nothing, for weir-access gives a suspended organisation nothing.
-- name: suspension_close_grants
update grant_period g
   set during = tstzrange(lower(g.during), greatest(now(), lower(g.during) + interval '1 microsecond'), '[)')
 where g.org_id = $1::uuid and (upper_inf(g.during) or upper(g.during) > now() + interval '1 microsecond')
   and lower(g.during) <= now() and not g.shadow
returning g.id

-- What its subscriptions still say, from now on.
-- name: suspension_open_grants
insert into grant_period (cluster_id, application_id, org_id, topic, subscription_id, during)
select t.cluster_id, sa.application_id, sa.org_id, t.topic, s.id,
       tstzrange(now(), case when s.state = 'cancelling' then s.ends_at end, '[)')
  from subscription s
  join subscription_application sa on sa.subscription_id = s.id
  join product_topic t on t.product_id = s.product_id and t.number = s.product_version
 where s.org_id = $1::uuid
   and (s.state in ('active', 'trialing') or (s.state = 'cancelling' and s.ends_at > now()))
   and not exists (select from grant_period g
                    where g.cluster_id = t.cluster_id and g.application_id = sa.application_id and g.topic = t.topic
                      and not g.shadow and (upper_inf(g.during) or upper(g.during) > now()))
returning id
