-- One transaction per batch: usage, evidence, state, letters, holes, gaps, positions. The partitions
-- are locked first, in their order, so that two meters never wait for each other in a circle.

-- name: lock_partitions
-- columns: log_partition, version
SELECT log_partition, xmin::text::int8 AS version
  FROM meter_partition
 WHERE cluster_id = $1 AND log_partition = ANY ($2::int8[])
 ORDER BY log_partition
   FOR NO KEY UPDATE

-- $2: batches of topics that were kept below this transaction have been handed over.
-- name: advance_partitions
-- columns: log_partition, version
UPDATE meter_partition p
   SET next_offset = d.next_offset, committed_at = now(), kept_horizon = $2::xid8
  FROM unnest($3::int8[], $4::int8[], $5::int8[]) AS d (log_partition, expected, next_offset)
 WHERE p.cluster_id = $1 AND p.log_partition = d.log_partition AND p.next_offset = d.expected
RETURNING p.log_partition, p.xmin::text::int8 AS version

-- piece: counters_told
bytes, messages, fetches, open_fetches, share_messages, produced_bytes, produced_messages,
           derived_messages, derived_fetches, share_unknown
-- Those that only settling tells, too.
-- piece: counters
{{counters_told}}, share_bytes
-- A row of usage from one of d and its payer p.
-- piece: usage_row
(cluster_id, principal, topic, delivery, from_at, subscription_id, application_id, metering_class,
           {{counters}})
    SELECT $1::uuid, d.principal, d.topic, d.delivery, d.from_at, p.subscription_id, p.application_id, $2::text,
           {{counters}}
-- Whether q is d's row and has a payer already.
-- piece: paid_row
q.cluster_id = $1::uuid AND q.principal = d.principal AND q.topic = d.topic
                       AND q.delivery = d.delivery AND q.from_at = d.from_at
                       AND q.subscription_id IS NOT NULL
-- piece: add_to_row
ORDER BY d.principal, d.topic, d.delivery, d.from_at
    ON CONFLICT (cluster_id, principal, topic, delivery, from_at) DO UPDATE
       SET subscription_id = coalesce(u.subscription_id, excluded.subscription_id),
           application_id = coalesce(u.application_id, excluded.application_id),
           bytes = u.bytes + excluded.bytes,
           messages = u.messages + excluded.messages,
           fetches = u.fetches + excluded.fetches,
           open_fetches = u.open_fetches + excluded.open_fetches,
           share_messages = u.share_messages + excluded.share_messages,
           produced_bytes = u.produced_bytes + excluded.produced_bytes,
           produced_messages = u.produced_messages + excluded.produced_messages,
           derived_messages = u.derived_messages + excluded.derived_messages,
           derived_fetches = u.derived_fetches + excluded.derived_fetches,
           share_unknown = u.share_unknown + excluded.share_unknown,
           share_bytes = u.share_bytes + excluded.share_bytes

-- What a batch of deltas adds to quarter rows and day rows, the same to both. A payer is looked up only where no row
-- with one exists yet.
-- piece: quarters_and_days
quarter AS (
    INSERT INTO usage_quarter AS u {{usage_row}}
      FROM batch d
      LEFT JOIN LATERAL (
            SELECT a.subscription_id, a.application_id
              FROM payer_at($1::uuid, d.principal, d.topic, d.from_at) a
             WHERE NOT EXISTS (SELECT FROM usage_quarter q WHERE {{paid_row}})) p ON true
     {{add_to_row}}
    RETURNING u.subscription_id, u.principal, u.topic, u.delivery, u.from_at
), day AS (
    INSERT INTO usage_day AS u {{usage_row}}
      FROM (SELECT principal, topic, delivery, day_from_at AS from_at, sum(bytes) AS bytes,
                   sum(messages) AS messages, sum(fetches) AS fetches,
                   sum(open_fetches) AS open_fetches, sum(share_messages) AS share_messages,
                   sum(produced_bytes) AS produced_bytes, sum(produced_messages) AS produced_messages,
                   sum(derived_messages) AS derived_messages, sum(derived_fetches) AS derived_fetches,
                   sum(share_unknown) AS share_unknown, sum(share_bytes) AS share_bytes
              FROM batch GROUP BY principal, topic, delivery, day_from_at) d
      LEFT JOIN LATERAL (
            SELECT a.subscription_id, a.application_id
              FROM payer_at($1::uuid, d.principal, d.topic, d.from_at) a
             WHERE NOT EXISTS (SELECT FROM usage_day q WHERE {{paid_row}})) p ON true
     {{add_to_row}}
), touched AS (
    INSERT INTO usage_touch (subscription_id)
    SELECT DISTINCT subscription_id FROM quarter WHERE subscription_id IS NOT NULL ORDER BY 1
    ON CONFLICT (subscription_id) DO UPDATE SET touched_at = clock_timestamp()
)

