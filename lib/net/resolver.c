/* The resolver: the servers that were set or those of the system, and its search domains. */
#include "net/resolver.h"

#include <stdlib.h>

#include "base/text.h"

enum { TRY_PRESET_MS = 1500, TRY_MAX_MS = 60000 };

static enum kms_status open_resolver(struct kms_resolver *resolver,
                                     const struct kms_resolver_setup *setup,
                                     struct kms_fault *fault)
{
    struct kms_dns_servers *servers = &resolver->servers;
    struct kms_address address[KMS_RESOLVER_SERVERS_MAX];
    size_t count = 0;
    servers->try_ms = TRY_PRESET_MS;
    if (setup->try_ms > 0) {
        servers->try_ms = setup->try_ms > TRY_MAX_MS ? TRY_MAX_MS : (int)setup->try_ms;
    }
    if (setup->servers) {
        enum kms_status status = kms_dns_server_list_read(setup->servers, address, &count, fault);
        if (status != KMS_OK) {
            return status;
        }
    }
    struct kms_dns_channel **const channel[] = {&resolver->short_names, &resolver->complete_names};
    for (size_t i = 0; i < KMS_COUNT_OF(channel); i++) {
        *channel[i] = kms_dns_channel_open_system(servers->loop, servers->try_ms, KMS_DNS_ROUNDS,
                                                  channel[i] == &resolver->short_names);
        if (!*channel[i] ||
            (setup->servers && !kms_dns_channel_set_servers(*channel[i], address, count))) {
            return kms_fault_set(fault, KMS_ENOMEM, 0, "out of memory");
        }
    }
    if (!setup->servers && !kms_dns_channel_servers(resolver->short_names, address, &count)) {
        return kms_fault_set(fault, KMS_ENOMEM, 0, "out of memory");
    }
    kms_dns_servers_set(servers, address, count);
    return KMS_OK;
}

enum kms_status kms_resolver_new(struct kms_loop *loop, const struct kms_resolver_setup *setup,
                                 struct kms_resolver **ret, struct kms_fault *fault)
{
    struct kms_resolver *resolver = calloc(1, sizeof *resolver);
    if (!resolver) {
        return kms_fault_set(fault, KMS_ENOMEM, 0, "out of memory");
    }
    resolver->servers.loop = loop;
    enum kms_status status = open_resolver(resolver, setup, fault);
    if (status != KMS_OK) {
        kms_resolver_free(resolver);
        return status;
    }
    *ret = resolver;
    return KMS_OK;
}

void kms_resolver_free(struct kms_resolver *resolver)
{
    if (!resolver) {
        return;
    }
    kms_dns_servers_done(&resolver->servers);
    kms_dns_channel_free(resolver->complete_names);
    kms_dns_channel_free(resolver->short_names);
    free(resolver);
}

void kms_resolver_servers(const struct kms_resolver *resolver, char *dst, size_t size)
{
    kms_text_copy(dst, size, "");
    for (size_t i = 0; i < resolver->servers.count; i++) {
        kms_text_append(dst, size, "%s%s", i > 0 ? ", " : "", resolver->servers.own[i].text);
    }
}

/* "search ." in resolv.conf means that there is none. */
static bool is_root(const char *domain)
{
    return domain[0] == '\0' || kms_text_equal(domain, ".");
}

const char *kms_resolver_domain(const struct kms_resolver *resolver, size_t index)
{
    const char *domain;
    for (size_t i = 0; (domain = kms_dns_channel_domain(resolver->short_names, i)); i++) {
        if (!is_root(domain) && index-- == 0) {
            return domain;
        }
    }
    return NULL;
}
