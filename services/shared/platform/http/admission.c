// Counts by address and one list: those that wait, in the order in which they began to.
#include "platform/http/admission.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/check.h"

enum { IPV6_CUSTOMER_BYTES = 8 };

void admission_init(struct admission *a, const struct admission_limits *limits) {
    a->limits = *limits;
}

// --- addresses -----------------------------------------------------------------------------------
static struct admission_key of_ipv4(const void *address) {
    struct admission_key key = {.bytes = {[10] = 0xff, [11] = 0xff}};
    memcpy(key.bytes + 12, address, 4);
    return key;
}

struct admission_key admission_key_of(const struct sockaddr *peer) {
    struct admission_key key = {.bytes = {0}};
    if (peer->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, peer, sizeof v4);
        return of_ipv4(&v4.sin_addr);
    }
    if (peer->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, peer, sizeof v6);
        if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
            return of_ipv4(v6.sin6_addr.s6_addr + 12);
        }
        memcpy(key.bytes, &v6.sin6_addr, IPV6_CUSTOMER_BYTES);
    }
    return key;
}

// Somebody may choose addresses that meet in a bucket: a chain is never longer than `connections`.
static size_t bucket_of(const struct admission_key *key) {
    uint32_t hash = 2166136261U; // FNV-1a
    for (size_t i = 0; i < sizeof key->bytes; i++) {
        hash = (hash ^ key->bytes[i]) * 16777619U;
    }
    return hash % ADMISSION_BUCKETS;
}

static struct admission_address *find(const struct admission *a, const struct admission_key *key) {
    struct admission_address *at = a->addresses[bucket_of(key)];
    while (at != NULL && memcmp(&at->key, key, sizeof *key) != 0) {
        at = at->next;
    }
    return at;
}

static struct admission_address *find_or_make(struct admission *a,
                                              const struct admission_key *key) {
    struct admission_address *address = find(a, key);
    if (address == NULL) {
        address = calloc(1, sizeof *address);
        check(address != NULL);
        struct admission_address **bucket = &a->addresses[bucket_of(key)];
        address->key = *key;
        address->next = *bucket;
        *bucket = address;
    }
    return address;
}

static void drop_if_unused(struct admission *a, struct admission_address *address) {
    if (address->connections > 0) {
        return;
    }
    struct admission_address **at = &a->addresses[bucket_of(&address->key)];
    while (*at != address) {
        at = &(*at)->next;
    }
    *at = address->next;
    free(address);
}

// --- states --------------------------------------------------------------------------------------
static void stop_waiting(struct admission *a, struct admission_guest *guest) {
    if (!guest->waits) {
        return;
    }
    guest->waits = false;
    *(guest->previous != NULL ? &guest->previous->next : &a->first) = guest->next;
    *(guest->next != NULL ? &guest->next->previous : &a->last) = guest->previous;
    guest->previous = NULL;
    guest->next = NULL;
}

static void stop_working(struct admission *a, struct admission_guest *guest) {
    if (guest->works && !guest->privileged) {
        a->working--;
    }
    guest->works = false;
}

void admission_weigh(struct admission *a, struct admission_guest *guest, size_t bytes) {
    if (guest->address == NULL) {
        return;
    }
    a->bytes = a->bytes - guest->bytes + bytes;
    guest->address->bytes = guest->address->bytes - guest->bytes + bytes;
    guest->bytes = bytes;
}

void admission_wait(struct admission *a, struct admission_guest *guest, size_t bytes,
                    int64_t deadline_us) {
    if (guest->leaving) {
        return;
    }
    stop_working(a, guest);
    stop_waiting(a, guest);
    admission_weigh(a, guest, bytes);
    guest->deadline_us = deadline_us;
    guest->waits = true;
    guest->previous = a->last;
    *(a->last != NULL ? &a->last->next : &a->first) = guest;
    a->last = guest;
}

bool admission_work(struct admission *a, struct admission_guest *guest, bool privileged) {
    unsigned share = a->limits.connections - a->limits.connections / ADMISSION_KEPT_SHARE;
    if (guest->leaving || (!privileged && a->working >= share)) {
        return false;
    }
    stop_waiting(a, guest);
    guest->works = true;
    guest->privileged = privileged;
    a->working += privileged ? 0 : 1;
    return true;
}

// --- coming and going ----------------------------------------------------------------------------
bool admission_open(const struct admission *a) {
    return a->connections < a->limits.connections || a->first != NULL;
}

// Of those that waited longest, one of the address with the most connections: a crowd that comes
// again and again from a few addresses takes its own places, not that of somebody just come.
static struct admission_guest *replaceable(const struct admission *a) {
    struct admission_guest *best = a->first;
    struct admission_guest *at = best;
    for (int i = 0; at != NULL && i < ADMISSION_LOOKED_AT; i++) {
        if (at->address->connections > best->address->connections) {
            best = at;
        }
        at = at->next;
    }
    return best;
}

enum admission_answer admission_ask(const struct admission *a, struct admission_key key,
                                    struct admission_guest **ret_leaves) {
    *ret_leaves = NULL;
    const struct admission_address *address = find(a, &key);
    if (address != NULL && address->connections >= a->limits.connections_per_address) {
        struct admission_guest *at = a->first;
        while (at != NULL && at->address != address) {
            at = at->next;
        }
        *ret_leaves = at;
        return at != NULL ? ADMISSION_REPLACES_ITS_OWN : ADMISSION_REFUSED;
    }
    if (a->connections < a->limits.connections) {
        return ADMISSION_ENTERS;
    }
    *ret_leaves = replaceable(a);
    return ADMISSION_REPLACES;
}

void admission_enter(struct admission *a, struct admission_guest *guest, struct admission_key key,
                     int64_t deadline_us) {
    guest->address = find_or_make(a, &key);
    guest->address->connections++;
    a->connections++;
    admission_wait(a, guest, 0, deadline_us);
}

bool admission_is_heavy(const struct admission *a, const struct admission_guest *of) {
    return a->bytes > a->limits.bytes ||
           (of->address != NULL && of->address->bytes > a->limits.bytes_per_address);
}

struct admission_guest *admission_too_heavy(const struct admission *a,
                                            const struct admission_guest *of) {
    if (!admission_is_heavy(a, of)) {
        return NULL;
    }
    bool anybody = a->bytes > a->limits.bytes;
    struct admission_guest *at = a->first;
    while (at != NULL &&
           (at->bytes < ADMISSION_HEAVY_BYTES || (!anybody && at->address != of->address))) {
        at = at->next;
    }
    return at;
}

bool admission_bears(const struct admission *a, const struct admission_guest *guest) {
    return guest->privileged || !admission_is_heavy(a, guest);
}

void admission_dismiss(struct admission *a, struct admission_guest *guest) {
    if (guest->leaving) {
        return;
    }
    stop_working(a, guest);
    stop_waiting(a, guest);
    admission_weigh(a, guest, 0);
    guest->leaving = true;
    struct admission_address *address = guest->address;
    guest->address = NULL;
    address->connections--;
    a->connections--;
    drop_if_unused(a, address);
}

void admission_leave(struct admission *a, struct admission_guest *guest) {
    admission_dismiss(a, guest);
}
