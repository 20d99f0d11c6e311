-- Invoices, statements and their exports. Money leaves as text with the digits it was stored with.

-- name: invoice_list
-- columns: json, created_at, id
select json_build_object(
         'id', d.id, 'number', d.number, 'kind', d.kind, 'state', d.state, 'currency', d.currency,
         'period_from', d.period_from, 'period_to', d.period_to, 'time_zone', d.time_zone,
         'issue_date', d.issue_date, 'due_date', d.due_date, 'blocked_by', d.blocked_by,
         'net', d.net::text, 'tax', d.tax::text, 'total', d.total::text,
         'standing', s.standing, 'paid', s.paid::text, 'open', s.open::text, 'buyer', d.buyer)::text as json,
       d.created_at::text, d.id::text
  from document d
  left join invoice_standing s on s.id = d.id
 where d.kind = 'invoice'
   and ($1::text is null or local_period(d.period_from, d.time_zone) = $1)
   and ($2::timestamptz is null or (d.created_at, d.id) < ($2::timestamptz, $3::uuid))
 order by d.created_at desc, d.id desc
 limit $4::int

-- A line l.
-- piece: invoice_line
'line', l.line, 'description', l.description, 'product', json_build_object('id', l.product_id, 'name', l.product_name),
         'subscription_id', l.subscription_id, 'price_id', l.price_id, 'kind', l.kind, 'metric', l.metric,
         'metering_class', l.metering_class, 'metered', l.metered::text, 'quantity', l.quantity::text,
         'amount', l.amount::text, 'net', l.net::text, 'tax_category', l.tax_category, 'tax_rate', l.tax_rate::text,
         'rows', l.rows, 'service_from', l.service_from, 'service_to', l.service_to,
         'corrects_document', l.corrects_document, 'corrects_line', l.corrects_line,
         'touched_by_hole', l.touched_by_hole

-- name: invoice_get
select json_build_object(
         'id', d.id, 'number', d.number, 'kind', d.kind, 'state', d.state, 'currency', d.currency,
         'period_from', d.period_from, 'period_to', d.period_to, 'time_zone', d.time_zone, 'usage_end', d.usage_end,
         'issue_date', d.issue_date, 'due_date', d.due_date, 'blocked_by', d.blocked_by,
         'net', d.net::text, 'tax', d.tax::text, 'total', d.total::text,
         'standing', s.standing, 'paid', s.paid::text, 'open', s.open::text, 'seller', d.seller, 'buyer', d.buyer,
         'lines', coalesce((select json_agg(json_build_object({{invoice_line}}) order by l.line)
              from document_line l where l.document_id = d.id), '[]'),
         'taxes', coalesce((select json_agg(json_build_object('category', t.category, 'rate', t.rate::text,
              'net', t.net::text, 'amount', t.amount::text) order by t.category, t.rate)
              from document_tax t where t.document_id = d.id), '[]'))::text
  from document d
  left join invoice_standing s on s.id = d.id
 where d.id = $1::uuid and d.kind = 'invoice'

-- What a list of lines belongs to.
-- name: invoice_visible
select 1 from document where id = $1::uuid and kind = 'invoice'

-- name: invoice_lines
select json_build_object({{invoice_line}})::text,
       l.line::text
  from document_line l
  join document d on d.id = l.document_id
 where d.id = $1::uuid and d.kind = 'invoice' and l.line > coalesce($2::int, 0)
 order by l.line
 limit $3::int

-- name: statement_list
-- columns: json, created_at, id
select json_build_object(
         'id', d.id, 'number', d.number, 'currency', d.currency, 'period_from', d.period_from, 'period_to', d.period_to,
         'time_zone', d.time_zone, 'issue_date', d.issue_date, 'net', d.net::text, 'total', d.total::text, 'provider', d.seller)::text as json,
       d.created_at::text, d.id::text
  from document d
 where d.kind = 'statement' and d.state = 'issued'
   and ($1::timestamptz is null or (d.created_at, d.id) < ($1::timestamptz, $2::uuid))
 order by d.created_at desc, d.id desc
 limit $3::int

-- A provider sees of the consumers' invoices what its share was made of: number, line, words, net. The
-- invoice itself is another tenant's, so the function asks for the statement's own tenancy first.
-- name: statement_get
select json_build_object(
         'id', d.id, 'number', d.number, 'currency', d.currency, 'period_from', d.period_from, 'period_to', d.period_to,
         'time_zone', d.time_zone, 'issue_date', d.issue_date, 'issued_at', d.issued_at, 'net', d.net::text, 'total', d.total::text,
         'provider', d.seller,
         'lines', coalesce((select json_agg(json_build_object('invoice_number', x.invoice_number, 'line', x.line,
              'description', x.description, 'net', x.net::text, 'share', x.share::text) order by x.invoice_number, x.line)
              from statement_lines(d.id) x), '[]'))::text
  from document d
 where d.id = $1::uuid and d.kind = 'statement' and d.state = 'issued'

-- name: export_invoices
-- columns: number, kind, issue_date, due_date, period_from, period_to, currency, buyer, buyer_vat_id
-- columns: buyer_country, net, tax, total, standing, invoice_id
select d.number, d.kind, d.issue_date::text as issue_date, d.due_date::text as due_date,
       local_day(d.period_from, d.time_zone)::text as period_from,
       local_day(d.period_to, d.time_zone)::text as period_to,
       d.currency, d.buyer ->> 'name' as buyer, d.buyer ->> 'vat_id' as buyer_vat_id,
       d.buyer ->> 'country' as buyer_country, d.net::text as net, d.tax::text as tax, d.total::text as total,
       s.standing, d.id::text as invoice_id
  from document d
  left join invoice_standing s on s.id = d.id
 where d.kind = 'invoice' and d.state = 'issued'
   and ($1::text is null or local_period(d.period_from, d.time_zone) = $1)
 order by d.number
 limit $2::int

-- name: export_invoice_lines
-- columns: number, line, issue_date, currency, buyer, product, price_id, kind, description, metric
-- columns: metering_class, metered, quantity, base, discount, amount, net, tax_category, tax_rate, service_from
-- columns: service_to, subscription_id
select d.number, l.line::text as line, d.issue_date::text as issue_date, d.currency,
       d.buyer ->> 'name' as buyer, l.product_name as product, l.price_id, l.kind, l.description,
       l.metric, l.metering_class, l.metered::text as metered, l.quantity::text as quantity,
       l.base::text as base, l.discount::text as discount, l.amount::text as amount, l.net::text as net,
       l.tax_category, l.tax_rate::text as tax_rate, utc_text(l.service_from) as service_from,
       utc_text(l.service_to) as service_to, l.subscription_id::text as subscription_id
  from document d
  join document_line l on l.document_id = d.id
 where d.kind = 'invoice' and d.state = 'issued'
   and ($1::text is null or local_period(d.period_from, d.time_zone) = $1)
 order by d.number, l.line
 limit $2::int
