-- Takes the next number of the year's series in the entity's zone; the first document of a year makes
-- the series. The row stays locked until the end of the transaction, so the number is given back if
-- nothing is committed. Dates of a series never go back.
-- name: series_next
-- columns: id, number, date
insert into document_series as s (entity_id, kind, prefix, next_number, last_issue_date)
select $1::uuid, $2, $3 || to_char(c.now, 'YYYY') || '-', 2, c.now::date
  from (select clock_timestamp() at time zone $4 as now) c
on conflict (entity_id, kind, prefix) do update
   set next_number = s.next_number + 1, last_issue_date = greatest(s.last_issue_date, excluded.last_issue_date)
returning s.id, document_number(s.prefix, s.next_number - 1) as number, s.last_issue_date::text as date;
