/* The domains of the daemon: which are looked up, what was seen of them before, and what another
 * configuration makes of them. */
#ifndef KMS_AGENT_DOMAINS_H
#define KMS_AGENT_DOMAINS_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/lookups.h"
#include "agent/scheduler.h"
#include "agent/site.h"
#include "base/log.h"
#include "model/board.h"
#include "model/zone.h"
#include "net/resolve.h"
#include "probe/probe.h"

struct kms_domains;

struct kms_domains_config {
    struct kms_env *env; /* with a resolver */
    struct kms_board *board;
    struct kms_scheduler *scheduler; /* gets the hosts that are discovered */
    const struct kms_log *log;
    const char *config_path; /* for messages */
    /* Stable numbers; 0: out of memory. */
    uint32_t (*number_of_name)(void *arg, const char *space, const char *name);
    uint32_t (*number_of_host)(void *arg, const char *name);
    /* After every publish. */
    void (*published)(void *arg);
    void *arg;
};

/* Watches the domains of the site, with all its hosts on the board; nothing is asked before the
 * loop turns. config is copied; site and what config points to must live until kms_domains_free.
 * NULL: out of memory. */
struct kms_domains *kms_domains_open(const struct kms_domains_config *config,
                                     const struct kms_site *site);
struct kms_zones *kms_domains_zones(const struct kms_domains *domains);
struct kms_lookups *kms_domains_lookups(const struct kms_domains *domains);
/* A host's state changed: as kms_lookups_poke. */
void kms_domains_poke(struct kms_domains *domains);

/* A reload, in this order. Finds the domains of the next site, with the resolver that will be in
 * force: false is out of memory, and all stays as it is. */
bool kms_domains_prepare(struct kms_domains *domains, const struct kms_site *next,
                         const struct kms_resolver *resolver);
/* Looks up what the next site wants, once its hosts are on the board. KMS_EBUSY: what it is about
 * is not judged again yet, call again on another turn; KMS_ENOMEM: after a while. */
enum kms_status kms_domains_settle(struct kms_domains *domains, const struct kms_site *next);

/* Saves what was seen, waiting at most grace_ms for a write that runs, and looks up no more; before
 * the scheduler goes. The zones stay. NULL is fine, here and below. */
void kms_domains_stop(struct kms_domains *domains, int64_t grace_ms);
/* Before the board goes. */
void kms_domains_free(struct kms_domains *domains);

#endif
