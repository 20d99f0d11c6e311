-- One row for each thing wrong with a function or with who may do what to the database; none is right.

-- A function that runs with other rights than its caller's, or that a trigger runs, finds nothing of its
-- caller's: temporary objects come last, where "search_path = public" alone has them first.
select format('%s: SET search_path = pg_catalog, public, pg_temp is missing', p.oid::regprocedure)
  from pg_proc p
 where p.pronamespace = 'public'::regnamespace and (p.prosecdef or p.prorettype = 'trigger'::regtype)
   and not coalesce('search_path=pg_catalog, public, pg_temp' = any (p.proconfig), false)
   and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
union all
-- One that runs for its owner: only for whom it is meant, and the owner can do that one thing.
select format('%s: runs for its owner, and everybody may call it', p.oid::regprocedure)
  from pg_proc p
 where p.pronamespace = 'public'::regnamespace and p.prosecdef
   and exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee = 0)
union all
select format('%s: runs for %s, which can do more than that', p.oid::regprocedure, r.rolname)
  from pg_proc p join pg_roles r on r.oid = p.proowner
 where p.pronamespace = 'public'::regnamespace and p.prosecdef
   and (r.rolsuper or r.rolcreaterole or r.rolcreatedb or r.rolbypassrls or r.rolcanlogin
        or has_schema_privilege(r.oid, 'public', 'create')
        or exists (select from pg_auth_members m where m.member = r.oid)
        or exists (select from pg_class c where c.relowner = r.oid)
        or exists (select from pg_proc x where x.proowner = r.oid and x.oid <> p.oid))
union all
select format('%s: %s for everybody', n.name, n.verb)
  from (values ('schema public', 'CREATE', exists (
                select from pg_namespace x, aclexplode(coalesce(x.nspacl, acldefault('n', x.nspowner))) a
                 where x.nspname = 'public' and a.grantee = 0 and a.privilege_type = 'CREATE')),
               ('the database', 'TEMPORARY or CREATE', exists (
                select from pg_database x, aclexplode(coalesce(x.datacl, acldefault('d', x.datdba))) a
                 where x.datname = current_database() and a.grantee = 0 and a.privilege_type <> 'CONNECT')))
       n (name, verb, found)
 where n.found
union all
-- A policy that lets all rows pass is for a role that has some right on the table.
select format('policy %s on %s lets %s pass, which has no right there', p.polname, p.polrelid::regclass, r.rolname)
  from pg_policy p join pg_roles r on r.oid = any (p.polroles)
 where pg_get_expr(p.polqual, p.polrelid) = 'true'
   and not exists (select from pg_class c, aclexplode(c.relacl) a where c.oid = p.polrelid and a.grantee = r.oid)
   and not exists (select from pg_attribute t, aclexplode(t.attacl) a where t.attrelid = p.polrelid and a.grantee = r.oid)
union all
select format('%s is a member of %s', m.member::regrole, m.roleid::regrole)
  from pg_auth_members m join pg_roles r on r.oid = m.member
 where r.rolname like 'weir\_%' and r.rolname <> 'weir_owner';
