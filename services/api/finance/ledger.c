// The ledger: reading only; weir-biller books.
#include "api/request/request.h"

static const struct route ROWS[] = {
    {"GET", "/v1/ledger/accounts", "listLedgerAccounts", ROUTE_FINANCE, ROUTE_OPERATOR,
     .read = {.statement = &api_sql_ledger_accounts, .shape = READ_ITEMS}},
    {"GET", "/v1/ledger/entries", "listLedgerEntries", ROUTE_FINANCE, ROUTE_OPERATOR,
     .read = {.statement = &api_sql_ledger_entries, .shape = READ_PAGE}},
};
const struct route_table ledger_routes = ROUTE_TABLE(ROWS);
