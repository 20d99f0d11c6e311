-- Runs that ask for work, oldest first.
-- name: runs_open
select id, state from billing_run where state in ('queued', 'waiting', 'running') order by requested_at, id;

-- name: run_lock
-- columns: period, close_early, usage_end, override, state
select r.period, r.close_early, r.usage_end, r.override_incomplete_reason is not null as override, r.state
  from billing_run r where r.id = $1::uuid and r.state in ('queued', 'waiting')
   for no key update skip locked;

-- Organisations that may owe something for the month, with its end in their zone. Usage decides too:
-- what is read in the minute after a subscription's end is still its own. So do months billed before,
-- $2 of them: late usage is billed by this run.
-- name: run_accounts
-- columns: org_id, time_zone, period_to, is_open, ends_at_text
select o.id as org_id, o.time_zone, m.period_to, m.period_to > now() as is_open, utc_text(m.period_to) as ends_at_text
  from organisation o,
       lateral (select period_begins($1, o.time_zone) as period_from, period_ends($1, o.time_zone) as period_to) m
 where exists (
    select from subscription s
     where s.org_id = o.id
       and (subscription_begun(s.state)
            and s.starts_at < m.period_to and coalesce(s.ends_at, 'infinity') > m.period_from
            or exists (select from usage_quarter u
                        where u.subscription_id = s.id and u.from_at >= m.period_from and u.from_at < m.period_to)
            or exists (select from billed b
                        where b.subscription_id = s.id and b.period_start < m.period_to
                          and b.period_start >= m.period_from - make_interval(months => $2::int, days => 2))))
 order by o.id;

-- Log partitions of the brokers concerned that have not been heard past the usage end: a cluster is
-- concerned by a grant in the month.
-- name: run_unheard
-- columns: cluster, broker_id, log_partitions, unheard, first_unheard, heard_to_text, never_heard
select c.name as cluster, b.broker_id, c.log_partitions, count(*) as unheard,
       array_to_string((array_agg(p.n order by p.n))[1:8], ', ') as first_unheard,
       utc_text(min(m.broker_time)) as heard_to_text, bool_or(m.broker_time is null) as never_heard
  from cluster c
  left join cluster_broker b on b.cluster_id = c.id
 cross join lateral generate_series(0, c.log_partitions - 1) p (n)
  left join meter_position m on m.cluster_id = c.id and m.broker_id = b.broker_id and m.log_partition = p.n
 where c.metering_class = 'request_log'
   and exists (select from grant_period g join organisation o on o.id = g.org_id
                where g.cluster_id = c.id
                  and g.during && tstzrange(period_begins($1, o.time_zone), period_ends($1, o.time_zone)))
   and (m.broker_time is null or m.broker_time < $2::timestamptz)
 group by c.name, b.broker_id, c.log_partitions
 order by c.name, b.broker_id;

-- name: run_entity
select e.id from issuing_entity e join organisation o on o.id = e.org_id
 where o.is_operator order by e.created_at, e.id limit 1;

-- name: run_wait
update billing_run set state = 'waiting', waiting_for = $2::jsonb, usage_end = $3::timestamptz,
       started_at = coalesce(started_at, now())
 where id = $1::uuid and (state <> 'waiting' or waiting_for <> $2::jsonb);

-- What is billed without, one sentence for each cluster and reason: lines that may have carried bytes and
-- could not be read, and those of them that were only counted. The month is the widest of all zones.
-- name: run_begin
with accounts as (
    insert into billing_run_account (run_id, org_id) select $1::uuid, unnest($2::uuid[])
    on conflict do nothing),
month as (
    select period_begins($4, 'UTC') - interval '14 hours' as from_at, $3::timestamptz as to_at),
unread as (
    select c.name, u.reason,
           format('cluster %s: log lines that could not be read (%s): %s, together %s bytes, from %s to %s; of %s',
                  c.name, u.reason, count(*), sum(u.line_bytes), utc_text(min(u.at)), utc_text(max(u.at)),
                  coalesce(array_to_string((array_agg(distinct u.principal) filter (where u.principal is not null))[1:8], ', ')
                           || case when count(distinct u.principal) > 8 then ', ...' else '' end, 'unknown readers')
                  || case when count(u.principal) between 1 and count(*) - 1 then ' and unknown readers' else '' end) as text
      from month m
      join unread_line u on u.at >= m.from_at and u.at < m.to_at
      join cluster c on c.id = u.cluster_id
     group by c.name, u.reason
    union all
    select c.name, f.reason,
           format('cluster %s: more log lines that could not be read (%s) and were only counted: %s',
                  c.name, f.reason, sum(f.lines))
      from month m
      join dead_letter_flood f on f.hour >= m.from_at and f.hour < m.to_at
      join cluster c on c.id = f.cluster_id
     group by c.name, f.reason)
update billing_run set state = 'running', waiting_for = '[]', usage_end = $3::timestamptz,
       unread = (select coalesce(jsonb_agg(u.text order by u.name, u.reason, u.text), '[]') from unread u),
       started_at = coalesce(started_at, now()), accounts_total = cardinality($2::uuid[])
 where id = $1::uuid;

-- name: run_progress
update billing_run r
   set accounts_done = a.done,
       documents = (select count(*) from document d where d.run_id = r.id and d.state = 'issued')
  from (select count(*) filter (where state in ('done', 'failed')) as done from billing_run_account
         where run_id = $1::uuid) a
 where r.id = $1::uuid and r.state = 'running';

-- name: run_left
-- columns: open, failed, accounts, first_note
select count(*) filter (where state in ('pending', 'drafted')) as open,
       count(*) filter (where state = 'failed') as failed, count(*) as accounts,
       min(note) filter (where state = 'failed') as first_note
  from billing_run_account where run_id = $1::uuid;

-- name: run_end
update billing_run r
   set state = $2, error = $3, finished_at = now(),
       accounts_done = (select count(*) from billing_run_account a
                         where a.run_id = r.id and a.state in ('done', 'failed')),
       documents = (select count(*) from document d where d.run_id = r.id and d.state = 'issued')
 where r.id = $1::uuid
   and (r.state = 'running' or $2 = 'failed' and r.state in ('queued', 'waiting'));
