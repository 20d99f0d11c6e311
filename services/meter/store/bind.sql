-- Gives usage that nobody owned to whoever owns it now: of the principals whose grants changed, or whose
-- topic's name was learned, and at the start of all that have one.

-- Whose usage may have found an owner: all that have a grant here, or of them those who read one of these topics.
-- name: unbound_principals
-- columns: principal
SELECT DISTINCT u.principal
  FROM usage_quarter u
 WHERE u.cluster_id = $1 AND u.subscription_id IS NULL AND ($2::text[] IS NULL OR u.topic = ANY ($2))
   AND EXISTS (SELECT FROM application a JOIN grant_period g ON g.application_id = a.id AND g.cluster_id = $1
                WHERE a.principal = u.principal)

-- piece: to_its_payer
SET (subscription_id, application_id)
     = (SELECT p.subscription_id, p.application_id FROM payer_at(u.cluster_id, u.principal, u.topic, u.from_at) p)
 WHERE u.cluster_id = $1 AND u.principal = ANY ($2::text[]) AND u.subscription_id IS NULL
   AND EXISTS (SELECT FROM payer_at(u.cluster_id, u.principal, u.topic, u.from_at))

-- Returns the number of rows bound.
-- name: bind_quarters
WITH bound AS (
    UPDATE usage_quarter u {{to_its_payer}}
    RETURNING u.subscription_id
), touched AS (
    INSERT INTO usage_touch (subscription_id) SELECT DISTINCT subscription_id FROM bound ORDER BY 1
    ON CONFLICT (subscription_id) DO UPDATE SET touched_at = clock_timestamp()
)
SELECT count(*) FROM bound

-- name: bind_days
UPDATE usage_day u {{to_its_payer}}
