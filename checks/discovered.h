/* The KMS hosts that domains publish, probed, and their two forms: rows of a table for people,
 * objects of JSON. */
#ifndef KMS_CHECKS_DISCOVERED_H
#define KMS_CHECKS_DISCOVERED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/probe.h"
#include "listing.h"
#include "probed.h"

struct kms_discovered_record {
    struct kms_srv srv;
    struct kms_dns_target target; /* outcome NONE: not looked up */
    uint32_t share;               /* per mille of clients that choose it first (RFC 2782) */
    uint32_t share_uniform;       /* the same of clients that ignore priority and weight */
    struct kms_probed *probed;    /* NULL: not probed */
};

struct kms_discovered {
    const char *domain;
    enum kms_outcome outcome; /* of the lookup */
    char detail[200];
    int64_t lookup_us;
    struct kms_discovered_record *record;
    size_t record_count;
    size_t left_out;
};

/* Copies what a lookup brought. False: out of memory. */
bool kms_discovered_take(struct kms_discovered *found, const struct kms_dns_domain *domain);
void kms_discovered_done(struct kms_discovered *found);

/* Clients can use the record, as far as it itself and DNS go. */
bool kms_discovered_usable(const struct kms_discovered_record *record);
/* Usable, and the port accepted the bind where it was probed. */
bool kms_discovered_healthy(const struct kms_discovered_record *record);

/* probed: the probed_count hosts that records point to. */
enum kms_status kms_discovered_table(const struct kms_discovered *found, size_t count,
                                     const struct kms_probed *probed, size_t probed_count,
                                     const struct kms_listing_style *style, struct kms_buf *out);
/* An array with an object a domain. */
enum kms_status kms_discovered_json(const struct kms_discovered *found, size_t count,
                                    struct kms_buf *out);

#endif
