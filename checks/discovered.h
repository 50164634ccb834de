/* The KMS hosts that domains publish, probed, and their two forms: rows of a table for people,
 * objects of JSON. */
#ifndef KMS_CHECKS_DISCOVERED_H
#define KMS_CHECKS_DISCOVERED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/authority.h"
#include "dns/probe.h"
#include "listing.h"
#include "probed.h"
#include "record_state.h"

struct kms_discovered_record {
    struct kms_srv srv;
    struct kms_dns_target target; /* outcome NONE: not looked up */
    uint32_t share;               /* per mille of clients that choose it first (RFC 2782) */
    uint32_t share_uniform;       /* the same of clients that ignore priority and weight */
    struct kms_probed *probed;    /* NULL: not probed */
    enum kms_expected_match match;
};

struct kms_discovered {
    const char *domain;
    enum kms_outcome outcome; /* of the lookup */
    char detail[200];
    int64_t lookup_us;
    struct kms_discovered_record *record;
    size_t record_count;
    size_t left_out;
    const struct kms_expected_list *expected; /* outlives this */
    bool *missing;                            /* by entry of that list */
    struct kms_dns_domain answer;             /* filled where the servers were to be asked */
    bool asked;                               /* authority is filled */
    struct kms_authority authority;
};

/* Copies what a lookup brought; expected is set. False: out of memory. */
bool kms_discovered_take(struct kms_discovered *found, const struct kms_dns_domain *domain);
void kms_discovered_done(struct kms_discovered *found);

/* Clients can use the record, as far as it itself and DNS go. */
bool kms_discovered_usable(const struct kms_discovered_record *record);
/* What it is worth; unknown where it was not probed. */
enum kms_srv_state kms_discovered_state(const struct kms_discovered_record *record,
                                        const struct kms_discovered *of);
/* Nothing is wrong: all expected hosts are there, all records are healthy or were not probed, and
 * the servers of the zone agree where they were asked. */
bool kms_discovered_good(const struct kms_discovered *found);
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
