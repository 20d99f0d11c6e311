-- Usage and running charges. Figures are numeric, so nothing wraps, and leave as text.

-- name: usage_of_subscription
with s as (
    select s.id, coalesce($2::timestamptz, day_begins(local_month(now(), o.time_zone), o.time_zone)) as from_at,
           coalesce($3::timestamptz, now() + interval '1 hour') as to_at
      from subscription s join organisation_public o on o.id = s.org_id
     where s.id = $1::uuid),
rows as (
    select date_trunc('day', q.from_at, 'UTC') as day, q.*
      from s join usage_bound q on q.subscription_id = s.id and q.from_at >= s.from_at and q.from_at < s.to_at),
slots as (
    select case when $4 = 'day' then r.day
                else to_timestamp(floor(extract(epoch from r.from_at) / 900) * 900) end as from_at,
           r.topic, r.delivery, r.metering_class, sum(r.bytes) as bytes, sum(r.messages) as messages, sum(r.fetches) as fetches,
           sum(r.open_fetches) as open_fetches, sum(r.derived_messages) as derived_messages, sum(r.share_messages) as share_messages,
           sum(r.share_bytes) as share_bytes, sum(r.share_unknown) as share_unknown
      from rows r group by 1, 2, 3, 4)
select json_build_object(
         'subscription_id', s.id, 'granularity', $4, 'from', s.from_at, 'to', s.to_at,
         'rows', coalesce((select json_agg(json_build_object(
              'from_at', x.from_at, 'topic', x.topic, 'delivery', delivery_name(x.delivery),
              'bytes', x.bytes::text, 'messages', x.messages::text, 'fetches', x.fetches::text,
              'open_fetches', x.open_fetches::text, 'derived_messages', x.derived_messages::text, 'share_messages', x.share_messages::text,
              'share_bytes', x.share_bytes::text, 'share_unknown', x.share_unknown::text,
              'metering_class', x.metering_class) order by x.from_at, x.topic, x.delivery)
              from (select * from slots order by from_at desc limit 5000) x), '[]'),
         'totals', (select json_build_object('bytes', coalesce(sum(x.bytes), 0)::text, 'messages', coalesce(sum(x.messages), 0)::text,
              'fetches', coalesce(sum(x.fetches), 0)::text, 'open_fetches', coalesce(sum(x.open_fetches), 0)::text,
              'derived_messages', coalesce(sum(x.derived_messages), 0)::text,
              'share_messages', coalesce(sum(x.share_messages), 0)::text,
              'share_bytes', coalesce(sum(x.share_bytes), 0)::text,
              'share_unknown', coalesce(sum(x.share_unknown), 0)::text) from slots x))::text
  from s

-- name: usage_list
-- columns: json, requested_at, id
select json_build_object(
         'subscription_id', s.id, 'product', json_build_object('id', p.id, 'name', p.name),
         'bytes', coalesce(sum(q.bytes), 0)::text, 'messages', coalesce(sum(q.messages), 0)::text,
         'fetches', coalesce(sum(q.fetches), 0)::text, 'open_fetches', coalesce(sum(q.open_fetches), 0)::text,
         'last_at', max(q.from_at))::text as json,
       s.requested_at::text, s.id::text
  from subscription s
  join product p on p.id = s.product_id
  left join usage_day q on q.subscription_id = s.id
   and q.from_at >= coalesce($1::timestamptz, date_trunc('month', now())) and q.from_at < coalesce($2::timestamptz, 'infinity')
 where ($3::timestamptz is null or (s.requested_at, s.id) < ($3::timestamptz, $4::uuid))
 group by s.id, p.id
 order by s.requested_at desc, s.id desc
 limit $5::int

-- name: charges_of_subscription
select json_build_object(
         'subscription_id', s.id, 'period_from', c.period_from, 'period_to', c.period_to,
         'currency', coalesce(c.currency, v.currency), 'amount', coalesce(c.amount, 0)::text,
         'computed_at', c.computed_at, 'lines', coalesce(c.lines, '[]'))::text
  from subscription s
  join plan_version v on v.plan_id = s.plan_id and v.number = s.plan_version
  left join running_charge c on c.subscription_id = s.id
 where s.id = $1::uuid
