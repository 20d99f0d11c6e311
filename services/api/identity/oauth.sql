-- What the token endpoint and the API's own gate need, as one JSON text: it is kept in memory, and
-- on disk for when the database is away.

-- piece: clients
select o.client_id, o.application_id, o.org_id, o.org_is_operator, o.api_role,
               o.state = 'active' and not p.suspended as active, o.audiences,
               json_agg(json_build_object('hash', encode(o.secret_hash, 'hex'), 'hash_version', o.hash_version,
                        'expires_s', floor(extract(epoch from o.secret_expires_at))::bigint)
                        order by o.secret_hash) as secrets
          from oauth_client o
          join organisation_public p on p.id = o.org_id

-- name: snapshot_read
select json_build_object(
    'clients', (select coalesce(json_agg(c order by c.client_id), '[]') from (
        {{clients}}
         group by 1, 2, 3, 4, 5, 6, 7) c),
    'keys', (select coalesce(json_agg(json_build_object(
                        'kid', k.kid, 'private_key', encode(k.private_key, 'hex'),
                        'sign_from_s', floor(extract(epoch from k.sign_from))::bigint,
                        'retire_at_s', floor(extract(epoch from k.retire_at))::bigint)
                        order by k.sign_from, k.kid), '[]')
               from signing_key k where k.retire_at is null or k.retire_at > now()))::text

-- One client, for one that the snapshot doesn't know yet.
-- name: client_read
select json_build_object(
    'clients', (select coalesce(json_agg(c order by c.client_id), '[]') from (
        {{clients}}
         where o.client_id = $1
         group by 1, 2, 3, 4, 5, 6, 7) c),
    'keys', '[]'::json)::text

-- Copies of the program take turns, so that one key is made and not many.
-- name: signing_key_lock
select pg_advisory_xact_lock(hashtext('weir'), hashtext('signing keys'))

-- The first key signs at once; a later one is published a day before its use. Nothing is written
-- if another copy was faster.
-- name: signing_key_insert
insert into signing_key (kid, private_key, public_jwk, sign_from)
select $1, $2::bytea, $3::jsonb,
       case when exists (select from signing_key where retire_at is null or retire_at > now())
            then now() + interval '1 day' else now() end
 where not exists (select from signing_key where sign_from > now() - make_interval(days => $4::int - 1))

-- A key is published until the last token signed with it has expired.
-- name: signing_key_retire
update signing_key k
   set retire_at = n.sign_from + interval '2 hours'
  from signing_key n
 where n.kid = $1 and k.kid <> n.kid and k.retire_at is null
