/* The DNS servers that a resolver may ask, and which of them is asked next: only for the files
 * behind net/resolve.h. */
#ifndef KMS_NET_DNS_SERVERS_H
#define KMS_NET_DNS_SERVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/dns_channel.h"
#include "net/dns_server_text.h"

enum {
    KMS_DNS_ROUNDS = 3 /* over the servers that said nothing */
};

/* This version of c-ares takes an answer SERVFAIL or REFUSED for silence unless it is told to check
 * nothing, and then it asks no other server. So every server has a channel of its own, and which
 * one is asked next is decided here. */
struct kms_dns_server {
    struct kms_address address;
    /* For the first round and for those after it, which wait longer; NULL until it is asked. */
    struct kms_dns_channel *channel[2];
    struct kms_dns_channel *stream[2]; /* over TCP, for what is too long */
    size_t pending;                    /* questions that its channels hold */
    unsigned silences;                 /* questions in a row that it did not answer */
    int64_t again_us;                  /* when one that is mute is asked again before the others */
    bool is_other;                     /* not the resolver's own: asked for what it has itself */
    char text[KMS_DNS_SERVER_TEXT];
};

/* Zeroed but for loop and try_ms it is empty. */
struct kms_dns_servers {
    struct kms_loop *loop;
    int try_ms; /* how long one is waited for in the first round */
    struct kms_dns_server own[KMS_RESOLVER_SERVERS_MAX];
    size_t count;
    struct kms_dns_server **other; /* asked by address */
    size_t other_count;
};

/* Of one question: who was asked. Zeroed but for only it is at its beginning. */
struct kms_dns_turn {
    struct kms_dns_server *only; /* NULL: the resolver's own, in turn */
    size_t tries;
    size_t at;      /* the server that is asked */
    unsigned spent; /* servers that need not be asked again, a bit each */
    unsigned taken; /* those of this round */
};

/* Room for KMS_RESOLVER_SERVERS_MAX. */
void kms_dns_servers_set(struct kms_dns_servers *servers, const struct kms_address *address,
                         size_t count);
void kms_dns_servers_done(struct kms_dns_servers *servers);
/* A server beside the resolver's own, which stays while it holds a question. NULL: out of memory.
 */
struct kms_dns_server *kms_dns_servers_other(struct kms_dns_servers *servers,
                                             const struct kms_address *address);

/* NULL: out of memory. */
struct kms_dns_channel *kms_dns_server_channel(const struct kms_dns_servers *servers,
                                               struct kms_dns_server *server, bool over_tcp,
                                               bool patient);
/* How one question to it ended; spoke: a message came. */
void kms_dns_server_note(const struct kms_dns_servers *servers, struct kms_dns_server *server,
                         enum kms_outcome outcome, bool spoke);

/* The next server that is worth asking; NULL: all were asked as often as they are. */
struct kms_dns_server *kms_dns_turn_next(struct kms_dns_turn *turn,
                                         struct kms_dns_servers *servers);
/* The server that is asked need not be asked again. */
void kms_dns_turn_spend(struct kms_dns_turn *turn);
/* Only the last round is left. */
void kms_dns_turn_skip_to_last(struct kms_dns_turn *turn, const struct kms_dns_servers *servers);
/* Whether the servers had their first chance. */
bool kms_dns_turn_is_late(const struct kms_dns_turn *turn, const struct kms_dns_servers *servers);

#endif
