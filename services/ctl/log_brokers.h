// Which of several log files one broker wrote.
#ifndef WEIR_CTL_LOG_BROKERS_H
#define WEIR_CTL_LOG_BROKERS_H

#include <stddef.h>
#include <stdint.h>

// A broker has an address for each of its listeners, and a short file may name one of them alone:
// files that name a common address were written by one broker, and so were those of a row of such
// files. ret[i] is a number of the broker that wrote paths[i], the smallest index of its files; -1
// for what can't be read twice ("-", pipes), can't be opened, or names no address.
void log_brokers_find(char *const *paths, size_t count, int32_t *ret);

#endif
