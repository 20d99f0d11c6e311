-- A draft that could not be issued is made anew when its month is run again.
-- name: blocked_drafts
select id from document
 where org_id = $1::uuid and kind = 'invoice' and state = 'draft' and blocked_by is not null
   and period_from = $2::timestamptz
   for update;

-- name: draft_delete_splits
delete from document_split where document_id = $1::uuid;
-- name: draft_delete_lines
delete from document_line where document_id = $1::uuid;
-- name: draft_delete_taxes
delete from document_tax where document_id = $1::uuid;
-- name: draft_delete
delete from document where id = $1::uuid;

-- name: draft_insert
insert into document (kind, org_id, entity_id, run_id, currency, period_from, period_to, usage_end, time_zone,
                      net, tax, total, blocked_by, metered_to, seller, buyer, terms_days)
values ('invoice', $1::uuid, $2::uuid, $3::uuid, $4, $5::timestamptz, $6::timestamptz, $7::timestamptz, $8,
        $9::numeric, $10::numeric, $11::numeric, $12, $13::jsonb, $14::jsonb, $15::jsonb, $16::int)
returning id;

-- name: line_insert
insert into document_line (document_id, line, org_id, subscription_id, provider_org_id, product_id, plan_id,
        plan_version, price_id, kind, description, metric, metering_class, metered, quantity, unrounded,
        unrounded_exact, base, discount, cap, amount, net, tax_category, tax_rate, rows, service_from, service_to,
        corrects_document, corrects_line, touched_by_hole, product_name, provider_name)
values ($1::uuid, $2::int, $3::uuid, $4::uuid, $5::uuid, $6::uuid, $7::uuid, $8::int, $9, $10, $11, $12, $13,
        $14::numeric, $15::numeric, $16, $17::bool, $18::numeric, $19::numeric, $20::numeric, $21::numeric,
        $22::numeric, $23, $24::numeric, $25::json, $26::timestamptz, $27::timestamptz, $28::uuid, $29::int,
        $30::bool, $31, $32);

-- name: tax_insert
insert into document_tax (document_id, category, rate, net, amount)
values ($1::uuid, $2, $3::numeric, $4::numeric, $5::numeric);

-- name: split_insert
insert into document_split (document_id, line, party, party_org_id, unrounded, amount)
values ($1::uuid, $2::int, $3, $4::uuid, $5, $6::numeric);

-- name: billed_insert
insert into billed (subscription_id, period_start, seq, document_id, final, usage, lines)
values ($1::uuid, $2::timestamptz, $3::int, $4::uuid, true, $5::json, $6::json);
