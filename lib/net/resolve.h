/* Questions to DNS on the loop: addresses of a name, and raw answers of any type with their time to
 * live. */
#ifndef KMS_NET_RESOLVE_H
#define KMS_NET_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "base/status.h"
#include "net/address.h"
#include "vocab/vocab.h"

struct kms_resolver;
struct kms_question;

struct kms_resolver_setup {
    const char *servers; /* "192.0.2.53,[2001:db8::53]:5353", NULL: the system's */
    int64_t try_ms;      /* how long one server is waited for; 0: 1500. When all said nothing they
                            are asked again and waited for three times as long: an answer may have
                            a long way. */
};

#define KMS_RESOLVER_SERVERS_MAX 8

/* The program must ignore SIGPIPE: an answer that is too long for UDP comes over TCP. A server that
 * cannot be read is KMS_ESYNTAX or KMS_EINVAL, and the fault names it. */
enum kms_status kms_resolver_new(struct kms_loop *loop, const struct kms_resolver_setup *setup,
                                 struct kms_resolver **ret, struct kms_fault *fault);
/* After every question ended or was cancelled. NULL is fine. */
void kms_resolver_free(struct kms_resolver *resolver);

/* Whether that text can be the servers of a set-up; the fault as of kms_resolver_new. */
enum kms_status kms_resolver_check_servers(const char *servers, struct kms_fault *fault);

/* The servers that are asked, as "192.0.2.53, [2001:db8::53]:5353". */
void kms_resolver_servers(const struct kms_resolver *resolver, char *dst, size_t size);
/* The system's search domains, the root left out; NULL behind the last. */
const char *kms_resolver_domain(const struct kms_resolver *resolver, size_t index);

/* What is true during the call back only. */
struct kms_resolved {
    enum kms_outcome outcome;          /* OK, DNS_..., NO_MEMORY */
    const struct kms_address *address; /* with port 0, in the order to try them */
    size_t count;                      /* above 0 when OK */
};
typedef void kms_resolved_fn(void *arg, const struct kms_resolved *resolved);

/* The addresses of a name: /etc/hosts, then DNS. A name without a dot is completed with the search
 * domains; one with a dot, if only at its end, is complete: a host that is gone must not be taken
 * for what a search domain has under its name. An address is its own answer. done is called once
 * and never from inside start. NULL: out of memory. */
struct kms_question *kms_resolve_start(struct kms_resolver *resolver, const char *name,
                                       int64_t timeout_ms, kms_resolved_fn *done, void *arg);

enum kms_dns_type {
    KMS_DNS_A = 1,
    KMS_DNS_NS = 2,
    KMS_DNS_CNAME = 5,
    KMS_DNS_SOA = 6,
    KMS_DNS_AAAA = 28,
    KMS_DNS_SRV = 33
};

/* What is true during the call back only. */
struct kms_dns_reply {
    enum kms_outcome outcome; /* OK: the bytes hold an answer section; else DNS_..., NO_MEMORY */
    const uint8_t *bytes;     /* the whole message; NULL when none came */
    size_t len;
    char server[KMS_ADDRESS_TEXT +
                8]; /* that said so, with its port; the last one asked when none did */
};
typedef void kms_dns_reply_fn(void *arg, const struct kms_dns_reply *reply);

/* The answer of DNS to one question, without search domains and without /etc/hosts. A server that
 * says nothing or cannot answer (SERVFAIL, REFUSED, lame) makes way for the next one; one that
 * said nothing to three questions in a row is asked after all others, and in its turn again every
 * half minute. An answer that is too long for UDP is asked for again over TCP: DNS_TRUNCATED when
 * it does not come whole. done is called once and never from inside start. NULL: out of memory. */
struct kms_question *kms_resolve_query(struct kms_resolver *resolver, const char *name,
                                       enum kms_dns_type type, int64_t timeout_ms,
                                       kms_dns_reply_fn *done, void *arg);

/* The same of one server only, which is to answer from what it has itself (no recursion): without
 * authority for the name its answer is DNS_LAME. The address has a port. */
struct kms_question *kms_resolve_query_at(struct kms_resolver *resolver,
                                          const struct kms_address *server, const char *name,
                                          enum kms_dns_type type, int64_t timeout_ms,
                                          kms_dns_reply_fn *done, void *arg);

/* "192.0.2.53", "192.0.2.53:5353", "[2001:db8::53]:5353", one of a list of servers: the port is 53
 * unless it is given. Steps behind it; false at the end or, with a fault, at what is no server. */
bool kms_resolver_next_server(const char **list, struct kms_address *ret, struct kms_fault *fault);
/* The address, and its port where it is not 53. */
void kms_resolver_server_text(const struct kms_address *server, char *dst, size_t size);

/* No call back any more; not from inside done, where the question is gone already. NULL is fine. */
void kms_question_cancel(struct kms_question *question);

#endif
