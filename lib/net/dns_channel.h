/* One channel of c-ares on the loop: only for the files behind net/resolve.h. Its .c is the only
 * file that knows c-ares. */
#ifndef KMS_NET_DNS_CHANNEL_H
#define KMS_NET_DNS_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "net/address.h"
#include "net/resolve.h"
#include "vocab/vocab.h"

struct kms_dns_channel;

/* Who waits for an answer: it must stay where it is until its one call back, which may come from
 * inside ask, find and free. What the pointers show is true during the call back only. */
struct kms_dns_call {
    /* Of ask. NONE: the channel was freed. bytes: the whole message, NULL when none came. */
    void (*answered)(void *arg, enum kms_outcome outcome, const uint8_t *bytes, size_t len);
    /* Of find. OK: count is above 0. */
    void (*found)(void *arg, enum kms_outcome outcome, const struct kms_address *address,
                  size_t count);
    void *arg;
};

struct kms_dns_channel_setup {
    struct kms_loop *loop;
    int wait_ms;
    bool over_tcp;
    bool no_recursion;
};

/* To one server, which is asked once, and what it says is handed on as it is. NULL: out of
 * memory. */
struct kms_dns_channel *kms_dns_channel_open(const struct kms_dns_channel_setup *setup,
                                             const struct kms_address *server);
/* To the system's servers, with the hosts file; a name is completed with the search domains, or
 * taken as it is. To be opened before all others and freed behind them. */
struct kms_dns_channel *kms_dns_channel_open_system(struct kms_loop *loop, int wait_ms, int tries,
                                                    bool with_domains);
/* NULL is fine. */
void kms_dns_channel_free(struct kms_dns_channel *channel);

/* At most KMS_RESOLVER_SERVERS_MAX. False: out of memory. */
bool kms_dns_channel_set_servers(struct kms_dns_channel *channel, const struct kms_address *server,
                                 size_t count);
/* The first KMS_RESOLVER_SERVERS_MAX. False: out of memory. */
bool kms_dns_channel_servers(const struct kms_dns_channel *channel, struct kms_address *ret,
                             size_t *ret_count);
/* The search domains that names are completed with, as they are written; NULL behind the last. */
const char *kms_dns_channel_domain(const struct kms_dns_channel *channel, size_t index);

void kms_dns_channel_ask(struct kms_dns_channel *channel, const char *name, int type,
                         struct kms_dns_call *call);
/* The addresses of a name, of both kinds and with port 0, in the order to try them. */
void kms_dns_channel_find(struct kms_dns_channel *channel, const char *name,
                          struct kms_dns_call *call);

#endif
