-- What is the operator's alone (log topic, partitions, brokers) is null for the others.
-- piece: fields
'id', c.id, 'name', c.name, 'bootstrap_servers', c.bootstrap_servers,
           'security_protocol', c.security_protocol, 'audience', c.audience, 'metering_class', c.metering_class,
           'log_topic', case when weir_operator() then c.log_topic end,
           'log_partitions', case when weir_operator() then c.log_partitions end
-- piece: cluster
json_build_object(
           {{fields}},
           'brokers', case when weir_operator() then
               (select coalesce(json_agg(broker_id order by broker_id), '[]')
                  from cluster_broker b where b.cluster_id = c.id) end,
           'created_at', c.created_at, 'version', c.version)

-- The operator's, as the policies say. Its brokers are not in the table yet when they are shown.
-- name: cluster_insert
-- columns: json, version, id
with c as (
    insert into cluster (name, bootstrap_servers, audience, metering_class, log_topic, log_partitions, security_protocol)
    values ($1, $2, $3, $4, 'weir.broker-log.' || $1, $5::int, coalesce($7, 'SASL_SSL'))
    returning *
), b as (
    insert into cluster_broker (cluster_id, broker_id)
    select c.id, x from c, unnest($6::int[]) as x
    returning broker_id
)
select json_build_object(
           {{fields}},
           'brokers', (select coalesce(json_agg(broker_id order by broker_id), '[]') from b),
           'created_at', c.created_at, 'version', c.version) as json,
       c.version, c.id
  from c

-- name: cluster_list
select {{cluster}},
       c.name
  from cluster c
 where $1::text is null or c.name > $1
 order by c.name
 limit $2::bigint

-- name: cluster_get
select {{cluster}},
       c.version
  from cluster c
 where c.id = $1::uuid
