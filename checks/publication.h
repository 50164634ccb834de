/* The verdict on the SRV records of a domain, and on one host among them, with its texts. */
#ifndef KMS_CHECKS_PUBLICATION_H
#define KMS_CHECKS_PUBLICATION_H

#include <stdbool.h>
#include <stdint.h>

#include "dns/probe.h"
#include "output.h"
#include "range.h"

struct kms_publication_wish {
    const char *host;                   /* NULL: any */
    int64_t port;                       /* that the records should have; 0: any */
    struct kms_range warning, critical; /* milliseconds of the lookup */
    enum kms_state timeout_state;       /* when no server answered in time */
    bool several;                       /* domains: the labels of performance data name this one */
};

/* Fills out and gives the state. */
enum kms_state kms_publication_show(const struct kms_dns_domain *domain,
                                    const struct kms_publication_wish *wish,
                                    struct kms_output *out);

#endif
