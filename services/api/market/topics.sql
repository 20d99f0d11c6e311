-- piece: topic
json_build_object('id', t.id, 'org_id', t.org_id, 'cluster_id', t.cluster_id, 'name', t.name,
         'partitions', t.partitions, 'retention_ms', t.retention_ms, 'max_message_bytes', t.max_message_bytes,
         'state', t.state, 'reason', t.reason, 'created_at', t.created_at, 'decided_at', t.decided_at)
-- piece: topic_limit
json_build_object('org_id', l.org_id, 'cluster_id', l.cluster_id, 'topics_max', l.topics_max,
         'partitions_max', l.partitions_max, 'retention_ms_max', l.retention_ms_max,
         'message_bytes_max', l.message_bytes_max, 'version', l.version)

-- One request of an organisation at a time, so that its count of topics holds.
-- name: topic_organisation_lock
select o.id from organisation o where o.id = $1::uuid for no key update

-- What the organisation may have on the cluster, and the topic of that name that it has there already:
-- `same` if that one is as it was asked for now.
-- name: topic_offer
-- columns: topic_prefix, topics_max, partitions_max, retention_ms_max, message_bytes_max, topics, stands, same
select (select g.topic_prefix from producer_grant g
         where g.org_id = l.org_id and g.cluster_id = l.cluster_id and g.revoked_at is null
         order by g.created_at desc limit 1) as topic_prefix,
       l.topics_max, l.partitions_max, l.retention_ms_max, l.message_bytes_max,
       (select count(*) from topic_request t
         where t.org_id = l.org_id and t.cluster_id = l.cluster_id and t.state <> 'refused') as topics,
       t.id is not null as stands,
       case when t.partitions = coalesce($4::bigint, t.partitions)
             and t.retention_ms = coalesce($5::bigint, t.retention_ms)
             and t.max_message_bytes = coalesce($6::bigint, t.max_message_bytes) then {{topic}} end as same
  from cluster c
  left join topic_limit l on l.org_id = $1::uuid and l.cluster_id = c.id
  left join topic_request t on t.org_id = l.org_id and t.cluster_id = c.id and t.name = $3 and t.state <> 'refused'
 where c.id = $2::uuid

-- name: topic_insert
-- columns: json, version, id
insert into topic_request as t (org_id, cluster_id, name, partitions, retention_ms, max_message_bytes)
values ($1::uuid, $2::uuid, $3, $4::int, $5::bigint, $6::int)
returning {{topic}} as json,
          null::bigint as version, t.id

-- name: topic_list
-- columns: json, created_at, id
select {{topic}} as json,
       t.created_at, t.id
  from topic_request t
 where ($1::text is null or t.state = $1)
   and ($2::uuid is null or t.cluster_id = $2::uuid)
   and ($3::timestamptz is null or (t.created_at, t.id) < ($3::timestamptz, $4::uuid))
 order by t.created_at desc, t.id desc
 limit $5::bigint

-- name: topic_get
select {{topic}}
  from topic_request t
 where t.id = $1::uuid

-- name: topic_limit_list
-- columns: json, org_id, cluster_id
select {{topic_limit}} as json,
       l.org_id, l.cluster_id
  from topic_limit l
 where $1::uuid is null or (l.org_id, l.cluster_id) > ($1::uuid, $2::uuid)
 order by l.org_id, l.cluster_id
 limit $3::bigint

-- The operator's, as the policy says; there is a row once the organisation has a producer grant there.
-- name: topic_limit_update
-- columns: json, version
update topic_limit l
   set topics_max = coalesce($3::int, topics_max), partitions_max = coalesce($4::int, partitions_max),
       retention_ms_max = coalesce($5::bigint, retention_ms_max),
       message_bytes_max = coalesce($6::int, message_bytes_max)
 where l.org_id = $1::uuid and l.cluster_id = $2::uuid
returning {{topic_limit}} as json,
          l.version
