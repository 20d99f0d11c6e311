// A statement of a .sql file, as the build embeds it (embed_sql.awk).
#ifndef WEIR_PLATFORM_PG_PG_STATEMENT_H
#define WEIR_PLATFORM_PG_PG_STATEMENT_H

struct pg_statement {
    const char *name; // <program>_<name>: its name when prepared at the server
    const char *text;
    int params; // highest $n
};

#endif
