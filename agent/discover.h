/* Hosts that DNS names become watched hosts: bind probes and lookups, nothing that needs trust. */
#ifndef KMS_AGENT_DISCOVER_H
#define KMS_AGENT_DISCOVER_H

#include "agent/lookups.h"
#include "agent/watched.h"

struct kms_discovered {
    size_t slot;
    int64_t first_seen_s, last_seen_s; /* wall clock, in a record */
    bool first_kept, last_kept;        /* an earlier process named that time */
};

/* {0} at the start. */
struct kms_discovery {
    struct kms_discovered *host;
    size_t count, cap;
    struct kms_watched watched; /* who has a name already */
    bool full;                  /* there were more, which was said */
    bool waits; /* the last one is on the board, but there was no memory to plan its probes */
    size_t waiting_slot;
    int64_t apart_us; /* of the clocks, by which the times are named: as that of the zones */
};

/* Adds the targets of a domain's records that nobody watches yet to the board and the scheduler;
 * returns how many. One whose probes could not be planned is tried again before any other is added.
 */
size_t kms_discover(const struct kms_lookups_config *config, struct kms_discovery *discovery,
                    const struct kms_zone *zone);

/* Takes in that records of the domain lead to hosts that were discovered, here or elsewhere. */
void kms_discover_saw(const struct kms_lookups_config *config, struct kms_discovery *discovery,
                      const struct kms_zone *zone);
/* Takes those off the board that were discovered in the domain and are in no record for longer than
 * config->forget_after_ms; none while the domain is not answered. Returns how many. */
size_t kms_discover_retire(const struct kms_lookups_config *config, struct kms_discovery *discovery,
                           const struct kms_zone *zone);

/* Names the times of the hosts anew after the zones did so with theirs: the wall clock was set. */
void kms_discover_follow_clock(const struct kms_lookups_config *config,
                               struct kms_discovery *discovery);

/* The slot is no host that was discovered any more: a configured one took it over, or it was taken
 * off the board. */
void kms_discover_forget(struct kms_discovery *discovery, size_t slot);
/* Takes those off the board whose domain is not discovered any more, and those that the site
 * watches itself by now. Returns how many. */
size_t kms_discover_review(const struct kms_lookups_config *config,
                           struct kms_discovery *discovery);
void kms_discover_done(struct kms_discovery *discovery);

/* A host that an earlier process discovered: watched again, unless the site does so itself or no
 * longer discovers its domain. */
void kms_discover_recall(const struct kms_lookups_config *config, struct kms_discovery *discovery,
                         const struct kms_seen_row *row);
/* The same row for the next process. */
void kms_discover_row(const struct kms_lookups_config *config,
                      const struct kms_discovered *discovered, struct kms_seen_row *ret);

#endif
