-- The account's subscriptions in the month of the run, and in earlier months that were billed: late
-- usage is found by rating those again. $3: how many months back. PostgreSQL does the calendar, in
-- the zone the month was first billed in.
-- name: month_list
-- columns: subscription_id, provider_org_id, provider_name, product_id, product_name, plan_id, plan_version
-- columns: plan_name, currency, plan, revenue_share, weakest_class, period_from, period_to, time_zone
-- columns: first_day, next_month_day, service_first_day, service_end_day, billed_seq, sold_through, topics
-- columns: service_from, service_to, charged_to_day
with month as (
    select s.id as subscription_id, period_month($2) as first_day, o.time_zone
      from subscription s join organisation o on o.id = s.org_id
     where s.org_id = $1::uuid
    union
    select b.subscription_id, local_day(b.period_start, d.time_zone), d.time_zone
      from billed b
      join subscription s on s.id = b.subscription_id
      join document d on d.id = b.document_id
     where s.org_id = $1::uuid and b.seq = 1
       and local_day(b.period_start, d.time_zone) < period_month($2)
       and local_day(b.period_start, d.time_zone)
           >= period_month($2) - make_interval(months => $3::int)
), unit as (
    select m.*, day_begins(m.first_day, m.time_zone) as period_from,
           day_begins(next_month(m.first_day), m.time_zone) as period_to
      from month m
)
select s.id as subscription_id, s.provider_org_id, provider.name as provider_name, s.product_id,
       product.name as product_name, s.plan_id, s.plan_version, plan.name as plan_name, v.currency,
       v.body::text as plan, v.revenue_share::text, v.weakest_class,
       u.period_from, u.period_to, u.time_zone,
       epoch_day(u.first_day) as first_day, epoch_day(next_month(u.first_day)) as next_month_day,
       epoch_day(d.service_from) as service_first_day,
       epoch_day(greatest(d.service_from, d.service_to)) as service_end_day,
       coalesce(b.seq, 0)::int8 as billed_seq, s.sold_through is not null as sold_through,
       (select string_agg(t.topic, ', ' order by t.topic)
          from (select distinct topic from product_topic t
                 where t.product_id = s.product_id and t.number = s.product_version
                 order by topic limit 4) t) as topics,
       greatest(u.period_from, s.starts_at) as service_from,
       least(u.period_to, coalesce(s.ends_at, 'infinity')) as service_to,
       coalesce(b.service_to, -1)::int8 as charged_to_day
  from unit u
  join subscription s on s.id = u.subscription_id
  join organisation provider on provider.id = s.provider_org_id
  join product on product.id = s.product_id
  join plan on plan.id = s.plan_id
  join plan_version v on v.plan_id = s.plan_id and v.number = s.plan_version
 cross join lateral (
    select service_begins(u.first_day, s.starts_at, u.time_zone) as service_from,
           service_ends(u.first_day, s.ends_at, u.time_zone) as service_to) d
  left join lateral (
    select max(x.seq) as seq, min((x.usage ->> 'service_to_day')::int8) as service_to from billed x
     where x.subscription_id = s.id and x.period_start = u.period_from) b on true
 where b.seq is not null
    or subscription_begun(s.state)
       and (s.starts_at < u.period_to and coalesce(s.ends_at, 'infinity') > u.period_from
            or exists (select from usage_quarter q
                        where q.subscription_id = s.id and q.from_at >= u.period_from and q.from_at < u.period_to))
 order by v.currency, u.period_from, s.requested_at, s.id;

-- name: month_usage
-- columns: delivery, bytes, messages, fetches, open_fetches, derived_messages, share_messages, share_bytes, weakest_class
select delivery::int8, sum(bytes + share_bytes)::text as bytes, sum(messages + share_messages)::text as messages,
       sum(fetches)::text as fetches, greatest(sum(open_fetches), 0)::text as open_fetches,
       greatest(sum(derived_messages), 0)::text as derived_messages,
       greatest(sum(share_unknown), 0)::text as share_messages,
       greatest(sum(share_bytes), 0)::text as share_bytes,
       (array_agg(metering_class order by array_position('{committed,reported,request_log}', metering_class)))[1]
           as weakest_class
  from usage_quarter
 where subscription_id = $1::uuid and from_at >= $2::timestamptz and from_at < $3::timestamptz
 group by delivery order by delivery;

-- What earlier documents carried of the same month, per price.
-- name: month_billed
-- columns: price_id, kind, metered, base, discount, cap
select l ->> 'price_id' as price_id, l ->> 'kind' as kind,
       coalesce(sum((l ->> 'metered')::numeric), 0)::text as metered, sum((l ->> 'base')::numeric)::text as base,
       sum((l ->> 'discount')::numeric)::text as discount, sum((l ->> 'cap')::numeric)::text as cap
  from billed b, json_array_elements(b.lines) l
 where b.subscription_id = $1::uuid and b.period_start = $2::timestamptz
 group by 1, 2 order by 1, 2;

-- The lines that a difference corrects: the first of each price in that month.
-- name: month_originals
-- columns: price_id, kind, document_id, line, number, tax_category, tax_rate
select distinct on (l.price_id, l.kind) l.price_id, l.kind, l.document_id, l.line, coalesce(d.number, '') as number,
       l.tax_category, l.tax_rate::text
  from billed b
  join document_line l on l.document_id = b.document_id and l.subscription_id = b.subscription_id
  join document d on d.id = l.document_id
 where b.subscription_id = $1::uuid and b.period_start = $2::timestamptz and l.corrects_document is null
   and l.service_from >= $2::timestamptz and l.service_from < $3::timestamptz
 order by l.price_id, l.kind, b.seq, l.line;

-- Whether something that nobody can read may have held the subscription's reading: a hole in the log of its
-- cluster that overlaps one of its grants inside the period (of its application and topic, where the hole tells
-- them), or a line of its application there that could not be read. (Unread lines of unknown readers are told
-- with the run.)
-- name: month_hole
with granted as (
    select g.cluster_id, g.topic, a.principal, g.during * tstzrange($2::timestamptz, $3::timestamptz) as during
      from grant_period g join application a on a.id = g.application_id
     where g.subscription_id = $1::uuid)
select exists (
    select from granted g
      join log_hole h on h.cluster_id = g.cluster_id and tstzrange(h.from_at, h.to_at) && g.during
       and coalesce(regexp_replace(h.principal, '^User:', ''), g.principal) = g.principal
       and coalesce(h.topic, g.topic) = g.topic)
    or exists (
    select from granted g
      join unread_line u on u.cluster_id = g.cluster_id and u.principal = g.principal and u.at <@ g.during);
