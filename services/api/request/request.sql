-- Statements of the request frame: scope, idempotency, audit.

-- name: scope
select set_config('weir.org', $1, true), set_config('weir.operator', $2, true)

-- One request per key at a time: the lock ends with the transaction, so a crash leaves nothing.
-- name: idempotency_lock
select set_config('weir.key_free', lock_key(hashtextextended(
    concat_ws(chr(31), $1::text, $2::text, $3::text, $4::text), 0))::text, true)

-- A statement of its own, for it must see what the holder of the lock before us committed.
-- name: idempotency_find
-- columns: key_free, same_request, status, response
select current_setting('weir.key_free')::boolean as key_free,
       k.request_hash = $5::bytea as same_request,
       k.status,
       k.response::text
  from (values (1)) as one
  left join idempotency_key k
    on k.org_id = $1::uuid and k.client = $2 and k.operation = $3 and k.key = $4
   and k.created_at > now() - interval '24 hours'

-- Clears up what has had its day, a few rows at a time, so that the table stays as small as its use.
-- name: idempotency_store
with old as (
    delete from idempotency_key k
     where k.ctid = any (array(
           select x.ctid from idempotency_key x
            where x.created_at <= now() - interval '25 hours'
              and (x.org_id, x.client, x.operation, x.key) <> ($1::uuid, $2, $3, $4)
            limit 20 for update skip locked)))
insert into idempotency_key (org_id, client, operation, key, request_hash, status, response)
values ($1::uuid, $2, $3, $4, $5::bytea, $6::int, $7::jsonb)
on conflict (org_id, client, operation, key) do update
   set request_hash = excluded.request_hash, status = excluded.status,
       response = excluded.response, created_at = now()
 where idempotency_key.created_at <= now() - interval '24 hours'

-- name: audit_insert
insert into audit_log (org_id, actor_kind, actor_id, actor_org_id, action, object_kind, object_id, before,
                       after, reason, request_id)
values (nullif($1, '')::uuid, $2, $3, $4::uuid, $5, $6, $7, $8::jsonb, $9::jsonb, $10, $11)

-- What happened often, in one statement (request/tally.h).
-- name: audit_tally
insert into audit_log (org_id, actor_kind, actor_id, actor_org_id, action, object_kind, object_id, after)
select t.org_id, t.actor_kind, t.actor_id, t.actor_org_id, t.action, t.object_kind, t.object_id,
       jsonb_strip_nulls(jsonb_build_object(
           'count', t.count, 'first_at', to_timestamp(t.first_us / 1e6), 'last_at', to_timestamp(t.last_us / 1e6),
           'address', t.address, 'operation', t.operation, 'query', t.query))
  from jsonb_to_recordset($1::jsonb) t (
           org_id uuid, actor_kind text, actor_id text, actor_org_id uuid, action text, object_kind text,
           object_id text, address text, operation text, query text, count bigint, first_us bigint,
           last_us bigint)
