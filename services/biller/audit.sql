-- name: audit_issued
insert into audit_log (org_id, actor_kind, actor_id, action, object_kind, object_id, after)
values ($1::uuid, 'service', 'weir-biller', $2, 'document', $3, jsonb_build_object('number', $4::text));
