-- For the operator and its SREs: what could not be read, what nobody pays for, what is missing.

-- piece: dead_letter
'id', d.id, 'cluster', c.name, 'broker_id', d.broker_id, 'generation', d.generation,
         'byte_offset', d.byte_offset, 'reason', d.reason, 'detail', d.detail, 'principal', d.principal,
         'api', d.api, 'line_bytes', d.line_bytes,
         'line_at', d.line_at, 'received_at', d.received_at, 'replayed_at', d.replayed_at

-- name: dead_letter_list
select json_build_object({{dead_letter}})::text,
       d.id::text
  from dead_letter d left join cluster c on c.id = d.cluster_id
 where ($1::text is null or d.reason = $1) and ($2::bigint is null or d.id < $2::bigint)
 order by d.id desc
 limit $3::int

-- name: dead_letter_get
select json_build_object({{dead_letter}},
         'head', translate(encode(d.head, 'base64'), E'\n', ''))::text
  from dead_letter d left join cluster c on c.id = d.cluster_id
 where d.id = $1::bigint

-- Tells rows of one time apart.
-- piece: row_key
concat_ws(chr(31), u.cluster_id, u.principal, u.topic, u.delivery)

-- Usage under a topic's id and under its name is one row, so that no page ends between the two.
-- name: unbound_usage_list
-- columns: json, from_at, key
select json_build_object('cluster', c.name, 'principal', u.principal, 'topic', u.topic,
         'delivery', delivery_name(u.delivery), 'from_at', u.from_at, 'bytes', sum(u.bytes)::text,
         'messages', sum(u.messages)::text, 'fetches', sum(u.fetches)::text, 'produced_bytes', sum(u.produced_bytes)::text,
         'reason', case when not exists (select from application a where a.principal = u.principal) then 'unknown_principal'
                        else 'no_grant' end)::text as json,
       u.from_at::text, {{row_key}} as key
  from usage_bound u left join cluster c on c.id = u.cluster_id
 where u.subscription_id is null and u.bytes + u.messages + u.share_messages > 0
   and ($1::timestamptz is null or u.from_at < $1::timestamptz
        or (u.from_at = $1::timestamptz and {{row_key}} > $2))
 group by u.from_at, u.cluster_id, u.principal, u.topic, u.delivery, c.name
 order by u.from_at desc, {{row_key}}
 limit $3::int

-- name: hole_list
select json_build_object('id', h.id, 'cluster', c.name, 'broker_id', h.broker_id, 'kind', h.kind,
         'from', json_build_object('generation', h.from_generation, 'offset', h.from_offset, 'at', h.from_at),
         'to', json_build_object('generation', h.to_generation, 'offset', h.to_offset, 'at', h.to_at),
         'principal', h.principal, 'topic', h.topic, 'lines_at_least', h.lines_at_least,
         'bytes_at_least', h.bytes_at_least, 'noticed_at', h.noticed_at)::text,
       h.id::text
  from log_hole h left join cluster c on c.id = h.cluster_id
 where $1::bigint is null or h.id < $1::bigint
 order by h.id desc
 limit $2::int

-- name: gap_list
select json_build_object('cluster', c.name, 'log_partition', g.log_partition, 'broker_id', g.broker_id,
         'generation', g.generation, 'byte_offset', g.byte_offset, 'records', g.records,
         'first_seen_at', g.first_seen_at, 'last_seen_at', g.last_seen_at, 'closed_at', g.closed_at)::text
  from log_gap g left join cluster c on c.id = g.cluster_id
 order by g.first_seen_at desc
 limit 1000
