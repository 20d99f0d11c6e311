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

-- Programs own nothing. The last four own one function each and sign in nowhere: what a program may
-- do only through a function runs with the rights of that function's owner, and no others.
create temporary table weir_role (name text, does text);
insert into weir_role values
    ('weir_owner', 'migrate'),
    ('weir_api', 'serve'), ('weir_meter', 'serve'), ('weir_biller', 'serve'), ('weir_access', 'serve'),
    ('weir_auditor', 'serve'),
    ('weir_count_grants', 'function'), ('weir_read_statement', 'function'), ('weir_keep_zone', 'function'),
    ('weir_prune_audit', 'function');

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

select format('create database %I owner weir_owner', :'database')
 where not exists (select from pg_database where datname = :'database') \gexec
revoke temporary, create on database :"database" from public;
