# Turns migrations into a C header: awk -f embed_files.awk migrations/NNNN_name.sql...
# Gives MIGRATION_FILES (an array of struct migration, platform/pg/migrate.h) and MIGRATION_FILES_COUNT.
# Text is byte-exact, but for a missing newline at the end of a file. For any POSIX awk.

function finish() {
    if (open) {
        print "        \"\"},"
    }
    open = 0
}

BEGIN {
    print "// Made from migrations/*.sql by embed_files.awk."
    print "#ifndef WEIR_GEN_MIGRATIONS_H"
    print "#define WEIR_GEN_MIGRATIONS_H"
    print ""
    print "#include <stddef.h>"
    print ""
    print "#include \"platform/pg/migrate.h\""
    print ""
    print "static const struct migration MIGRATION_FILES[] = {"
}

FNR == 1 {
    finish()
    base = FILENAME
    sub(/^.*\//, "", base)
    sub(/\.sql$/, "", base)
    if (base !~ /^[0-9][0-9][0-9][0-9]_[a-z0-9_]+$/) {
        printf "%s: not a migration's name (NNNN_name.sql)\n", FILENAME >"/dev/stderr"
        failed = 1
        exit 1
    }
    print "    {" substr(base, 1, 4) + 0 ", \"" base "\","
    open = 1
    files++
}

{
    line = $0
    gsub(/\\/, "&&", line)
    gsub(/"/, "\\\"", line)
    gsub(/\r/, "\\r", line)
    print "        \"" line "\\n\""
}

END {
    if (failed) {
        exit 1
    }
    finish()
    # C knows no empty array; the count leaves this one out.
    print "    {0, NULL, NULL},"
    print "};"
    print "static const size_t MIGRATION_FILES_COUNT = " files + 0 ";"
    print ""
    print "#endif"
}