-- Returns the bytes nobody owns.
-- name: add_usage
WITH batch AS MATERIALIZED (
    SELECT *, 0 AS share_bytes
      FROM unnest($3::text[], $4::text[], $5::int8[], $6::timestamptz[], $7::timestamptz[], $8::numeric[],
                  $9::numeric[], $10::numeric[], $11::numeric[], $12::numeric[], $13::numeric[], $14::numeric[],
                  $15::numeric[], $16::numeric[], $17::numeric[])
           AS d (principal, topic, delivery, from_at, day_from_at, {{counters_told}})
), {{quarters_and_days}}
SELECT coalesce(sum(d.bytes), 0)
  FROM quarter q
  JOIN batch d USING (principal, topic, from_at)
 WHERE q.subscription_id IS NULL AND d.delivery = q.delivery

-- Messages of produce batches, by difference to what their rows of usage have: of those pending, and of the one
-- below each, whose end they are. The topics ($3) are locked. Returns how many were looked at.
-- name: settle_produced
WITH looked_at AS (
    SELECT topic, partition, base_offset FROM produce_batch
     WHERE cluster_id = $1 AND topic = ANY ($3::text[]) AND pending
    UNION
    SELECT b.topic, b.partition, below.base_offset
      FROM produce_batch b
     CROSS JOIN LATERAL (SELECT p.base_offset FROM produce_batch p
                          WHERE p.cluster_id = $1 AND p.topic = b.topic AND p.partition = b.partition
                            AND p.base_offset < b.base_offset
                          ORDER BY p.base_offset DESC LIMIT 1) below
     WHERE b.cluster_id = $1 AND b.topic = ANY ($3::text[]) AND b.pending
), ended AS MATERIALIZED (
    SELECT b.topic, b.partition, b.base_offset, b.counted, coalesce(above.base_offset - b.base_offset, 0) AS messages
      FROM looked_at l
      JOIN produce_batch b ON b.cluster_id = $1 AND b.topic = l.topic AND b.partition = l.partition
                          AND b.base_offset = l.base_offset
      LEFT JOIN LATERAL (SELECT n.base_offset FROM produce_batch n
                          WHERE n.cluster_id = $1 AND n.topic = b.topic AND n.partition = b.partition
                            AND n.base_offset > b.base_offset
                          ORDER BY n.base_offset LIMIT 1) above ON true
), settled AS (
    UPDATE produce_batch b
       SET counted = e.messages, pending = false
      FROM ended e
     WHERE b.cluster_id = $1 AND b.topic = e.topic AND b.partition = e.partition AND b.base_offset = e.base_offset
    RETURNING b.topic, b.principal, b.named, b.from_at, b.day_from_at, e.counted IS NULL AS is_new,
              e.messages - coalesce(e.counted, 0) AS more
), kept AS (
    UPDATE batch_topic t
       SET batches = t.batches + s.batches
      FROM (SELECT topic, count(*) AS batches FROM settled WHERE is_new GROUP BY topic) s
     WHERE t.cluster_id = $1 AND t.topic = s.topic
), batch AS MATERIALIZED (
    SELECT principal, named AS topic, 0 AS delivery, from_at, min(day_from_at) AS day_from_at, 0 AS bytes,
           0 AS messages, 0 AS fetches, 0 AS open_fetches, 0 AS share_messages, 0 AS produced_bytes,
           sum(more) AS produced_messages, 0 AS derived_messages, 0 AS derived_fetches, 0 AS share_unknown,
           0 AS share_bytes
      FROM settled
     WHERE more <> 0
     GROUP BY principal, named, from_at
), {{quarters_and_days}}
SELECT count(*) FROM settled

