-- The first rows of a marketplace, written by the owner of the tables in one transaction.

-- name: bootstrap_exists
select name from marketplace

-- name: bootstrap_marketplace
insert into marketplace (name) values ($1)

-- name: bootstrap_operator
insert into organisation (name, is_operator, country, vat_id, address, billing_email, time_zone, currency, verified_at)
values ($1, true, $2, $3, $4::jsonb, $5, $6, $7, now())
returning id::text

-- name: bootstrap_person
insert into person (email, name, password_hash) values (lower($1), $2, $3) returning id::text

-- name: bootstrap_membership
insert into membership (person_id, org_id, role) values ($1::uuid, $2::uuid, 'owner')

-- name: bootstrap_application
insert into application (org_id, name, principal, api_role) values ($1::uuid, $2, $3, 'owner') returning id::text

-- name: bootstrap_secret
insert into application_secret (application_id, org_id, secret_hash, hash_version) values ($1::uuid, $2::uuid, $3::bytea, 2)

-- name: bootstrap_entity
insert into issuing_entity (org_id, name, country, vat_id, address, time_zone)
select id, name, country, vat_id, address, time_zone from organisation where id = $1::uuid

-- name: bootstrap_tax_rate
insert into tax_rate (country, category, percent, valid_from) values ($1, 'S', $2::numeric, '2000-01-01')

-- name: bootstrap_audit
insert into audit_log (org_id, actor_kind, actor_id, action, object_kind, object_id, after)
values ($1::uuid, 'service', 'weirctl bootstrap', 'marketplace.create', 'marketplace', $2, json_build_object('operator', $1::text)::jsonb)
