/* What the questions of one resolver share: only for the files behind net/resolve.h. */
#ifndef KMS_NET_RESOLVER_H
#define KMS_NET_RESOLVER_H

#include "net/dns_servers.h"
#include "net/resolve.h"

struct kms_resolver {
    /* For addresses, with the hosts file: of names that search domains complete, and of others. */
    struct kms_dns_channel *short_names, *complete_names;
    struct kms_dns_servers servers;
};

#endif
