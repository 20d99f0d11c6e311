-- name: session_find
-- columns: person_id, org_id, role, is_operator, suspended
select s.person_id, s.org_id, m.role, o.is_operator, o.suspended_at is not null as suspended
  from session s
  join membership m on m.person_id = s.person_id and m.org_id = s.org_id
  join organisation o on o.id = s.org_id
 where s.token_hash = $1::bytea and s.expires_at > now()

-- The organisation a person signs in to is the one joined first.
-- name: sign_in_person
-- columns: id, password_hash, org_id, suspended
select p.id, p.password_hash, m.org_id, o.suspended_at is not null as suspended
  from person p
  join membership m on m.person_id = p.id
  join organisation o on o.id = m.org_id
 where p.email = lower($1)
 order by m.created_at, m.org_id
 limit 1

-- name: session_insert
insert into session (token_hash, person_id, org_id, expires_at, address)
values ($1::bytea, $2::uuid, $3::uuid, now() + make_interval(hours => $4::int), $5)
returning json_build_object('expires_at', expires_at)

-- name: session_prune
delete from session where expires_at < now()

-- name: session_delete
delete from session where token_hash = $1::bytea

-- piece: where_signed_in
'organisation', json_build_object('id', o.id, 'name', o.name, 'is_operator', o.is_operator,
        'is_provider', o.is_provider, 'is_consumer', o.is_consumer,
        'time_zone', o.time_zone, 'currency', o.currency, 'topic_prefix', o.topic_prefix),
    'marketplace', (select name from marketplace)

-- name: me_person
select json_build_object(
    'kind', 'person', 'id', p.id, 'email', p.email, 'name', p.name, 'role', m.role,
    {{where_signed_in}})
  from person p
  join membership m on m.person_id = p.id
  join organisation o on o.id = m.org_id
 where p.id = $1::uuid and o.id = $2::uuid

-- name: me_application
select json_build_object(
    'kind', 'application', 'id', a.id, 'name', a.name, 'principal', a.principal, 'role', a.api_role,
    {{where_signed_in}})
  from application a
  join organisation o on o.id = a.org_id
 where a.id = $1::uuid and o.id = $2::uuid
