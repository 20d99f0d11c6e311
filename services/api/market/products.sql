-- The catalogue. A list item and a product have one shape; a list leaves the plans' bodies out.

-- piece: product
'id', p.id, 'provider', json_build_object('id', o.id, 'name', o.name), 'slug', p.slug, 'name', p.name,
         'description', p.description, 'tags', p.tags, 'state', p.state, 'approval', p.approval,
         'published_version', p.published_version, 'version', p.version, 'created_at', p.created_at

-- name: product_list
-- columns: json, created_at, id
select json_build_object({{product}})::text as json,
       p.created_at::text, p.id::text
  from product p
  join organisation_public o on o.id = p.org_id
 where ($1::text is null
        or position(lower($1) in lower(concat_ws(' ', p.name, p.description, o.name, array_to_string(p.tags, ' ')))) > 0)
   and ($2::text is null or p.state = $2)
   and ($3::timestamptz is null or (p.created_at, p.id) < ($3::timestamptz, $4::uuid))
 order by p.created_at desc, p.id desc
 limit $5::int

-- The version shown is the published one, or, to its owner before that, the open one.
-- piece: shown_version
(select * from product_version x
        where x.product_id = p.id and x.number = coalesce(p.published_version, x.number)
        order by x.number desc limit 1)

-- name: product_get
select json_build_object(
         {{product}},
         'topics', coalesce((
            select json_agg(json_build_object('cluster_id', c.id, 'cluster', c.name,
                       'bootstrap_servers', c.bootstrap_servers, 'security_protocol', c.security_protocol,
                       'topic', t.topic) order by c.name, t.topic)
              from product_topic t join cluster c on c.id = t.cluster_id
             where t.product_id = p.id and t.number = v.number), '[]'),
         'contract', case when v.contract is not null then json_build_object(
            'sha256', encode(v.contract_sha256, 'hex'), 'type', v.contract_type, 'bytes', length(v.contract)) end,
         'plans', coalesce((
            select json_agg(json_build_object('id', l.id, 'code', l.code, 'name', l.name, 'currency', lv.currency,
                       'number', lv.number, 'plan', lv.body) order by l.created_at, l.id)
              from plan l
              join lateral (select * from plan_version x where x.plan_id = l.id
                             order by x.valid_from <= current_date desc, x.number desc limit 1) lv on true
             where l.product_id = p.id and l.state = 'active'), '[]'))::text,
       p.version::text
  from product p
  join organisation_public o on o.id = p.org_id
  left join lateral {{shown_version}} v on true
 where p.id = $1::uuid

-- name: product_create
with p as (
    insert into product (org_id, slug, name, description, tags, approval)
    values ($1::uuid, $2, $3, coalesce($4, ''), coalesce($5::text[], '{}'), coalesce($6, 'manual'))
    returning id, org_id),
v as (
    insert into product_version (product_id, number, org_id) select id, 1, org_id from p)
select id::text from p

-- name: product_update
update product set name = coalesce($2, name), description = coalesce($3, description),
       tags = coalesce($4::text[], tags), approval = coalesce($5, approval)
 where id = $1::uuid and (weir_operator() or org_id = weir_org())
returning id::text, version::text

-- The product, locked, if the asker owns it: the first step of every change to it.
-- name: product_lock_own
-- columns: id, state, version, topic_prefix, org_id, number, open_versions
select p.id::text, p.state, p.version::text, o.topic_prefix, p.org_id::text,
       (select max(number) from product_version v where v.product_id = p.id)::text as number,
       (select count(*) from product_version v
         where v.product_id = p.id and v.published_at is null)::text as open_versions
  from product p
  join organisation o on o.id = p.org_id
 where p.id = $1::uuid and (weir_operator() or p.org_id = weir_org())
   for no key update of p

-- A version to work on: the open one, or the next, which begins with the topics and contract of the last.
-- name: product_open_version
with last as (
    select * from product_version where product_id = $1::uuid order by number desc limit 1)
insert into product_version (product_id, number, org_id, contract, contract_sha256, contract_type)
select product_id, number + 1, org_id, contract, contract_sha256, contract_type
  from last where published_at is not null

-- name: product_open_version_topics
insert into product_topic (product_id, number, org_id, cluster_id, topic)
select t.product_id, t.number + 1, t.org_id, t.cluster_id, t.topic
  from product_topic t
 where t.product_id = $1::uuid
   and t.number = (select max(number) - 1 from product_version where product_id = $1::uuid)
on conflict do nothing

-- name: product_put_contract
update product_version
   set contract = $2::bytea, contract_sha256 = sha256($2::bytea), contract_type = $3
 where product_id = $1::uuid and published_at is null
returning json_build_object('product_id', product_id, 'number', number, 'sha256', encode(contract_sha256, 'hex'),
          'type', contract_type, 'bytes', length(contract))::text

-- name: product_get_contract
-- columns: contract, contract_type, sha256
select v.contract, v.contract_type, encode(v.contract_sha256, 'hex') as sha256
  from product p
  join lateral {{shown_version}} v on true
 where p.id = $1::uuid and v.contract is not null

-- name: product_clear_topics
delete from product_topic t
 using product_version v
 where t.product_id = $1::uuid and v.product_id = t.product_id and v.number = t.number and v.published_at is null

-- name: product_add_topics
insert into product_topic (product_id, number, org_id, cluster_id, topic)
select v.product_id, v.number, v.org_id, c.id, x.topic
  from unnest($2::uuid[], $3::text[]) as x(cluster_id, topic)
  join product_version v on v.product_id = $1::uuid and v.published_at is null
  join cluster c on c.id = x.cluster_id
returning topic

-- name: product_publish
with v as (
    update product_version set published_at = now()
     where product_id = $1::uuid and published_at is null and contract is not null
       and exists (select from product_topic t where t.product_id = product_version.product_id and t.number = product_version.number)
       and exists (select from plan l where l.product_id = product_version.product_id and l.state = 'active')
    returning product_id, number)
update product p set state = 'published', published_version = v.number
  from v where p.id = v.product_id
returning p.id::text

-- What a product still lacks before it can be published.
-- name: product_lacks
select concat_ws(', ',
         case when v.contract is null then 'a contract' end,
         case when not exists (select from product_topic t where t.product_id = v.product_id and t.number = v.number) then 'a topic' end,
         case when not exists (select from plan l where l.product_id = v.product_id and l.state = 'active') then 'a plan' end)
  from product_version v where v.product_id = $1::uuid order by v.number desc limit 1

-- name: product_deprecate
update product set state = 'deprecated' where id = $1::uuid and state = 'published' returning id::text
