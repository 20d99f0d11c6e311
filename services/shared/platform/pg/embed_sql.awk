# Turns .sql files into a C table of struct pg_statement (platform/pg/pg_statement.h).
#   awk -v program=api -v kind=h|c -f embed_sql.awk services/api/*/*.sql
# A statement begins after a line "-- name: xyz" and ends at the next one or at the end of the file.
# Lines that are comments only are left out. For any POSIX awk.

function fail(text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text >"/dev/stderr"
    failed = 1
    exit 1
}

# Ends the statement being read.
function finish() {
    if (name == "") {
        return
    }
    sub(/[ \t\n;]+$/, "", text)
    if (text == "") {
        fail("statement " name " has no text")
    }
    texts[count] = text
    name = ""
}

function literal(s,    out, n, lines, i) {
    gsub(/\\/, "&&", s)
    gsub(/"/, "\\\"", s)
    n = split(s, lines, "\n")
    out = ""
    for (i = 1; i <= n; i++) {
        out = out "\n        \"" lines[i] (i < n ? "\\n" : "") "\""
    }
    return out
}

FNR == 1 { finish() }

/^-- name:/ {
    finish()
    name = $0
    sub(/^-- name:[ \t]*/, "", name)
    sub(/[ \t\r]+$/, "", name)
    if (name !~ /^[a-z][a-z0-9_]*$/) {
        fail("not a name: \"" name "\"")
    }
    if (name in seen) {
        fail("a second statement named " name)
    }
    if (length(program "_" name) > 63) {
        fail("name longer than 63 bytes with its program: " name)
    }
    seen[name] = 1
    names[++count] = name
    highest[count] = 0
    text = ""
    next
}

/^[ \t]*--/ || /^[ \t\r]*$/ { next }

{
    if (name == "") {
        fail("SQL before the first \"-- name:\"")
    }
    sub(/\r$/, "")
    text = text $0 "\n"
    rest = $0
    while (match(rest, /\$[0-9]+/)) {
        n = substr(rest, RSTART + 1, RLENGTH - 1) + 0
        if (n > highest[count]) {
            highest[count] = n
        }
        rest = substr(rest, RSTART + RLENGTH)
    }
}

END {
    if (failed) {
        exit 1
    }
    finish()
    if (failed) {
        exit 1
    }
    guard = "WEIR_GEN_" toupper(program) "_SQL_H"
    print "// Made from the .sql files of services/" program " by embed_sql.awk."
    if (kind == "h") {
        print "#ifndef " guard
        print "#define " guard
        print ""
        print "#include <stddef.h>"
        print ""
        print "#include \"platform/pg/pg_statement.h\""
        print ""
        for (i = 1; i <= count; i++) {
            print "extern const struct pg_statement " program "_sql_" names[i] ";"
        }
        print ""
        print "extern const struct pg_statement *const " program "_sql_all[];"
        print "extern const size_t " program "_sql_count;"
        print ""
        print "#endif"
    } else {
        print "#include \"" program "_sql.h\""
        for (i = 1; i <= count; i++) {
            print ""
            print "const struct pg_statement " program "_sql_" names[i] " = {"
            print "    .name = \"" program "_" names[i] "\","
            print "    .text =" literal(texts[i]) ","
            print "    .params = " highest[i] ","
            print "};"
        }
        print ""
        print "const struct pg_statement *const " program "_sql_all[] = {"
        for (i = 1; i <= count; i++) {
            print "    &" program "_sql_" names[i] ","
        }
        print "    NULL,"
        print "};"
        print "const size_t " program "_sql_count = " count + 0 ";"
    }
}
