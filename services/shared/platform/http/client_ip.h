// Numeric addresses, and which one of those a request names is its client's. IPv4 and IPv6 in one
// form, so that 192.0.2.1 and ::ffff:192.0.2.1 are the same. Nothing is resolved.
#ifndef WEIR_PLATFORM_HTTP_CLIENT_IP_H
#define WEIR_PLATFORM_HTTP_CLIENT_IP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

enum {
    IP_BYTES = 16,
    IP_TEXT_MAX = 46,     // with NUL
    IP_PREFIXES_MAX = 64, // of one list
};

struct ip {
    unsigned char bytes[IP_BYTES]; // IPv4 as ::ffff:a.b.c.d
};

struct ip_prefix {
    struct ip ip;
    unsigned bits; // of the 128
};

struct ip_prefixes {
    struct ip_prefix items[IP_PREFIXES_MAX];
    size_t count;
};

// "192.0.2.1", "2001:db8::1"; with a port ("192.0.2.1:80", "[2001:db8::1]:80") or a zone
// ("fe80::1%eth0"), which are left out.
bool ip_parse(struct slice text, struct ip *ret);
void ip_format(const struct ip *ip, char out[IP_TEXT_MAX]);
// "10.0.0.0/8", "2001:db8::/32", or one address.
bool ip_prefix_parse(struct slice text, struct ip_prefix *ret);
bool ip_prefixes_have(const struct ip_prefixes *list, const struct ip *ip);

// Whom an address stands for: itself with IPv4, its /64 with IPv6, where one line has all of them.
struct ip ip_line(const struct ip *ip);
// Whom it is a neighbour of: its /24 with IPv4, its /48 with IPv6, which are what one buys.
struct ip ip_network(const struct ip *ip);

// The client of a request that came from `peer` with X-Forwarded-For `forwarded` (all lines joined
// by commas; {NULL, 0}: none). Each proxy adds at the right whom it was asked by, and anybody may
// send anything to the left of that: so from the peer on, leftwards, the first that is not one of
// the `trusted` counts. What is no address ends the way at the proxy that passed it on.
struct ip client_ip(const struct ip *peer, struct slice forwarded,
                    const struct ip_prefixes *trusted);

#endif
