#include "platform/http/client_ip.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "base/number.h"

enum {
    MAPPED_BITS = 96, // ::ffff:0:0/96 holds IPv4
    IPV4_BITS = 32,
    IPV6_BITS = 128,
    LINE_BITS_V6 = 64,
    NETWORK_BITS_V6 = 48,
    NETWORK_BITS_V4 = 24,
};

static const unsigned char MAPPED[MAPPED_BITS / 8] = {[10] = 0xff, [11] = 0xff};

static bool is_ipv4(const struct ip *ip) {
    return memcmp(ip->bytes, MAPPED, sizeof MAPPED) == 0;
}

// Cuts port, brackets and zone off.
static struct slice bare(struct slice text) {
    const char *end = NULL;
    if (text.len > 0 && text.ptr[0] == '[') {
        text = slice_of(text.ptr + 1, text.len - 1);
        end = memchr(text.ptr, ']', text.len);
        if (end == NULL) {
            return (struct slice){NULL, 0};
        }
    } else if (text.len > 0) {
        const char *colon = memchr(text.ptr, ':', text.len);
        size_t after = colon != NULL ? text.len - (size_t)(colon + 1 - text.ptr) : 0;
        if (colon != NULL && memchr(colon + 1, ':', after) == NULL) {
            end = colon; // one colon is never IPv6
        }
    }
    if (end != NULL) {
        text.len = (size_t)(end - text.ptr);
    }
    const char *zone = text.len > 0 ? memchr(text.ptr, '%', text.len) : NULL;
    if (zone != NULL) {
        text.len = (size_t)(zone - text.ptr);
    }
    return text;
}

bool ip_parse(struct slice text, struct ip *ret) {
    char copy[IP_TEXT_MAX];
    struct slice address = bare(text);
    if (address.len == 0 || address.len >= sizeof copy) {
        return false;
    }
    memcpy(copy, address.ptr, address.len);
    copy[address.len] = '\0';
    struct ip ip;
    memcpy(ip.bytes, MAPPED, sizeof MAPPED);
    if (inet_pton(AF_INET, copy, ip.bytes + sizeof MAPPED) != 1 &&
        inet_pton(AF_INET6, copy, ip.bytes) != 1) {
        return false;
    }
    *ret = ip;
    return true;
}

void ip_format(const struct ip *ip, char out[IP_TEXT_MAX]) {
    if (is_ipv4(ip)) {
        (void)inet_ntop(AF_INET, ip->bytes + sizeof MAPPED, out, IP_TEXT_MAX);
    } else {
        (void)inet_ntop(AF_INET6, ip->bytes, out, IP_TEXT_MAX);
    }
}

static struct ip masked(const struct ip *ip, unsigned bits) {
    struct ip out = {0};
    memcpy(out.bytes, ip->bytes, bits / 8);
    if (bits % 8 != 0) {
        out.bytes[bits / 8] = ip->bytes[bits / 8] & (unsigned char)(0xff00U >> (bits % 8));
    }
    return out;
}

bool ip_prefix_parse(struct slice text, struct ip_prefix *ret) {
    const char *slash = text.len > 0 ? memchr(text.ptr, '/', text.len) : NULL;
    size_t len = slash != NULL ? (size_t)(slash - text.ptr) : text.len;
    struct ip ip;
    if (!ip_parse(slice_of(text.ptr, len), &ip)) {
        return false;
    }
    // Of "192.0.2.0/24" the bits count from where IPv4 begins.
    bool v4 = is_ipv4(&ip) && memchr(text.ptr, ':', len) == NULL;
    uint64_t bits = v4 ? IPV4_BITS : IPV6_BITS;
    uint64_t most = bits;
    if (slash != NULL &&
        (!number_parse_u64(slice_of(slash + 1, text.len - len - 1), &bits) || bits > most)) {
        return false;
    }
    unsigned all = (unsigned)bits + (v4 ? MAPPED_BITS : 0);
    *ret = (struct ip_prefix){.ip = masked(&ip, all), .bits = all};
    return true;
}

bool ip_prefixes_have(const struct ip_prefixes *list, const struct ip *ip) {
    for (size_t i = 0; i < list->count; i++) {
        struct ip at = masked(ip, list->items[i].bits);
        if (memcmp(at.bytes, list->items[i].ip.bytes, IP_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

struct ip ip_line(const struct ip *ip) {
    return is_ipv4(ip) ? *ip : masked(ip, LINE_BITS_V6);
}

struct ip ip_network(const struct ip *ip) {
    return masked(ip, is_ipv4(ip) ? MAPPED_BITS + NETWORK_BITS_V4 : NETWORK_BITS_V6);
}

// Cuts the last item off a list with commas.
static struct slice last_item(struct slice *list) {
    size_t start = list->len;
    while (start > 0 && list->ptr[start - 1] != ',') {
        start--;
    }
    struct slice item = slice_of(list->ptr + start, list->len - start);
    list->len = start > 0 ? start - 1 : 0;
    while (item.len > 0 && (item.ptr[0] == ' ' || item.ptr[0] == '\t')) {
        item = slice_of(item.ptr + 1, item.len - 1);
    }
    while (item.len > 0 && (item.ptr[item.len - 1] == ' ' || item.ptr[item.len - 1] == '\t')) {
        item.len--;
    }
    return item;
}

struct ip client_ip(const struct ip *peer, struct slice forwarded,
                    const struct ip_prefixes *trusted) {
    struct ip at = *peer;
    while (forwarded.len > 0 && ip_prefixes_have(trusted, &at)) {
        struct ip before;
        if (!ip_parse(last_item(&forwarded), &before)) {
            break;
        }
        at = before;
    }
    return at;
}