-- Bytes of what share groups were sent: of whole batches. A reading is settled once all partitions of the log have
-- been read past it ($4) and every meter has handed over the topic's batches; where one is missing then, or may be,
-- its bytes stay unknown. The topics ($3) are locked. Returns how many were settled.
-- name: settle_readings
WITH heard AS (
    SELECT CASE WHEN count(*) = count(kept_horizon) THEN min(kept_horizon::text::int8) END AS of
      FROM meter_partition
     WHERE cluster_id = $1
), ready AS MATERIALIZED (
    SELECT r.id, r.principal, r.named, r.delivery, r.from_at, r.day_from_at, r.messages, s.bytes,
           coalesce(s.known AND (t.gone_to IS NULL OR b.at > t.gone_to + interval '10 minutes')
                    AND (t.unplaced_from IS NULL OR t.unplaced_from > r.at
                         OR t.unplaced_to < b.at - interval '1 minute'), false) AS known
      FROM produce_reading r
      JOIN batch_topic t ON t.cluster_id = r.cluster_id AND t.topic = r.topic
      JOIN heard ON t.changed_xid::text::int8 < heard.of
      LEFT JOIN LATERAL (SELECT p.base_offset, p.at FROM produce_batch p
                          WHERE p.cluster_id = $1 AND p.topic = r.topic AND p.partition = r.partition
                            AND p.base_offset <= r.first_offset
                          ORDER BY p.base_offset DESC LIMIT 1) b ON true
      LEFT JOIN LATERAL (SELECT sum(p.bytes) AS bytes, count(*) = count(p.bytes) AS known FROM produce_batch p
                          WHERE p.cluster_id = $1 AND p.topic = r.topic AND p.partition = r.partition
                            AND p.base_offset BETWEEN b.base_offset AND r.last_offset) s ON b.base_offset IS NOT NULL
     WHERE r.cluster_id = $1 AND r.topic = ANY ($3::text[]) AND r.at <= $4::timestamptz
     ORDER BY r.at
     LIMIT 20000
), gone AS (
    DELETE FROM produce_reading r USING ready d WHERE r.id = d.id
    RETURNING d.*
), batch AS MATERIALIZED (
    SELECT principal, named AS topic, delivery, from_at, min(day_from_at) AS day_from_at, 0 AS bytes,
           0 AS messages, 0 AS fetches, 0 AS open_fetches, 0 AS share_messages, 0 AS produced_bytes,
           0 AS produced_messages, 0 AS derived_messages, 0 AS derived_fetches, -sum(messages) AS share_unknown,
           sum(bytes) AS share_bytes
      FROM gone
     WHERE known
     GROUP BY principal, named, delivery, from_at
), {{quarters_and_days}}
SELECT count(*) FROM gone

-- The first and the last position of both, and the lines of both.
-- piece: widen_positions
first_generation = CASE WHEN (excluded.first_generation, excluded.first_offset)
                                    < (u.first_generation, u.first_offset)
                               THEN excluded.first_generation ELSE u.first_generation END,
       first_offset = CASE WHEN (excluded.first_generation, excluded.first_offset)
                                < (u.first_generation, u.first_offset)
                           THEN excluded.first_offset ELSE u.first_offset END,
       last_generation = CASE WHEN (excluded.last_generation, excluded.last_offset)
                                   > (u.last_generation, u.last_offset)
                              THEN excluded.last_generation ELSE u.last_generation END,
       last_offset = CASE WHEN (excluded.last_generation, excluded.last_offset)
                               > (u.last_generation, u.last_offset)
                          THEN excluded.last_offset ELSE u.last_offset END,
       lines = u.lines + excluded.lines

