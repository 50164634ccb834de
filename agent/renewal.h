/* What a reload of the daemon prepares beside the hosts and swaps in around them: resolver, logins,
 * products, domains, alarms. */
#ifndef KMS_AGENT_RENEWAL_H
#define KMS_AGENT_RENEWAL_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/alarms.h"
#include "agent/domains.h"
#include "agent/mib.h"
#include "agent/options.h"
#include "agent/reload.h"
#include "agent/resolvers.h"
#include "agent/scheduler.h"
#include "agent/site.h"
#include "base/log.h"
#include "model/board.h"
#include "probe/probe.h"

struct kms_renewal;

struct kms_renewal_config {
    const struct kms_options *options;
    bool is_played;        /* a recording is: there is no configuration to be read again */
    bool config_absent;    /* there was none at the start */
    struct kms_site *site; /* in force; becomes the new one */
    struct kms_env *env;   /* gets another resolver, and logins when there were none */
    struct kms_log *log;   /* gets another level */
    struct kms_board *board;
    struct kms_scheduler *scheduler;
    struct kms_domains *domains;
    struct kms_agent_alarms *alarms;
    struct kms_agent_facts *facts;
    struct kms_resolvers *resolvers; /* keeps those that were replaced */
    const char **config_path;        /* of the configuration in force; NULL: there is none */
    /* The stable number of a host; 0: out of memory. */
    uint32_t (*number_of_host)(void *arg, const char *name);
    /* Another configuration is in force: rows have come and gone. */
    void (*over)(void *arg);
    void *arg;
};

/* Forgets the hosts of the site, which the board has by now. config is copied, what it points to
 * must live until kms_renewal_free. NULL: out of memory. */
struct kms_renewal *kms_renewal_open(const struct kms_renewal_config *config);
/* To be asked for a reload; NULL before there is a renewal and after it was stopped. */
struct kms_reload *kms_renewal_reload(const struct kms_renewal *renewal);
/* Gives up what is under way; before what config points to goes. NULL is fine, here and below. */
void kms_renewal_stop(struct kms_renewal *renewal);
/* When the workers have ended, which may read a configuration still, or send from products. */
void kms_renewal_free(struct kms_renewal *renewal);

#endif
