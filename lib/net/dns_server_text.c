/* DNS servers as people write them: an address, and its port where it is not 53. */
#include "net/dns_server_text.h"

#include <string.h>

#include "base/text.h"

enum { PORT_DNS = 53 };

static uint16_t port_of(const struct kms_address *address)
{
    bool is_v4 = kms_address_family(address) == AF_INET;
    return ntohs(is_v4 ? address->to.v4.sin_port : address->to.v6.sin6_port);
}

void kms_resolver_server_text(const struct kms_address *server, char *dst, size_t size)
{
    if (port_of(server) == PORT_DNS) {
        kms_address_text(server, dst, size);
    } else {
        kms_address_port_text(server, dst, size);
    }
}

/* "192.0.2.53", "192.0.2.53:5353", "2001:db8::53", "[2001:db8::53]", "[2001:db8::53]:5353" */
static bool read_server(const char *text, size_t len, struct kms_address *ret)
{
    char host[KMS_ADDRESS_TEXT];
    const char *end = text + len, *port_at = NULL;
    size_t host_len = len;
    uint64_t port = PORT_DNS;
    if (len > 0 && text[0] == '[') {
        const char *close = memchr(text, ']', len);
        if (!close || (close + 1 != end && close[1] != ':')) {
            return false;
        }
        port_at = close + 1 == end ? NULL : close + 2;
        text++;
        host_len = (size_t)(close - text);
    } else {
        const char *colon = memchr(text, ':', len);
        if (colon && !memchr(colon + 1, ':', (size_t)(end - colon - 1))) {
            port_at = colon + 1;
            host_len = (size_t)(colon - text);
        }
    }
    if (host_len == 0 || host_len >= sizeof host ||
        (port_at && (!kms_text_u64_len(port_at, (size_t)(end - port_at), &port) || port == 0 ||
                     port > UINT16_MAX))) {
        return false;
    }
    memcpy(host, text, host_len);
    host[host_len] = '\0';
    return kms_address_parse(host, (uint16_t)port, ret);
}

/* The first of a list, without the blanks around it. */
struct entry {
    const char *at;
    size_t len;
    const char *end; /* the comma, or the end of the list */
};

static struct entry first_entry(const char *list)
{
    struct entry entry = {.at = list + strspn(list, " ")};
    entry.len = strcspn(entry.at, ",");
    entry.end = entry.at + entry.len;
    while (entry.len > 0 && entry.at[entry.len - 1] == ' ') {
        entry.len--;
    }
    return entry;
}

static enum kms_status read_entry(const struct entry *entry, size_t offset, struct kms_address *ret,
                                  struct kms_fault *fault)
{
    if (read_server(entry->at, entry->len, ret)) {
        return KMS_OK;
    }
    return kms_fault_set(fault, KMS_ESYNTAX, offset,
                         "'%.*s' is not a DNS server; allowed: an address with or without "
                         "port, e.g. 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353",
                         (int)(entry->len < 80 ? entry->len : 80), entry->at);
}

bool kms_resolver_next_server(const char **list, struct kms_address *ret, struct kms_fault *fault)
{
    struct entry entry = first_entry(*list);
    if (*entry.at == '\0' || read_entry(&entry, 0, ret, fault) != KMS_OK) {
        return false;
    }
    *list = entry.end + (*entry.end == ',' ? 1 : 0);
    return true;
}

enum kms_status kms_dns_server_list_read(const char *text,
                                         struct kms_address ret[KMS_RESOLVER_SERVERS_MAX],
                                         size_t *ret_count, struct kms_fault *fault)
{
    size_t count = 0;
    const char *at = text;
    for (;;) {
        struct entry entry = first_entry(at);
        size_t offset = (size_t)(entry.at - text);
        if (count == KMS_RESOLVER_SERVERS_MAX) {
            return kms_fault_set(fault, KMS_EINVAL, offset, "more than %d DNS servers",
                                 KMS_RESOLVER_SERVERS_MAX);
        }
        enum kms_status status = read_entry(&entry, offset, &ret[count], fault);
        if (status != KMS_OK) {
            return status;
        }
        count++;
        if (*entry.end == '\0') {
            *ret_count = count;
            return KMS_OK;
        }
        at = entry.end + 1;
    }
}

enum kms_status kms_resolver_check_servers(const char *servers, struct kms_fault *fault)
{
    struct kms_address address[KMS_RESOLVER_SERVERS_MAX];
    size_t count;
    return kms_dns_server_list_read(servers, address, &count, fault);
}
