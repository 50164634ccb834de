/* Addresses from text and from DNS bytes, and back to text. */
#include "net/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>

#include "base/text.h"

struct kms_address kms_address_v4(const uint8_t bytes[4], uint16_t port)
{
    struct kms_address address = {.to.v4 = {.sin_family = AF_INET, .sin_port = htons(port)}};
    memcpy(&address.to.v4.sin_addr, bytes, 4);
    return address;
}

struct kms_address kms_address_v6(const uint8_t bytes[16], uint16_t port)
{
    struct kms_address address = {.to.v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)}};
    memcpy(&address.to.v6.sin6_addr, bytes, 16);
    return address;
}

/* The zone of a link-local address is the name or the number of an interface. */
static bool parse_zone(const char *zone, uint32_t *ret)
{
    uint64_t number = if_nametoindex(zone);
    if (number == 0 && (!kms_text_u64(zone, &number) || number == 0 || number > UINT32_MAX)) {
        return false;
    }
    *ret = (uint32_t)number;
    return true;
}

bool kms_address_parse(const char *text, uint16_t port, struct kms_address *ret)
{
    char plain[INET6_ADDRSTRLEN];
    uint8_t bytes[16];
    uint32_t zone = 0;
    const char *mark = strchr(text, '%');
    size_t len = mark ? (size_t)(mark - text) : strlen(text);
    if (!kms_text_format(plain, sizeof plain, "%.*s", (int)(len < 64 ? len : 64), text)) {
        return false;
    }
    if (!mark && inet_pton(AF_INET, plain, bytes) == 1) {
        *ret = kms_address_v4(bytes, port);
        return true;
    }
    if (inet_pton(AF_INET6, plain, bytes) != 1 || (mark && !parse_zone(mark + 1, &zone))) {
        return false;
    }
    *ret = kms_address_v6(bytes, port);
    ret->to.v6.sin6_scope_id = zone;
    return true;
}

void kms_address_set_port(struct kms_address *address, uint16_t port)
{
    if (kms_address_family(address) == AF_INET6) {
        address->to.v6.sin6_port = htons(port);
    } else {
        address->to.v4.sin_port = htons(port);
    }
}

int kms_address_family(const struct kms_address *address)
{
    return address->to.any.sa_family;
}

socklen_t kms_address_len(const struct kms_address *address)
{
    return kms_address_family(address) == AF_INET6 ? sizeof address->to.v6 : sizeof address->to.v4;
}

void kms_address_text(const struct kms_address *address, char *dst, size_t size)
{
    char plain[INET6_ADDRSTRLEN] = "";
    bool v6 = kms_address_family(address) == AF_INET6;
    const void *bytes = v6 ? (const void *)&address->to.v6.sin6_addr
                           : (const void *)&address->to.v4.sin_addr;
    if (!inet_ntop(v6 ? AF_INET6 : AF_INET, bytes, plain, sizeof plain)) {
        plain[0] = '\0';
    }
    kms_text_copy(dst, size, plain);
    if (!v6 || address->to.v6.sin6_scope_id == 0) {
        return;
    }
    char zone[IF_NAMESIZE];
    if (if_indextoname(address->to.v6.sin6_scope_id, zone)) {
        kms_text_append(dst, size, "%%%s", zone);
    } else {
        kms_text_append(dst, size, "%%%u", (unsigned)address->to.v6.sin6_scope_id);
    }
}

void kms_address_port_text(const struct kms_address *address, char *dst, size_t size)
{
    char text[KMS_ADDRESS_TEXT];
    bool v6 = kms_address_family(address) == AF_INET6;
    kms_address_text(address, text, sizeof text);
    kms_text_format(dst, size, v6 ? "[%s]:%u" : "%s:%u", text,
                    (unsigned)ntohs(v6 ? address->to.v6.sin6_port : address->to.v4.sin_port));
}
