-- An organisation that nobody has verified yet, locked until the end of the transaction, so that two
-- requests can't both take the last place; no row for one that is verified.
-- name: quota_lock
select o.id
  from organisation o
 where o.id = $1::uuid and o.verified_at is null and not o.is_operator
   for no key update

-- What it has of what is counted. A statement of its own, for it must see what the holder of the lock
-- before us committed.
-- name: quota_used
-- columns: applications, products, plan_versions, secrets, subscription_requests
select (select count(*) from application a where a.org_id = $1::uuid) as applications,
       (select count(*) from product p where p.org_id = $1::uuid) as products,
       (select count(*) from plan_version v where v.org_id = $1::uuid) as plan_versions,
       (select count(*) from application a join application_secret s on s.application_id = a.id
         where a.org_id = $1::uuid) as secrets,
       (select count(*) from subscription s
         where s.org_id = $1::uuid and s.state = 'requested') as subscription_requests
