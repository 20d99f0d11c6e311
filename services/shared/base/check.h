// check() states what must be true if the program is right; it stays on in production.
// A false one is a bug, never bad input: it prints the place and aborts.
#ifndef WEIR_BASE_CHECK_H
#define WEIR_BASE_CHECK_H

__attribute__((noreturn, cold)) void check_failed(const char *expr, const char *file, int line);

#define check(expr) ((expr) ? (void)0 : check_failed(#expr, __FILE__, __LINE__))

#endif
