// Invoices and statements: reading only; weir-biller makes them.
#include "api/finance/period.h"
#include "api/request/request.h"

static const struct route ROWS[] = {
    {"GET", "/v1/invoices", "listInvoices", ROUTE_SIGNED_IN,
     .read = {.statement = &api_sql_invoice_list,
              .shape = READ_PAGE,
              .params = {{.name = "period", .rule = &period_rule}}}},
    {"GET", "/v1/invoices/{id}", "getInvoice", ROUTE_SIGNED_IN,
     .read = {.statement = &api_sql_invoice_get, .shape = READ_ROW, .params = {{.name = "{id}"}}}},
    {"GET", "/v1/invoices/{id}/lines", "listInvoiceLines", ROUTE_SIGNED_IN,
     .read = {.statement = &api_sql_invoice_lines,
              .shape = READ_PAGE,
              .params = {{.name = "{id}"}},
              .of = &api_sql_invoice_visible}},
    {"GET", "/v1/statements", "listStatements", ROUTE_SIGNED_IN,
     .read = {.statement = &api_sql_statement_list, .shape = READ_PAGE}},
    {"GET", "/v1/statements/{id}", "getStatement", ROUTE_SIGNED_IN,
     .read = {.statement = &api_sql_statement_get,
              .shape = READ_ROW,
              .params = {{.name = "{id}"}}}},
};
const struct route_table document_routes = ROUTE_TABLE(ROWS);
