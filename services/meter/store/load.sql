-- Read at start and whenever partitions are assigned or memory is dropped.

-- A meter that hangs inside a transaction must not hold its locks for ever.
-- name: session
SELECT set_config('idle_in_transaction_session_timeout', $1, false)

-- name: cluster
-- columns: id, log_topic, metering_class
SELECT id, log_topic, metering_class FROM cluster WHERE name = $1

-- name: make_partitions
INSERT INTO meter_partition (cluster_id, log_partition, next_offset)
SELECT $1::uuid, n, 0 FROM unnest($2::int8[]) AS n
ON CONFLICT DO NOTHING

-- Each commit makes another version of the row, also one that leaves the offset where it is.
-- name: partitions
-- columns: log_partition, next_offset, version
SELECT log_partition, next_offset, xmin::text::int8 AS version
  FROM meter_partition
 WHERE cluster_id = $1 AND log_partition = ANY ($2::int8[])

-- name: positions
-- columns: log_partition, broker_id, generation, byte_offset, broker_time, heard_at
SELECT log_partition, broker_id, generation, byte_offset, broker_time, heard_at
  FROM meter_position
 WHERE cluster_id = $1 AND log_partition = ANY ($2::int8[])

-- name: open_gaps
-- columns: log_partition, broker_id
SELECT DISTINCT log_partition, broker_id
  FROM log_gap
 WHERE cluster_id = $1 AND log_partition = ANY ($2::int8[]) AND closed_at IS NULL

-- name: states
-- columns: log_partition, principal, state
SELECT log_partition, principal, state
  FROM meter_state
 WHERE cluster_id = $1 AND log_partition = $2

-- What was produced into topics, as lines name them, on the latest day that has both figures.
-- name: produced
-- columns: topic, bytes, messages
SELECT w.topic, d.bytes, d.messages
  FROM unnest($2::text[]) AS w (topic), LATERAL (
       SELECT sum(u.produced_bytes) AS bytes, sum(u.produced_messages) AS messages
         FROM usage_day u
        WHERE u.cluster_id = $1
          AND u.topic IN (SELECT w.topic
                    UNION SELECT t.topic_id FROM topic t WHERE t.cluster_id = $1 AND t.name = w.topic
                    UNION SELECT t.name FROM topic t WHERE t.cluster_id = $1 AND t.topic_id = w.topic)
        GROUP BY date_trunc('day', u.from_at, 'UTC')
       HAVING sum(u.produced_bytes) > 0 AND sum(u.produced_messages) > 0
        ORDER BY date_trunc('day', u.from_at, 'UTC') DESC
        LIMIT 1) d

-- name: topics
-- columns: topic_id, name, seen_at, deleted_at
SELECT topic_id, name, seen_at, deleted_at FROM topic WHERE cluster_id = $1

-- name: brokers
-- columns: broker_id, listed_at
SELECT broker_id, listed_at FROM cluster_broker WHERE cluster_id = $1

-- The horizon: what later transactions change carries a number that is not below it. One row for each principal
-- with its borders, each once; one row without a principal where there is none. The stamp tells whether any of
-- its grants has changed: transactions have rising numbers.
-- piece: borders
SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS horizon, c.principal, c.begins, c.ends, c.bound_from, c.stamp
  FROM (SELECT) AS one
  LEFT JOIN LATERAL (
        SELECT a.principal, array_to_string(g.begins, ',') AS begins, array_to_string(g.ends, ',') AS ends,
               CASE WHEN isfinite(a.bound_from) THEN a.bound_from END AS bound_from, g.stamp::text AS stamp
          FROM (SELECT application_id, array_agg(DISTINCT lower(during)) AS begins,
                       array_agg(DISTINCT upper(during)) FILTER (WHERE isfinite(upper(during))) AS ends,
                       sum(changed_xid::text::int8) AS stamp
                  FROM grant_period
                 WHERE cluster_id = $1 AND NOT shadow
-- piece: of_principals
                 GROUP BY application_id) g
          JOIN application a ON a.id = g.application_id) AS c ON true

-- name: grants
-- columns: horizon, principal, begins, ends, bound_from, stamp
{{borders}}
{{of_principals}}

-- name: grants_changed
-- columns: horizon, principal, begins, ends, bound_from, stamp
{{borders}}
                   AND application_id IN (SELECT application_id FROM grant_period
                                           WHERE cluster_id = $1 AND changed_xid >= $2::xid8)
{{of_principals}}