-- name: add_evidence
INSERT INTO usage_evidence AS u (cluster_id, principal, topic, delivery, from_at, broker_id,
       first_generation, first_offset, last_generation, last_offset, lines)
SELECT $1::uuid, d.*
  FROM unnest($2::text[], $3::text[], $4::int8[], $5::timestamptz[], $6::int8[], $7::int8[], $8::int8[],
              $9::int8[], $10::int8[], $11::int8[]) AS d
ON CONFLICT (cluster_id, principal, topic, delivery, from_at, broker_id) DO UPDATE
   SET {{widen_positions}}

-- name: put_states
INSERT INTO meter_state AS s (cluster_id, log_partition, principal, state)
SELECT $1::uuid, d.* FROM unnest($2::int8[], $3::text[], $4::bytea[]) AS d
ON CONFLICT (cluster_id, log_partition, principal) DO UPDATE SET state = excluded.state, updated_at = now()

-- name: remove_states
DELETE FROM meter_state s
 USING unnest($2::int8[], $3::text[]) AS d (log_partition, principal)
 WHERE s.cluster_id = $1 AND s.log_partition = d.log_partition AND s.principal = d.principal

-- Every partition carries the same facts, and so may another meter's batch: one row per id, in order.
-- An id whose name was never told is left out.
-- name: put_topics
INSERT INTO topic AS t (cluster_id, topic_id, name, seen_at, deleted_at)
SELECT $1::uuid, d.topic_id, max(d.name), min(d.at), min(d.at) FILTER (WHERE d.deleted)
  FROM unnest($2::text[], $3::text[], $4::timestamptz[], $5::bool[]) AS d (topic_id, name, at, deleted)
 WHERE d.name <> ''
 GROUP BY d.topic_id
 ORDER BY d.topic_id
ON CONFLICT (cluster_id, topic_id) DO UPDATE
   SET seen_at = least(t.seen_at, excluded.seen_at),
       deleted_at = coalesce(t.deleted_at, excluded.deleted_at)
 WHERE t.seen_at > excluded.seen_at OR (t.deleted_at IS NULL AND excluded.deleted_at IS NOT NULL)

-- name: end_topics
UPDATE topic t
   SET deleted_at = d.at
  FROM (SELECT topic_id, min(at) AS at
          FROM unnest($2::text[], $3::text[], $4::timestamptz[], $5::bool[]) AS d (topic_id, name, at, deleted)
         WHERE name = '' AND deleted
         GROUP BY topic_id) AS d
 WHERE t.cluster_id = $1 AND t.topic_id = d.topic_id AND t.deleted_at IS NULL

-- name: dead_letters_of_hour
-- columns: broker_id, reason, lines
SELECT broker_id, reason, count(*) AS lines
  FROM dead_letter
 WHERE cluster_id = $1 AND received_at >= date_trunc('hour', now())
 GROUP BY broker_id, reason

-- name: add_dead_letters
INSERT INTO dead_letter (cluster_id, log_partition, broker_id, generation, byte_offset, reason, detail, head,
       line_bytes, line_at, principal, api)
SELECT $1::uuid, d.log_partition, d.broker_id, d.generation, d.byte_offset, d.reason, nullif(d.detail, ''), d.head,
       d.line_bytes, d.line_at, nullif(d.principal, ''), nullif(d.api, '')
  FROM unnest($2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::text[], $7::text[], $8::bytea[], $9::int8[],
              $10::timestamptz[], $11::text[], $12::text[])
       AS d (log_partition, broker_id, generation, byte_offset, reason, detail, head, line_bytes, line_at, principal, api)
ON CONFLICT (cluster_id, broker_id, generation, byte_offset, reason) WHERE reason <> 'refused' DO NOTHING

-- name: add_floods
INSERT INTO dead_letter_flood AS u (cluster_id, broker_id, reason, hour, lines, first_generation, first_offset,
       last_generation, last_offset)
