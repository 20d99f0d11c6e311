-- Billing runs: asked for here, carried out by weir-biller.

-- piece: asked
'id', r.id, 'period', r.period, 'close_early', r.close_early, 'reason', r.reason, 'state', r.state,
         'waiting_for', r.waiting_for, 'usage_end', r.usage_end, 'requested_at', r.requested_at
-- piece: come_of_it
'finished_at', r.finished_at, 'accounts_total', r.accounts_total, 'accounts_done', r.accounts_done,
         'documents', r.documents, 'error', r.error, 'unread', r.unread

-- name: billing_run_list
-- columns: json, requested_at, id
select json_build_object({{asked}}, {{come_of_it}})::text as json,
       r.requested_at::text, r.id::text
  from billing_run r
 where ($1::timestamptz is null or (r.requested_at, r.id) < ($1::timestamptz, $2::uuid))
 order by r.requested_at desc, r.id desc
 limit $3::int

-- name: billing_run_get
select json_build_object({{asked}}, 'started_at', r.started_at,
         {{come_of_it}}, 'requested_by', r.requested_by,
         'override_incomplete_reason', r.override_incomplete_reason,
         'items', coalesce((select json_agg(json_build_object('id', d.id, 'kind', d.kind, 'state', d.state, 'number', d.number,
              'org', coalesce(d.buyer ->> 'name', ''), 'currency', d.currency, 'total', d.total::text, 'blocked_by', d.blocked_by)
              order by d.kind, d.number)
              from (select * from document x where x.run_id = r.id limit 1000) d), '[]'))::text
  from billing_run r where r.id = $1::uuid

-- The month must have ended unless it is closed early. It ends last in the zone furthest behind (UTC-12).
-- name: billing_run_create
insert into billing_run (period, close_early, reason, override_incomplete_reason, requested_by)
select $1, $2::boolean, $3, $4, $5
 where $2::boolean or period_ends($1, 'UTC') + interval '12 hours' <= now()
returning id::text
