/* Which DNS server a question goes to next: in turn, the mute ones last. */
#include "net/dns_servers.h"

#include <stdlib.h>

#include "base/text.h"

enum {
    PATIENCE = 3,      /* times as long after the first round: some ways are long */
    MUTE_SILENCES = 3, /* a server is mute from then on, until it answers */
    MUTE_FOR_S = 30,   /* between two questions that find out whether it still is */
    OTHERS_IDLE = 64   /* servers beside the resolver's own whose sockets are kept */
};

/* ---- servers ---- */

static void name_server(struct kms_dns_server *server, const struct kms_address *address)
{
    server->address = *address;
    kms_resolver_server_text(address, server->text, sizeof server->text);
}

static void close_server(struct kms_dns_server *server)
{
    for (size_t i = 0; i < KMS_COUNT_OF(server->channel); i++) {
        kms_dns_channel_free(server->channel[i]);
        kms_dns_channel_free(server->stream[i]);
        server->channel[i] = server->stream[i] = NULL;
    }
}

struct kms_dns_channel *kms_dns_server_channel(const struct kms_dns_servers *servers,
                                               struct kms_dns_server *server, bool over_tcp,
                                               bool patient)
{
    struct kms_dns_channel **place = over_tcp ? &server->stream[patient]
                                              : &server->channel[patient];
    if (!*place) {
        const struct kms_dns_channel_setup setup = {.loop = servers->loop,
                                                    .wait_ms = servers->try_ms *
                                                               (patient ? PATIENCE : 1),
                                                    .over_tcp = over_tcp,
                                                    .no_recursion = server->is_other};
        *place = kms_dns_channel_open(&setup, &server->address);
    }
    return *place;
}

void kms_dns_servers_set(struct kms_dns_servers *servers, const struct kms_address *address,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        name_server(&servers->own[i], &address[i]);
    }
    servers->count = count;
}

void kms_dns_servers_done(struct kms_dns_servers *servers)
{
    for (size_t i = 0; i < servers->count; i++) {
        close_server(&servers->own[i]);
    }
    for (size_t i = 0; i < servers->other_count; i++) {
        close_server(servers->other[i]);
        free(servers->other[i]);
    }
    free(servers->other);
    servers->other = NULL;
    servers->count = servers->other_count = 0;
}

/* ---- servers beside the resolver's own ---- */

static void forget_idle(struct kms_dns_servers *servers)
{
    size_t kept = 0;
    for (size_t i = 0; i < servers->other_count; i++) {
        struct kms_dns_server *server = servers->other[i];
        if (server->pending > 0) {
            servers->other[kept++] = server;
        } else {
            close_server(server);
            free(server);
        }
    }
    servers->other_count = kept;
}

struct kms_dns_server *kms_dns_servers_other(struct kms_dns_servers *servers,
                                             const struct kms_address *address)
{
    char text[KMS_DNS_SERVER_TEXT];
    kms_resolver_server_text(address, text, sizeof text);
    for (size_t i = 0; i < servers->other_count; i++) {
        if (kms_text_equal(servers->other[i]->text, text)) {
            return servers->other[i];
        }
    }
    if (servers->other_count >= OTHERS_IDLE) {
        forget_idle(servers);
    }
    struct kms_dns_server **grown = realloc(servers->other, (servers->other_count + 1) *
                                                                sizeof(struct kms_dns_server *));
    if (!grown) {
        return NULL;
    }
    servers->other = grown;
    struct kms_dns_server *server = calloc(1, sizeof *server);
    if (server) {
        name_server(server, address);
        server->is_other = true;
        servers->other[servers->other_count++] = server;
    }
    return server;
}

/* ---- mute servers ---- */

static int64_t now_us(const struct kms_dns_servers *servers)
{
    return kms_clock_mono_us(kms_loop_clock(servers->loop));
}

/* Servers that said nothing for some time are asked after all others, so that they cost every
 * question nothing. */
static bool is_mute(const struct kms_dns_server *server)
{
    return server->silences >= MUTE_SILENCES;
}

static void put_off(const struct kms_dns_servers *servers, struct kms_dns_server *server)
{
    server->again_us = now_us(servers) + INT64_C(1000000) * MUTE_FOR_S;
}

void kms_dns_server_note(const struct kms_dns_servers *servers, struct kms_dns_server *server,
                         enum kms_outcome outcome, bool spoke)
{
    server->silences = spoke ? 0 : server->silences;
    if (outcome == KMS_OUTCOME_DNS_TIMEOUT) {
        server->silences += is_mute(server) ? 0 : 1;
        put_off(servers, server);
    }
}

/* ---- turns ---- */

/* Of those that are left in this round; the count of servers when there is none. */
static size_t best_server(const struct kms_dns_turn *turn, const struct kms_dns_servers *servers)
{
    size_t count = servers->count, mute = count;
    for (size_t at = 0; at < count; at++) {
        const struct kms_dns_server *server = &servers->own[at];
        if (turn->taken & (1U << at)) {
            continue;
        }
        if (!is_mute(server) || now_us(servers) >= server->again_us) {
            return at;
        }
        mute = mute == count ? at : mute;
    }
    return mute;
}

static struct kms_dns_server *next_server(struct kms_dns_turn *turn,
                                          struct kms_dns_servers *servers)
{
    size_t count = servers->count;
    if (turn->only) {
        return turn->tries++ < KMS_DNS_ROUNDS ? turn->only : NULL;
    }
    while (count > 0 && turn->tries < KMS_DNS_ROUNDS * count) {
        if (turn->tries % count == 0) {
            turn->taken = turn->spent;
        }
        size_t at = best_server(turn, servers);
        if (at == count) {
            turn->tries += count - turn->tries % count;
            continue;
        }
        turn->tries++;
        turn->at = at;
        turn->taken |= 1U << at;
        return &servers->own[at];
    }
    return NULL;
}

struct kms_dns_server *kms_dns_turn_next(struct kms_dns_turn *turn, struct kms_dns_servers *servers)
{
    struct kms_dns_server *server = next_server(turn, servers);
    if (server && is_mute(server)) {
        put_off(servers, server); /* one question is enough to find out */
    }
    return server;
}

void kms_dns_turn_spend(struct kms_dns_turn *turn)
{
    if (!turn->only) {
        turn->spent |= 1U << turn->at;
    }
}

void kms_dns_turn_skip_to_last(struct kms_dns_turn *turn, const struct kms_dns_servers *servers)
{
    turn->tries = (KMS_DNS_ROUNDS - 1) * servers->count;
}

bool kms_dns_turn_is_late(const struct kms_dns_turn *turn, const struct kms_dns_servers *servers)
{
    return turn->tries > (turn->only ? 1 : servers->count);
}
