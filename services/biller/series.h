// Series of document numbers: gapless, one per issuing entity, kind of document and year.
#ifndef WEIR_BILLER_SERIES_H
#define WEIR_BILLER_SERIES_H

#include "platform/pg/pg.h"

enum { SERIES_NUMBER_MAX = 22, SERIES_DATE_MAX = 16 }; // bookkeeping programs take 21 characters

struct series {
    const char *entity_id, *entity_zone; // the year is the zone's
    const char *kind;                    // "invoice" or "statement"
    const char *prefix;                  // "INV-": the series is "INV-2026-"
};

struct series_number {
    char series_id[PG_UUID_TEXT];
    char number[SERIES_NUMBER_MAX];
    char date[SERIES_DATE_MAX]; // of issue, YYYY-MM-DD
};

// The next number. The series' row is locked until the caller's transaction ends, and a transaction
// that fails gives its number back.
ERR_MUST_CHECK enum err_code series_next(struct pg *pg, const struct series *s,
                                         struct series_number *ret, struct err *e);

#endif