SELECT $1::uuid, d.broker_id, d.reason, date_trunc('hour', now()), d.lines, d.first_generation, d.first_offset,
       d.last_generation, d.last_offset
  FROM unnest($2::int8[], $3::text[], $4::int8[], $5::int8[], $6::int8[], $7::int8[], $8::int8[])
       AS d (broker_id, reason, lines, first_generation, first_offset, last_generation, last_offset)
 ORDER BY d.broker_id, d.reason
ON CONFLICT (cluster_id, broker_id, reason, hour) DO UPDATE
   SET {{widen_positions}}

-- The same hole may be told in every partition, and only the first telling is kept. What nothing is known of before
-- begins where the broker's control records ended: whoever stores it first has not read past it yet.
-- (Holes of a topic have no place in the log, but a time.)
-- name: add_holes
INSERT INTO log_hole (cluster_id, broker_id, kind, from_generation, from_offset, to_generation, to_offset,
       from_at, to_at, principal, lines_at_least, topic, bytes_at_least)
SELECT DISTINCT ON (d.broker_id, d.kind, d.from_generation, d.from_offset, d.to_generation, d.to_offset, d.topic,
                    (CASE WHEN d.topic <> '' THEN d.to_at END))
       $1::uuid, d.broker_id, d.kind, d.from_generation, d.from_offset, d.to_generation, d.to_offset,
       CASE WHEN d.from_at IS NULL AND k.heard_of THEN least(k.known_at, d.to_at) ELSE d.from_at END, d.to_at,
       nullif(d.principal, ''), d.lines_at_least, nullif(d.topic, ''), nullif(d.bytes_at_least, 0)
  FROM unnest($2::int8[], $3::text[], $4::int8[], $5::int8[], $6::int8[], $7::int8[], $8::timestamptz[],
              $9::timestamptz[], $10::text[], $11::int8[], $12::text[], $13::int8[])
       AS d (broker_id, kind, from_generation, from_offset, to_generation, to_offset, from_at, to_at, principal,
             lines_at_least, topic, bytes_at_least)
 CROSS JOIN LATERAL (SELECT min(p.broker_time) AS known_at, count(p.broker_time) > 0 AS heard_of
                       FROM meter_position p
                      WHERE p.cluster_id = $1 AND p.broker_id = d.broker_id) k
 ORDER BY d.broker_id, d.kind, d.from_generation, d.from_offset, d.to_generation, d.to_offset, d.topic,
          (CASE WHEN d.topic <> '' THEN d.to_at END)
ON CONFLICT DO NOTHING

-- name: add_gaps
INSERT INTO log_gap AS g (cluster_id, log_partition, broker_id, generation, byte_offset, records)
SELECT $1::uuid, d.* FROM unnest($2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[]) AS d
ON CONFLICT (cluster_id, log_partition, broker_id, generation, byte_offset) DO UPDATE
   SET records = g.records + excluded.records, last_seen_at = now(), closed_at = NULL

-- name: close_gaps
UPDATE log_gap g
   SET closed_at = now()
  FROM unnest($2::int8[], $3::int8[], $4::int8[], $5::int8[])
       AS d (log_partition, broker_id, generation, byte_offset)
 WHERE g.cluster_id = $1 AND g.log_partition = d.log_partition AND g.broker_id = d.broker_id
   AND g.closed_at IS NULL AND (g.generation, g.byte_offset) < (d.generation, d.byte_offset)

-- name: put_positions
INSERT INTO meter_position AS p (cluster_id, log_partition, broker_id, generation, byte_offset, broker_time, heard_at)
SELECT $1::uuid, d.*
  FROM unnest($2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::timestamptz[], $7::timestamptz[]) AS d
ON CONFLICT (cluster_id, log_partition, broker_id) DO UPDATE
   SET generation = excluded.generation, byte_offset = excluded.byte_offset, broker_time = excluded.broker_time,
       heard_at = excluded.heard_at
