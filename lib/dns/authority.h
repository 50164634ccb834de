/* One domain asked at every server that has its zone: the servers that its NS records name, or
 * those of a list. */
#ifndef KMS_DNS_AUTHORITY_H
#define KMS_DNS_AUTHORITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/probe.h"
#include "dns/srv.h"
#include "net/resolve.h"

#define KMS_AUTHORITY_SERVERS_MAX 32 /* addresses of one zone that are asked */

struct kms_authority_setup {
    const char *servers; /* as of a resolver; NULL: those of the NS records */
    uint16_t port;       /* of servers found by NS records; 0: 53 */
    int64_t timeout_ms;  /* for everything together */
};

struct kms_authority_server {
    char name[KMS_DNS_NAME_SIZE];    /* of its NS record; "": it comes from a list */
    char text[KMS_ADDRESS_TEXT + 8]; /* its address; "": its name has none, or it is not known */
    struct kms_address address;
    enum kms_outcome outcome; /* of the SRV question, or of the lookup of its address */
    char detail[200];         /* one line for people when it gave no answer */
    struct kms_srv_set set;
    char alias[KMS_DNS_NAME_SIZE]; /* it knows the name as an alias only, of this one; "" */
};

/* What is true during the call back; the probe owns it. */
struct kms_authority {
    const char *name;
    char query[KMS_DNS_NAME_SIZE];
    char zone[KMS_DNS_NAME_SIZE]; /* that the name is in; "" with a list */
    enum kms_outcome outcome;     /* OK: servers were asked; else why none were found */
    char detail[200];
    struct kms_authority_server *server; /* by name and address; as listed, with a list */
    size_t count, left_out;
    int64_t duration_us;
};

struct kms_authority_probe;
typedef void kms_authority_done_fn(void *arg, const struct kms_authority *authority);

/* done is called once and never from inside start; the probe is gone when it begins. A list that
 * cannot be read is no list: check it before (kms_resolver_check_servers). The resolver looks for
 * the NS records at the name itself and at every name above it, down to two labels. NULL: out of
 * memory. */
struct kms_authority_probe *kms_authority_start(struct kms_resolver *resolver,
                                                struct kms_loop *loop, const char *domain,
                                                const struct kms_authority_setup *setup,
                                                kms_authority_done_fn *done, void *arg);
/* No call back any more. NULL is fine. Not from inside done. */
void kms_authority_cancel(struct kms_authority_probe *probe);

/* Makes one that outlives the call back, under a name that the caller keeps. False: out of memory,
 * ret is not written. */
bool kms_authority_copy(struct kms_authority *ret, const struct kms_authority *from,
                        const char *name);
void kms_authority_done(struct kms_authority *authority);

/* The server told whether there are records. */
bool kms_authority_answered(const struct kms_authority_server *server);

struct kms_authority_verdict {
    size_t answered; /* servers */
    size_t silent;   /* names of servers none of whose addresses answered; of a list: addresses */
    bool differ;     /* two of the servers that answered know different records */
    bool resolver_differs; /* and so does what the resolver said, or remembers */
    bool known;            /* at least two answered, the resolver counted */
};
/* Times to live do not count, nor does the order. resolver NULL: it was not asked. */
void kms_authority_judge(const struct kms_authority *authority,
                         const struct kms_dns_domain *resolver, struct kms_authority_verdict *ret);
/* "lacks kms2.kms.lab:1688, priority 0, weight 10": what others know and this server does not,
 * three records at most; "" when it lacks nothing. Index count: the resolver. */
void kms_authority_lacks(const struct kms_authority *authority,
                         const struct kms_dns_domain *resolver, size_t index, char *dst,
                         size_t size);
/* All that is wrong in one line; "" when nothing is. */
void kms_authority_text(const struct kms_authority *authority,
                        const struct kms_dns_domain *resolver, char *dst, size_t size);

#endif
