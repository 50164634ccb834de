/* What the questions of one resolver share: only for the files behind net/resolve.h. */
#ifndef KMS_NET_RESOLVER_H
#define KMS_NET_RESOLVER_H

#include "net/dns_servers.h"
#include "net/resolve.h"

struct kms_resolver {
    struct kms_dns_channel *system; /* for addresses: hosts file, search domains */
    struct kms_dns_servers servers;
};

#endif
