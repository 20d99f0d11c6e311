// How many files and sockets this process may have open.
#ifndef WEIR_PLATFORM_PROGRAM_DESCRIPTORS_H
#define WEIR_PLATFORM_PROGRAM_DESCRIPTORS_H

// Raises the soft limit (RLIMIT_NOFILE) to the hard one, and returns what then holds; UINT_MAX for
// none. Nothing here uses select(2), for whose sake the soft limit is low.
unsigned descriptors_raise(void);

#endif
