/* What a site asks of the records of a domain as a whole: hosts that must be there, hosts that must
 * answer, and none that it does not list. */
#ifndef KMS_CHECKS_CONDITIONS_H
#define KMS_CHECKS_CONDITIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "dns/probe.h"
#include "output.h"
#include "record_state.h"

struct kms_conditions {
    struct kms_expected_list expected; /* each must be published */
    int64_t min_healthy;               /* hosts; 0: not asked for */
    int64_t max_dead_share;            /* per cent of clients; -1: not asked for */
    bool no_rogue;
};

/* Whether the ports must be bound to. */
bool kms_conditions_probe(const struct kms_conditions *conditions);
bool kms_conditions_any(const struct kms_conditions *conditions);
/* A port that is worth binding to: clients can use the record as far as DNS goes. */
bool kms_conditions_usable(const struct kms_dns_domain *domain, const struct kms_srv *srv);

/* probe: outcome of the bind to each record of the set, NONE where there was none; NULL: none was
 * made. Adds to out what kms_publication_show left there and gives the state of the conditions. A
 * lookup that failed has no state of its own here: OK. several: the labels of performance data name
 * the domain. False in *ret_whole: out of memory. */
enum kms_state kms_conditions_show(const struct kms_dns_domain *domain,
                                   const struct kms_conditions *conditions,
                                   const enum kms_outcome *probe, bool several,
                                   struct kms_output *out, bool *ret_whole);

#endif
