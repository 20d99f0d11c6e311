-- Produce batches that are kept: written with the batch that told them, settled behind it in a transaction of its
-- own (settle_produced in commit.sql). What is settled may be another meter's principal's. Locks are taken in one
-- order everywhere: topics here, then rows of usage.

-- All of them, or those kept since the horizon, below which no later transaction changes any. One row without a
-- topic where there is none.
-- name: written_topics
-- columns: horizon, topic, writer, kept
SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS horizon, b.topic, b.writer, b.kept
  FROM (SELECT) AS one
  LEFT JOIN batch_topic b ON b.cluster_id = $1

-- name: kept_topics_since
-- columns: horizon, topic, writer, kept
SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS horizon, b.topic, b.writer, b.kept
  FROM (SELECT) AS one
  LEFT JOIN batch_topic b ON b.cluster_id = $1 AND b.kept AND b.changed_xid >= $2::xid8

-- name: put_written_topics
-- columns: topic, writer, kept
INSERT INTO batch_topic AS b (cluster_id, topic, writer, several, shared, unplaced_from, unplaced_to)
SELECT $1::uuid, d.topic, nullif(d.writer, ''), d.several, d.shared, d.unplaced_from, d.unplaced_to
  FROM unnest($2::text[], $3::text[], $4::bool[], $5::bool[], $6::timestamptz[], $7::timestamptz[])
       AS d (topic, writer, several, shared, unplaced_from, unplaced_to)
 ORDER BY d.topic
ON CONFLICT (cluster_id, topic) DO UPDATE
   SET writer = coalesce(b.writer, excluded.writer),
       several = b.several OR excluded.several OR coalesce(b.writer <> excluded.writer, false),
       shared = b.shared OR excluded.shared,
       unplaced_from = least(b.unplaced_from, excluded.unplaced_from),
       unplaced_to = greatest(b.unplaced_to, excluded.unplaced_to)
RETURNING topic, writer, kept

-- name: add_produce_batches
INSERT INTO produce_batch (cluster_id, topic, partition, base_offset, bytes, principal, named, from_at, day_from_at, at)
SELECT $1::uuid, d.*
  FROM unnest($2::text[], $3::int8[], $4::int8[], $5::int8[], $6::text[], $7::text[], $8::timestamptz[],
              $9::timestamptz[], $10::timestamptz[]) AS d
ON CONFLICT (cluster_id, topic, partition, base_offset) DO NOTHING

-- name: add_readings
INSERT INTO produce_reading (cluster_id, topic, partition, first_offset, last_offset, messages, principal, named,
       delivery, from_at, day_from_at, at)
