/* One domain asked for its KMS hosts: the SRV records of _vlmcs._tcp, then the addresses of every
 * target. */
#ifndef KMS_DNS_PROBE_H
#define KMS_DNS_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "dns/srv.h"
#include "net/resolve.h"
#include "vocab/vocab.h"

#define KMS_DNS_TARGETS_MAX 128 /* names of one domain that are looked up */

struct kms_dns_target {
    char name[KMS_DNS_NAME_SIZE];
    /* OK: there is an address. DNS_NXDOMAIN, DNS_NODATA: there is none. Else: not known. */
    enum kms_outcome outcome;
    struct kms_dns_addresses found;
};

/* What is true during the call back; the probe owns it. */
struct kms_dns_domain {
    const char *name; /* "example.com" */
    char query[KMS_DNS_NAME_SIZE];
    enum kms_outcome outcome; /* of the SRV question; OK: there are records */
    char detail[200];         /* one line for people when it is not OK */
    char server[KMS_ADDRESS_TEXT + 8];
    struct kms_srv_set set;
    struct kms_dns_target *target;
    size_t target_count;
    int64_t lookup_us;   /* of the SRV question */
    int64_t duration_us; /* of everything */
};

/* Which bytes a domain may have, for messages. */
#define KMS_DNS_DOMAIN_ALLOWED \
    "allowed: visible ASCII characters but '\\'; other letters in the form xn--..."
/* Whether an answer could repeat the name as it was asked for: bytes that are written otherwise
 * there would make a good server look as if it talked nonsense. */
bool kms_dns_domain_plain(const char *domain);

struct kms_dns_probe;
typedef void kms_dns_done_fn(void *arg, const struct kms_dns_domain *domain);

/* A domain that is not plain, or too long, is not asked for: DNS_NAME. */
/* The deadline counts for everything together; addresses that did not come in time are not known.
 * done is called once and never from inside start; the probe is gone when it begins. NULL: out of
 * memory. */
struct kms_dns_probe *kms_dns_start(struct kms_resolver *resolver, struct kms_loop *loop,
                                    const char *domain, int64_t timeout_ms, kms_dns_done_fn *done,
                                    void *arg);
/* No call back any more. NULL is fine. Not from inside done. */
void kms_dns_cancel(struct kms_dns_probe *probe);

/* Lists the names that the records of the set lead to, whose addresses are to be looked up. False:
 * out of memory. */
bool kms_dns_list_targets(struct kms_dns_domain *domain);
/* One line in the place of the detail for an outcome that is not OK; what: what is malformed, or
 * "". */
void kms_dns_explain(struct kms_dns_domain *domain, const char *what);

/* Makes a domain that outlives the call back, under a name that the caller keeps. False: out of
 * memory, ret is not written. */
bool kms_dns_domain_copy(struct kms_dns_domain *ret, const struct kms_dns_domain *from,
                         const char *name);
void kms_dns_domain_done(struct kms_dns_domain *domain);

/* The looked up target of a record; NULL when there were too many. */
const struct kms_dns_target *kms_dns_target_of(const struct kms_dns_domain *domain,
                                               const struct kms_srv *srv);
/* Whether the record is meant for this host: by its name, by its name in the domain, or by its
 * address. */
bool kms_dns_names_host(const struct kms_dns_domain *domain, const struct kms_srv *srv,
                        const char *host);

#endif
