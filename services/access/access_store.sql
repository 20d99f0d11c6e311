-- name: cluster
select id from cluster where name = $1;

-- The lock makes one weir-access active per cluster; it goes with the session.
-- name: try_lock
select program_lock('weir-access:' || $1);

-- Consumers and producers whose access is on now.
-- name: wanted
-- columns: kind, principal, topic, adopted
select 'consumer' as kind, a.principal, g.topic, a.adopted
  from grant_period g
  join application a on a.id = g.application_id
  join organisation_public o on o.id = a.org_id and not o.suspended
  join subscription s on s.id = g.subscription_id
 where g.cluster_id = $1::uuid and not g.shadow and g.during @> now()
   and s.state in ('trialing', 'active', 'cancelling') and a.state = 'active'
union all
select 'producer', a.principal, p.topic_prefix, a.adopted
  from producer_grant p
  join application a on a.id = p.application_id
  join organisation_public o on o.id = a.org_id and not o.suspended
 where p.cluster_id = $1::uuid and p.revoked_at is null and a.state = 'active';

-- Milliseconds until a grant begins or ends by itself, null if none does.
-- name: next_border
select ceil(extract(epoch from min(b.at) - clock_timestamp()) * 1000)::bigint
  from grant_period g, lateral (values (lower(g.during)), (upper(g.during))) b (at)
 where g.cluster_id = $1::uuid and b.at > now() and b.at < 'infinity'
   and (upper_inf(g.during) or upper(g.during) > now());

-- name: save_state
insert into access_state (cluster_id, compared_at, wanted, created, removed, foreign_acls, error)
values ($1::uuid, now(), $2::bigint, $3::bigint, $4::bigint, $5::bigint, $6)
on conflict (cluster_id) do update
   set compared_at = now(), wanted = excluded.wanted,
       created = access_state.created + excluded.created,
       removed = access_state.removed + excluded.removed,
       foreign_acls = excluded.foreign_acls, error = excluded.error;

-- Only the error: figures stay as they were at the last comparison.
-- name: save_error
insert into access_state (cluster_id, compared_at, wanted, error)
values ($1::uuid, now(), 0, $2)
on conflict (cluster_id) do update set error = excluded.error;

-- name: audit
insert into audit_log (org_id, actor_kind, actor_id, action, object_kind, object_id, after)
select a.org_id, 'service', 'weir-access', t.action, 'acl', t.object,
       jsonb_build_object('cluster', $1::text)
  from unnest($2::text[], $3::text[], $4::text[]) t (action, principal, object)
  left join application a on a.principal = t.principal;

-- Topics asked for, the oldest first, with what their providers may have now. A suspended provider's wait.
-- name: topics
-- columns: id, name, partitions, retention_ms, max_message_bytes, topic_prefix, partitions_max, retention_ms_max, message_bytes_max
select t.id, t.name, t.partitions::bigint, t.retention_ms, t.max_message_bytes::bigint,
       (select p.topic_prefix from producer_grant p
         where p.org_id = t.org_id and p.cluster_id = t.cluster_id and p.revoked_at is null
           and starts_with(t.name, p.topic_prefix) limit 1) as topic_prefix,
       l.partitions_max::bigint, l.retention_ms_max, l.message_bytes_max::bigint
  from topic_request t
  join topic_limit l on l.org_id = t.org_id and l.cluster_id = t.cluster_id
  join organisation_public o on o.id = t.org_id and not o.suspended
 where t.cluster_id = $1::uuid and t.state = 'requested'
 order by t.created_at, t.id
 limit $2::bigint;

-- name: decide_topic
with t as (
    update topic_request
       set state = case when $3::text is null then 'made' else 'refused' end, reason = $3, decided_at = now()
     where id = $1::uuid and state = 'requested'
    returning org_id, name, state)
insert into audit_log (org_id, actor_kind, actor_id, action, object_kind, object_id, after)
select t.org_id, 'service', 'weir-access', 'topic.' || t.state, 'topic', $1,
       jsonb_strip_nulls(jsonb_build_object('cluster', $2::text, 'name', t.name, 'reason', $3))
  from t;
