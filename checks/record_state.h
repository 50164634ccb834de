/* What one SRV record is worth to clients: by itself, by DNS, by the site's list of hosts and by
 * what its port did. */
#ifndef KMS_CHECKS_RECORD_STATE_H
#define KMS_CHECKS_RECORD_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/probe.h"

#define KMS_EXPECTED_HOST_SIZE 256

/* A host that the site lists. */
struct kms_expected {
    char host[KMS_EXPECTED_HOST_SIZE]; /* a name or an address */
    uint16_t port;
};

struct kms_expected_list {
    struct kms_expected *entry; /* heap */
    size_t count;
};

/* "HOST", "HOST:PORT", "2001:db8::1", "[2001:db8::1]:PORT"; without a port it is preset. False: it
 * is none of these. */
bool kms_expected_read(const char *text, uint16_t preset, struct kms_expected *ret);
enum kms_status kms_expected_add(struct kms_expected_list *list, const struct kms_expected *entry);
void kms_expected_done(struct kms_expected_list *list);

/* How a record stands to the list. */
enum kms_expected_match {
    KMS_EXPECTED_NOT,       /* the list does not name its host */
    KMS_EXPECTED_ELSEWHERE, /* it names the host, on other ports only */
    KMS_EXPECTED_YES
};
enum kms_expected_match kms_expected_match(const struct kms_expected_list *list,
                                           const struct kms_dns_domain *domain,
                                           const struct kms_srv *srv);

struct kms_record_evidence {
    const struct kms_srv *srv;
    enum kms_outcome address; /* of the lookup of the target; NONE: not looked up */
    enum kms_expected_match match;
    bool site_lists;        /* the list is not empty */
    enum kms_outcome probe; /* of the bind; NONE: not probed */
};
/* Never GONE. A record whose host the list names on other ports only is wrongPort, whatever answers
 * there. */
enum kms_srv_state kms_record_state(const struct kms_record_evidence *evidence);
/* Clients that choose it first are not served: dead, unresolvable, wrongPort. */
bool kms_record_lost(enum kms_srv_state state);
/* DNS told that the target has no address. */
bool kms_record_no_address(enum kms_outcome address);

/* Per mille of clients that choose each record first, by priority and weight, and at random; both
 * have room for count. False: out of memory. */
bool kms_record_shares(const struct kms_srv *srv, size_t count, uint32_t *ret_share,
                       uint32_t *ret_uniform);

#endif
