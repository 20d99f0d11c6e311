// Who may be connected to a loop, and who leaves when there is no room: rules and counts alone, no
// sockets. A connection either is worked for (its request is being answered) or waits for its own
// client: to send a request, or to take an answer. Those that wait can be asked to leave, so a
// connection made anew always gets in, whatever holds the rest: of those that waited longest goes one
// of the address that has the most. One thread.
#ifndef WEIR_PLATFORM_HTTP_ADMISSION_H
#define WEIR_PLATFORM_HTTP_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockaddr;

enum {
    ADMISSION_BUCKETS = 1024,          // of the table of addresses
    ADMISSION_KEPT_SHARE = 8,          // one in so many connections is kept for privileged requests
    ADMISSION_LOOKED_AT = 128,         // of those that wait, to find who leaves
    ADMISSION_HEAVY_BYTES = 16 * 1024, // what holds less isn't asked to leave for its bytes
};

struct admission_limits {
    unsigned connections;
    unsigned connections_per_address;
    size_t bytes; // that wait for clients or came from them
    size_t bytes_per_address;
};

// An IPv4 address, or the first 64 bits of an IPv6 one: what one customer of a provider has.
struct admission_key {
    unsigned char bytes[16];
};

struct admission_address {
    struct admission_address *next;
    struct admission_key key;
    unsigned connections;
    size_t bytes;
};

// Part of a connection; the caller's memory.
struct admission_guest {
    struct admission_guest *previous, *next; // of those that wait, the longest first
    struct admission_address *address;
    size_t bytes;
    int64_t deadline_us; // of what it waits for, on the caller's clock
    bool waits;
    bool works;
    bool privileged; // its request: counts against no share
    bool leaving;
};

struct admission {
    struct admission_limits limits;
    struct admission_address *addresses[ADMISSION_BUCKETS];
    struct admission_guest *first, *last; // those that wait
    unsigned connections;                 // without those that leave
    unsigned working;                     // for requests that are not privileged
    size_t bytes;
};

// A room that was zeroed before.
void admission_init(struct admission *a, const struct admission_limits *limits);
// The key of a peer. Anything but IPv4 and IPv6 is one and the same peer.
struct admission_key admission_key_of(const struct sockaddr *peer);

// Whether anybody at all can get in: there is room, or somebody waits.
bool admission_open(const struct admission *a);
enum admission_answer {
    ADMISSION_ENTERS,
    ADMISSION_REPLACES,         // *ret_leaves goes for it: there is no room
    ADMISSION_REPLACES_ITS_OWN, // *ret_leaves goes for it: its address has too many
    ADMISSION_REFUSED,          // its address has too many, and all of them are being worked for
};
// A connection from this address, only if admission_open.
enum admission_answer admission_ask(const struct admission *a, struct admission_key key,
                                    struct admission_guest **ret_leaves);
// `guest` is zeroed before; it waits until deadline_us.
void admission_enter(struct admission *a, struct admission_guest *guest, struct admission_key key,
                     int64_t deadline_us);
// Its request arrived. False, and nothing changes: it was asked to leave, or its request isn't
// privileged and the others' share is taken.
bool admission_work(struct admission *a, struct admission_guest *guest, bool privileged);
// It waits for its client, with `bytes` in our hands, until deadline_us.
void admission_wait(struct admission *a, struct admission_guest *guest, size_t bytes,
                    int64_t deadline_us);
// What it holds changed while it went on doing what it does.
void admission_weigh(struct admission *a, struct admission_guest *guest, size_t bytes);
// All the bytes are too many, or those of the address of `of`.
bool admission_is_heavy(const struct admission *a, const struct admission_guest *of);
// One that must leave for it, NULL if it isn't so or nobody can. The caller asks it to leave and
// comes again.
struct admission_guest *admission_too_heavy(const struct admission *a,
                                            const struct admission_guest *of);
// Its request may go on, with what it weighs: a privileged one whatever others hold.
bool admission_bears(const struct admission *a, const struct admission_guest *guest);
// It is asked to leave: its place is free from now on.
void admission_dismiss(struct admission *a, struct admission_guest *guest);
// It is gone.
void admission_leave(struct admission *a, struct admission_guest *guest);

#endif
