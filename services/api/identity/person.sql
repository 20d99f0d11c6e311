-- A person's own password and sessions.

-- name: person_password
-- columns: password_hash
select password_hash from person where id = $1::uuid

-- Nothing changes if somebody else changed it meanwhile.
-- name: person_set_password
update person
   set password_hash = $3
 where id = $1::uuid and password_hash = $2
returning id

-- name: session_list
-- columns: json, created_at, id
select json_build_object('id', s.id, 'created_at', s.created_at, 'expires_at', s.expires_at,
                         'address', s.address, 'current', s.token_hash = $2::bytea)::text as json,
       s.created_at, s.id
  from session s
 where s.person_id = $1::uuid and s.expires_at > now()
 order by s.created_at, s.id

-- One of a person's sessions, or (null) all but the present one.
-- name: session_end_other
delete from session
 where person_id = $1::uuid
   and case when $3::uuid is null then token_hash <> $2::bytea else id = $3::uuid end
returning id
