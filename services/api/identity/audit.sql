-- The audit log, the newest first.

-- piece: shown
select json_build_object(
           'id', a.id, 'at', a.at, 'org_id', a.org_id, 'actor_kind', a.actor_kind, 'actor_id', a.actor_id,
           'by_operator', a.actor_org_id is not null and exists (
               select from organisation_public p where p.id = a.actor_org_id and p.is_operator),
           'action', a.action, 'object_kind', a.object_kind, 'object_id', a.object_id,
           'before', a.before, 'after', a.after, 'reason', a.reason, 'request_id', a.request_id)::text as json,
       a.id
  from audit_log a

-- piece: asked
($2::text is null or a.action = $2) and ($3::text is null or a.actor_id = $3)
     and ($4::text is null or a.object_id = $4)
     and ($5::boolean is null or $5::boolean = (a.actor_org_id is not null and exists (
              select from organisation_public p where p.id = a.actor_org_id and p.is_operator)))
     and ($6::timestamptz is null or a.at >= $6::timestamptz)
     and ($7::timestamptz is null or a.at < $7::timestamptz)
     and ($8::bigint is null or a.id < $8::bigint)
   order by a.id desc limit $9::bigint

-- One half answers: a tenant's by the index of its organisation, the operator's by the newest.
-- name: audit_list
-- columns: json, id
select x.json, x.id::text as id
  from (({{shown}}
   where not weir_operator() and a.org_id = weir_org() and ($1::uuid is null or a.org_id = $1::uuid)
     and {{asked}})
  union all
  ({{shown}}
   where weir_operator() and ($1::uuid is null or a.org_id = $1::uuid)
     and {{asked}})) x
 order by x.id desc

-- name: audit_prune
select prune_audit_log($1::bigint::int, $2::bigint::int)
