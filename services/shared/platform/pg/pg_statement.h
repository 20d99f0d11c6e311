// A statement of a .sql file, as the build embeds it (embed_sql.awk).
#ifndef WEIR_PLATFORM_PG_PG_STATEMENT_H
#define WEIR_PLATFORM_PG_PG_STATEMENT_H

struct pg_statement {
    const char *name; // <program>_<name>: its name when prepared at the server
    const char *text;
    int params; // highest $n
    // What it gives, in order, where "-- columns:" says so: C reads a column by the enumerator of
    // its name (METER_TOPICS_SEEN_AT). NULL and 0: it says nothing.
    const char *const *columns;
    int columns_count;
};

#endif
