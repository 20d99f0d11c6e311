-- One watcher at a time; the lock goes with the session.
-- name: watch_lock
select program_lock('weir-biller-watch');

-- name: watch_touched
select subscription_id, touched_at from usage_touch order by touched_at limit $1::int;

-- Subscriptions whose month has turned, that have no running charge yet, or that have changed since it
-- was computed (a change may commit seconds after its time): an end lowers what is due, without any usage.
-- name: watch_turned
select s.id
  from subscription s
  left join running_charge c on c.subscription_id = s.id
 where (subscription_runs(s.state) or s.state = 'shadow')
   and s.starts_at <= now() and (c.subscription_id is null or c.period_to <= now())
    or (subscription_begun(s.state) or s.state = 'shadow')
   and c.computed_at < s.updated_at + interval '10 seconds'
 limit $1::int;

-- Removes a touch that has been dealt with; a newer one stays. A statement of its own, so that the
-- meter never waits for rating.
-- name: watch_done
delete from usage_touch where subscription_id = $1::uuid and touched_at = $2::timestamptz;

-- The month that is open now in the account's zone.
-- name: watch_subscription
-- columns: currency, plan, period_from, period_to, first_day, next_month_day, service_first_day, service_end_day
select v.currency, v.body::text as plan, day_begins(m.first_day, o.time_zone) as period_from,
       day_begins(next_month(m.first_day), o.time_zone) as period_to,
       epoch_day(m.first_day) as first_day, epoch_day(next_month(m.first_day)) as next_month_day,
       epoch_day(d.service_from) as service_first_day,
       epoch_day(greatest(d.service_from, d.service_to)) as service_end_day
  from subscription s
  join organisation o on o.id = s.org_id
  join plan_version v on v.plan_id = s.plan_id and v.number = s.plan_version
 cross join lateral (select local_month(now(), o.time_zone) as first_day) m
 cross join lateral (
    select service_begins(m.first_day, s.starts_at, o.time_zone) as service_from,
           service_ends(m.first_day, s.ends_at, o.time_zone) as service_to) d
 where s.id = $1::uuid and s.starts_at is not null;

-- name: watch_save
insert into running_charge (subscription_id, period_from, period_to, currency, amount, lines, usage_touched_at)
values ($1::uuid, $2::timestamptz, $3::timestamptz, $4, $5::numeric, $6::json, $7::timestamptz)
on conflict (subscription_id) do update
   set period_from = excluded.period_from, period_to = excluded.period_to, currency = excluded.currency,
       amount = excluded.amount, lines = excluded.lines,
       usage_touched_at = coalesce(excluded.usage_touched_at, running_charge.usage_touched_at),
       computed_at = now();
