-- piece: application
'id', a.id, 'org_id', a.org_id, 'name', a.name, 'principal', a.principal,
           'client_id', a.principal, 'group_prefix', a.principal || '.', 'api_role', a.api_role,
           'state', a.state, 'created_at', a.created_at, 'version', a.version

-- name: application_insert
-- columns: json, version, id
insert into application as a (org_id, name, principal, api_role)
values ($1::uuid, $2, $3, $4)
returning json_build_object({{application}}) as json,
          a.version, a.id

-- The tenant stands in the condition too: the policy also shows a provider its subscribers'
-- applications, which aren't its own.
-- name: application_list
-- columns: json, created_at, id
select json_build_object({{application}}) as json,
       a.created_at, a.id
  from application a
 where (a.org_id = weir_org() or weir_operator())
   and ($1::timestamptz is null or (a.created_at, a.id) > ($1::timestamptz, $2::uuid))
 order by a.created_at, a.id
 limit $3::bigint

-- name: application_get
select json_build_object(
           {{application}},
           'secrets', (select coalesce(json_agg(json_build_object(
                           'id', s.id, 'created_at', s.created_at, 'expires_at', s.expires_at,
                           'revoked_at', s.revoked_at) order by s.created_at, s.id), '[]')
                         from application_secret s where s.application_id = a.id),
           'producer_grants', (select coalesce(json_agg(json_build_object(
                           'id', g.id, 'cluster_id', g.cluster_id, 'topic_prefix', g.topic_prefix,
                           'created_at', g.created_at, 'revoked_at', g.revoked_at)
                           order by g.created_at, g.id), '[]')
                         from producer_grant g where g.application_id = a.id)),
       a.version
  from application a
 where a.id = $1::uuid and (a.org_id = weir_org() or weir_operator())

-- Locked, so that the count of usable secrets holds.
-- name: application_lock
-- columns: org_id, principal, api_role, adopted, secrets, topic_prefix, state
select a.org_id, a.principal, a.api_role, a.adopted,
       (select count(*) from application_secret s
         where s.application_id = a.id and s.revoked_at is null
           and (s.expires_at is null or s.expires_at > now())) as secrets,
       o.topic_prefix, a.state
  from application a
  join organisation o on o.id = a.org_id
 where a.id = $1::uuid and (a.org_id = weir_org() or weir_operator())
   for no key update of a

-- name: secret_insert
insert into application_secret as s (id, application_id, org_id, secret_hash, hash_version, expires_at)
values ($1::uuid, $2::uuid, $3::uuid, $4::bytea, 2, now() + make_interval(days => $5::int))
returning to_json(s.created_at) #>> '{}', to_json(s.expires_at) #>> '{}'

-- name: secret_revoke
update application_secret
   set revoked_at = now()
 where id = $1::uuid and application_id = $2::uuid and revoked_at is null
returning id

-- name: producer_grant_revoke
update producer_grant
   set revoked_at = now()
 where id = $1::uuid and application_id = $2::uuid and revoked_at is null
returning id

-- Locked before. No row: it is so already.
-- name: application_switch
update application a
   set state = $2
 where a.id = $1::uuid and a.state <> $2
returning json_build_object({{application}}), a.version

-- name: producer_grant_insert
-- columns: json, version, id
insert into producer_grant as g (application_id, org_id, cluster_id, topic_prefix)
select $1::uuid, $2::uuid, c.id, $4 from cluster c where c.id = $3::uuid
returning json_build_object(
              'id', g.id, 'application_id', g.application_id, 'cluster_id', g.cluster_id,
              'topic_prefix', g.topic_prefix, 'created_at', g.created_at,
              'revoked_at', g.revoked_at) as json,
          null::bigint as version, g.id
