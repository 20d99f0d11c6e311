// Cells of CSV (RFC 4180) that stay text, whatever spreadsheet and language opens the file.
//
// A cell is text that a tenant may have typed. A spreadsheet runs it as a formula if it begins with
// = + - @ (also in full width), a tab or a carriage return; some drop white space, control characters
// and marks like U+FEFF before they look; and where the separator is ; or a tab, what stands behind
// one begins a cell of its own. Such a cell gets an apostrophe in front, which spreadsheets show and
// take for "this is text", and inside, behind each separator; a plain number stays a number.
//
// Separators of other locales, quotes, line ends, and white space at either end put the cell in quotes.
#ifndef WEIR_CORE_EXPORT_CSV_H
#define WEIR_CORE_EXPORT_CSV_H

#include "base/buf.h"
#include "base/slice.h"

void csv_add_cell(struct buf *out, struct slice value);

#endif
