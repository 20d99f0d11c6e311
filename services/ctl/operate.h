// Commands of the operator that are calls of the REST API: nothing goes around its rights and
// audit.
#ifndef WEIR_CTL_OPERATE_H
#define WEIR_CTL_OPERATE_H

int api_command(int argc, char **argv);          // weirctl api METHOD PATH
int bill_command(int argc, char **argv);         // weirctl bill PERIOD
int export_command(int argc, char **argv);       // weirctl export invoices|invoice-lines
int dead_letters_command(int argc, char **argv); // weirctl dead-letters
int unbound_command(int argc, char **argv);      // weirctl unbound

#endif