SELECT $1::uuid, d.*
  FROM unnest($2::text[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::text[], $8::text[], $9::int8[],
              $10::timestamptz[], $11::timestamptz[], $12::timestamptz[]) AS d

-- Up to when all partitions of the log have been read, by whichever meter; null: not known. A broker that was not
-- heard in one for 25 hours is not waited for.
-- name: read_by_all
-- columns: at
WITH broker AS (
    SELECT broker_id, max(listed_at) AS listed_at
      FROM (SELECT broker_id, listed_at FROM cluster_broker WHERE cluster_id = $1
            UNION ALL SELECT broker_id, NULL FROM meter_position WHERE cluster_id = $1) AS known
     GROUP BY broker_id
), newest AS (
    SELECT max(heard_at) AS at FROM meter_position WHERE cluster_id = $1
)
SELECT CASE WHEN count(*) = count(p.broker_time) THEN min(p.broker_time) END AS at
  FROM meter_partition m
 CROSS JOIN broker b
 CROSS JOIN newest
  LEFT JOIN meter_position p ON p.cluster_id = m.cluster_id AND p.log_partition = m.log_partition
                            AND p.broker_id = b.broker_id
 WHERE m.cluster_id = $1
   AND NOT coalesce(coalesce(p.heard_at, b.listed_at) < newest.at - interval '25 hours', false)

-- --- settling ---------------------------------------------------------------------------------------------------

-- name: lock_pending_topics
-- columns: topic
SELECT topic
  FROM batch_topic
 WHERE cluster_id = $1 AND topic IN (SELECT topic FROM produce_batch WHERE cluster_id = $1 AND pending)
 ORDER BY topic
   FOR NO KEY UPDATE

-- Readings up to $2 that wait.
-- name: lock_read_topics
-- columns: topic
SELECT topic
  FROM batch_topic
 WHERE cluster_id = $1
   AND topic IN (SELECT topic FROM produce_reading WHERE cluster_id = $1 AND at <= $2::timestamptz)
 ORDER BY topic
   FOR NO KEY UPDATE

-- Topics known by name whose ids have been learned since: each id that bears or bore the name is as much to be kept.
-- name: lock_renamed_topics
-- columns: topic
SELECT topic
  FROM batch_topic b
 WHERE cluster_id = $1
   AND EXISTS (SELECT FROM topic t
                WHERE t.cluster_id = $1 AND t.name = b.topic
                  AND (NOT b.wanted OR NOT EXISTS (SELECT FROM batch_topic i
                        WHERE i.cluster_id = $1 AND i.topic = t.topic_id AND i.wanted)))
 ORDER BY topic
   FOR UPDATE

-- name: put_topics_of_names
INSERT INTO batch_topic AS b (cluster_id, topic, writer, several, shared, wanted, unplaced_from, unplaced_to)
SELECT DISTINCT ON (t.topic_id) $1::uuid, t.topic_id, n.writer, n.several, n.shared, n.wanted, n.unplaced_from,
       n.unplaced_to
  FROM batch_topic n
  JOIN topic t ON t.cluster_id = n.cluster_id AND t.name = n.topic
 WHERE n.cluster_id = $1 AND n.topic = ANY ($2::text[])
 ORDER BY t.topic_id
ON CONFLICT (cluster_id, topic) DO UPDATE
   SET writer = coalesce(b.writer, excluded.writer),
       several = b.several OR excluded.several OR coalesce(b.writer <> excluded.writer, false),
       shared = b.shared OR excluded.shared,
       wanted = b.wanted OR excluded.wanted,
       unplaced_from = least(b.unplaced_from, excluded.unplaced_from),
       unplaced_to = greatest(b.unplaced_to, excluded.unplaced_to)

-- Batches told by the name go to the id that bore it then: of those that were not gone, the one seen first.
-- name: move_batches_of_names
UPDATE produce_batch b
   SET pending = true,
       topic = coalesce((SELECT t.topic_id FROM topic t
                          WHERE t.cluster_id = b.cluster_id AND t.name = b.topic
                            AND (t.deleted_at IS NULL OR b.at <= t.deleted_at)
                          ORDER BY t.deleted_at NULLS LAST, t.seen_at
                          LIMIT 1), b.topic)
 WHERE b.cluster_id = $1 AND b.topic = ANY ($2::text[])

-- name: move_readings_of_names
UPDATE produce_reading r
   SET topic = coalesce((SELECT t.topic_id FROM topic t
                          WHERE t.cluster_id = r.cluster_id AND t.name = r.topic
                            AND (t.deleted_at IS NULL OR r.at <= t.deleted_at)
                          ORDER BY t.deleted_at NULLS LAST, t.seen_at
                          LIMIT 1), r.topic)
 WHERE r.cluster_id = $1 AND r.topic = ANY ($2::text[])

-- name: drop_names
DELETE FROM batch_topic b
 WHERE b.cluster_id = $1 AND b.topic = ANY ($2::text[]) AND NOT b.wanted
   AND NOT EXISTS (SELECT FROM produce_batch p WHERE p.cluster_id = $1 AND p.topic = b.topic)

-- --- letting go -------------------------------------------------------------------------------------------------

-- Batches of before $2, and of a topic with more than $3 the oldest; but the last of each partition stays: what
-- comes late is measured from it. Not more than $4 at a time.
-- name: prune_batches
WITH topics AS MATERIALIZED (
    SELECT t.topic, t.batches > $3::int8 AS capped,
           greatest($2::timestamptz,
                    (SELECT b.at FROM produce_batch b
                      WHERE t.batches > $3::int8 AND b.cluster_id = t.cluster_id AND b.topic = t.topic
                      ORDER BY b.at DESC OFFSET $3::int8 - 2 LIMIT 1)) AS before_at
      FROM batch_topic t
     WHERE t.cluster_id = $1 AND t.batches > 0
     ORDER BY t.topic
       FOR NO KEY UPDATE
), gone AS (
    DELETE FROM produce_batch b
     USING (SELECT b.topic, b.partition, b.base_offset, t.before_at
              FROM topics t
              JOIN produce_batch b ON b.cluster_id = $1 AND b.topic = t.topic AND b.at < t.before_at
             CROSS JOIN LATERAL (SELECT n.at FROM produce_batch n
                                  WHERE n.cluster_id = $1 AND n.topic = b.topic AND n.partition = b.partition
                                    AND n.base_offset > b.base_offset
                                  ORDER BY n.base_offset LIMIT 1) n
             WHERE NOT b.pending AND n.at < t.before_at
             LIMIT $4::int8) d
     WHERE b.cluster_id = $1 AND b.topic = d.topic AND b.partition = d.partition AND b.base_offset = d.base_offset
    RETURNING b.topic, b.at
)
UPDATE batch_topic b
   SET batches = b.batches - g.batches, gone_to = greatest(b.gone_to, g.to_at),
       capped_at = CASE WHEN t.capped THEN now() ELSE b.capped_at END
  FROM (SELECT topic, count(*) AS batches, max(at) AS to_at FROM gone GROUP BY topic) g
  JOIN topics t USING (topic)
 WHERE b.cluster_id = $1 AND b.topic = g.topic
