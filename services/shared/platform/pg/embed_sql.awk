# Turns .sql files into a C table of struct pg_statement (platform/pg/pg_statement.h).
#   awk -v program=api -v kind=h|c -f embed_sql.awk services/api/*/*.sql
# A statement begins after a line "-- name: xyz" and ends at the next one or at the end of the file.
#   -- columns: a, b   after its name (once or on several lines): what it gives, in order. C reads
#                      them as PROGRAM_XYZ_A, ...; sql_check holds them to what the server says.
#   -- piece: xyz      text for the statements and pieces behind it in its file, which say {{xyz}}.
# Other lines that are comments only are left out. For any POSIX awk.

function fail(text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text >"/dev/stderr"
    failed = 1
    exit 1
}

# Ends the statement or piece being read.
function finish() {
    if (name == "" && piece == "") {
        return
    }
    sub(/[ \t\n;]+$/, "", text)
    if (text == "") {
        fail((name == "" ? "piece " piece : "statement " name) " has no text")
    }
    if (name == "") {
        pieces[piece] = text
        used[piece] = 0
    } else {
        texts[count] = text
    }
    name = piece = text = ""
}

# Ends the file being read: its pieces end with it.
function finish_file(    p) {
    finish()
    for (p in pieces) {
        if (!used[p]) {
            fail("nobody uses piece " p)
        }
        delete pieces[p]
    }
}

# The name behind "-- word:".
function named(    s) {
    s = $0
    sub(/^-- [a-z]+:[ \t]*/, "", s)
    sub(/[ \t\r]+$/, "", s)
    return s
}

function check_name(s) {
    if (s !~ /^[a-z][a-z0-9_]*$/) {
        fail("not a name: \"" s "\"")
    }
}

# The line with the text of its pieces.
function expand(line,    out, p) {
    out = ""
    while (match(line, /[{][{][a-z0-9_]+[}][}]/)) {
        p = substr(line, RSTART + 2, RLENGTH - 4)
        if (!(p in pieces)) {
            fail("no piece named " p " above")
        }
        used[p] = 1
        out = out substr(line, 1, RSTART - 1) pieces[p]
        line = substr(line, RSTART + RLENGTH)
    }
    return out line
}

function print_columns(i, open, before, after, close_,    k, c) {
    if (widths[i] == 0) {
        return
    }
    print open
    for (k = 1; k <= widths[i]; k++) {
        c = columns[i, k]
        print "        " before (kind == "h" ? toupper(c) : c) after ","
    }
    print close_
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

FNR == 1 { finish_file() }

/^-- piece:/ {
    finish()
    piece = named()
    check_name(piece)
    if (piece in pieces) {
        fail("a second piece named " piece)
    }
    next
}

/^-- columns:/ {
    if (name == "" || text != "") {
        fail("columns stand right after the name of their statement")
    }
    n = split(named(), list, /[ \t]*,[ \t]*/)
    for (i = 1; i <= n; i++) {
        check_name(list[i])
        columns[count, ++widths[count]] = list[i]
    }
    next
}

/^-- name:/ {
    finish()
    name = named()
    check_name(name)
    if (name in seen) {
        fail("a second statement named " name)
    }
    if (length(program "_" name) > 63) {
        fail("name longer than 63 bytes with its program: " name)
    }
    seen[name] = 1
    names[++count] = name
    highest[count] = 0
    widths[count] = 0
    next
}

/^[ \t]*--/ || /^[ \t\r]*$/ { next }

{
    if (name == "" && piece == "") {
        fail("SQL before the first \"-- name:\"")
    }
    sub(/\r$/, "")
    rest = expand($0)
    text = text rest "\n"
    if (piece != "") {
        next
    }
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
    finish_file()
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
            print_columns(i, "enum {", toupper(program "_" names[i] "_"), "", "};")
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
            print_columns(i, "    .columns = (const char *const[]){", "\"", "\"", "    },")
            print "    .columns_count = " widths[i] ","
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
