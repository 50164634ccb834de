/* What an answer says about the KMS hosts of a domain: the set of its SRV records, put in order
 * (RFC 2782). */
#ifndef KMS_DNS_SRV_H
#define KMS_DNS_SRV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "dns/answer.h"
#include "net/address.h"
#include "vocab/vocab.h"

#define KMS_SRV_MAX      512 /* records of one answer; more are counted and left out */
#define KMS_SRV_PREFIX   "_vlmcs._tcp"
#define KMS_DNS_ADDR_MAX 8

/* Why clients cannot use a record, whatever its target does. */
enum kms_srv_flaw {
    KMS_SRV_SOUND,
    KMS_SRV_DUPLICATE, /* the same as one before it: harmless, but somebody's mistake */
    KMS_SRV_NO_PORT,   /* port 0 */
    KMS_SRV_ROOT,      /* target "." beside other records */
    KMS_SRV_ADDRESS    /* an address where a name must stand */
};

struct kms_srv {
    uint16_t priority, weight, port;
    uint32_t ttl;
    enum kms_srv_flaw flaw;
    char target[KMS_DNS_NAME_SIZE];
};

struct kms_srv_set {
    struct kms_srv *srv; /* by priority, then the higher weight first, then by target and port */
    size_t count;
    size_t left_out;               /* beyond KMS_SRV_MAX */
    char alias[KMS_DNS_NAME_SIZE]; /* the name asked for is an alias of this one; "" */
};

/* Reads the answer to a question for the SRV records of name. OK fills ret, which kms_srv_set_done
 * empties; anything else (DNS_NXDOMAIN, DNS_NODATA, DNS_SERVFAIL, DNS_REFUSED, DNS_NOT_SUPPORTED,
 * DNS_NO_SERVICE, DNS_TRUNCATED, DNS_LOOP, DNS_MALFORMED, NO_MEMORY) leaves it alone. The fault
 * tells what is malformed. */
enum kms_outcome kms_srv_read(const uint8_t *bytes, size_t len, const char *name,
                              struct kms_srv_set *ret, struct kms_fault *fault);
/* Finds the flaws of records as they came and puts them in order. OK, or DNS_NODATA, DNS_NO_SERVICE
 * where these records say so. */
enum kms_outcome kms_srv_set_judge(struct kms_srv_set *set);
void kms_srv_set_done(struct kms_srv_set *set);
/* False: out of memory, ret is not written. */
bool kms_srv_set_copy(struct kms_srv_set *ret, const struct kms_srv_set *from);

/* "port 0", "the target is an address, not a name"; "" for a sound record. */
const char *kms_srv_flaw_text(enum kms_srv_flaw flaw);
/* Whether clients can use it as far as the record itself goes. */
bool kms_srv_usable(const struct kms_srv *srv);

struct kms_dns_addresses {
    struct kms_address address[KMS_DNS_ADDR_MAX]; /* port 0 */
    size_t count;
    uint32_t ttl; /* the shortest; of the addresses found */
    bool alias; /* the name is an alias, which the target of an SRV record must not be (RFC 2782) */
};

/* Adds the A or AAAA records of name. NODATA when the answer has none. */
enum kms_outcome kms_dns_addresses_read(const uint8_t *bytes, size_t len, const char *name,
                                        struct kms_dns_addresses *addresses,
                                        struct kms_fault *fault);

/* Where the aliases of name lead in an answer; false when it is no alias there, or when the answer
 * cannot be read. */
bool kms_dns_alias_read(const uint8_t *bytes, size_t len, const char *name,
                        char ret[KMS_DNS_NAME_SIZE]);

/* Whether the aliases of name lead in a circle: servers that follow them themselves say SERVFAIL
 * beside the circle. */
bool kms_dns_alias_loops(const uint8_t *bytes, size_t len, const char *name);

#define KMS_NS_MAX 16 /* servers of one zone; more are counted and left out */

/* The servers of a zone. */
struct kms_ns_set {
    char name[KMS_NS_MAX][KMS_DNS_NAME_SIZE];
    size_t count, left_out;
};

/* Reads the answer to a question for the NS records of name. OK fills ret; DNS_NODATA: it has none
 * of its own, so that no zone begins there. */
enum kms_outcome kms_ns_read(const uint8_t *bytes, size_t len, const char *name,
                             struct kms_ns_set *ret, struct kms_fault *fault);

#endif
