-- Roles and database of an installation. A superuser runs it with psql before the first migration and
-- before each later one; what is there already stays as it is, rights beyond these are taken away:
--
--   psql -U postgres -v database=weir -f deploy/postgres/roles.sql
--
-- Passwords come afterwards (\password weir_api, ...), for the roles that sign in: weir_owner, which
-- migrates, and one for each program.
\set ON_ERROR_STOP on
\if :{?database}
\else
\set database weir
\endif

-- Programs own nothing. Those of functions own one function each and sign in nowhere: what a program may
-- do only through a function runs with the rights of that function's owner, and no others.
create temporary table weir_role (name text, does text);
insert into weir_role values
    ('weir_owner', 'migrate'),
    ('weir_api', 'serve'), ('weir_meter', 'serve'), ('weir_biller', 'serve'), ('weir_access', 'serve'),
    ('weir_auditor', 'serve'),
    ('weir_count_grants', 'function'), ('weir_read_statement', 'function'), ('weir_keep_zone', 'function'),
    ('weir_prune_audit', 'function'), ('weir_take_lock', 'function');

select format('create role %I nologin', name) from weir_role w
 where not exists (select from pg_roles r where r.rolname = w.name) \gexec
select format('alter role %I nosuperuser nocreaterole nocreatedb noreplication nobypassrls', name) from weir_role \gexec
select format('revoke %I from %I', g.rolname, r.rolname)
  from pg_auth_members m
  join pg_roles g on g.oid = m.roleid
  join pg_roles r on r.oid = m.member
  join weir_role w on w.name = r.rolname
 where not (w.does = 'migrate' and g.rolname in (select name from weir_role where does = 'function')) \gexec
-- Whoever migrates replaces those functions.
select format('grant %I to weir_owner', name) from weir_role where does = 'function' \gexec

-- How many connections each may have, so that none takes them all from the others; what an operator has set
-- stays. Together below max_connections (in deploy/local 200), which must also hold the superuser's own.
select format('alter role %I connection limit %s', name, most)
  from (values ('weir_owner', 10), ('weir_api', 100), ('weir_meter', 20), ('weir_biller', 20), ('weir_access', 10),
               ('weir_auditor', 5)) l (name, most)
  join pg_roles r on r.rolname = l.name and r.rolconnlimit = -1 \gexec

select format('create database %I owner weir_owner', :'database')
 where not exists (select from pg_database where datname = :'database') \gexec
revoke temporary, create on database :"database" from public;

-- In the database itself: whoever may sign in could take any program's lock, and write large objects that
-- belong to no table. Both are the superuser's to give; migrations/0046_guards.sql says who needs which lock.
\connect :"database"
select format('revoke execute on function %s from public', p.oid::regprocedure)
  from pg_proc p
 where p.pronamespace = 'pg_catalog'::regnamespace and p.proname ~ '^(pg_(try_)?advisory_|lo_|loread$|lowrite$)'
   and has_function_privilege('weir_auditor', p.oid, 'execute') \gexec
grant execute on function pg_advisory_lock(bigint), pg_advisory_unlock(bigint) to weir_owner;
grant execute on function pg_advisory_xact_lock(int, int) to weir_api;
grant execute on function pg_try_advisory_lock(bigint) to weir_take_lock;
grant execute on function pg_try_advisory_xact_lock(bigint) to weir_prune_audit;
