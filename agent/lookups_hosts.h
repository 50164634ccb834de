/* What the watched domains say of the board's hosts, published as results of theirs. */
#ifndef KMS_AGENT_LOOKUPS_HOSTS_H
#define KMS_AGENT_LOOKUPS_HOSTS_H

#include "agent/lookups.h"
#include "agent/strangers.h"

struct kms_lookups_hosts;

/* The configuration must live as long, and may change. NULL: out of memory. */
struct kms_lookups_hosts *kms_lookups_hosts_new(const struct kms_lookups_config *config);
/* NULL is fine. */
void kms_lookups_hosts_free(struct kms_lookups_hosts *hosts);
/* Who is told that records may lead elsewhere; NULL: nobody. */
void kms_lookups_hosts_set_strangers(struct kms_lookups_hosts *hosts,
                                     struct kms_strangers *strangers);

/* Room for every slot of the board. False: out of memory. */
bool kms_lookups_hosts_grow(struct kms_lookups_hosts *hosts);
/* Expected or found in the domain: their results are due after its lookup, before and after it
 * changed. */
void kms_lookups_hosts_mark_due(struct kms_lookups_hosts *hosts, size_t zone);
/* The hosts whose domain was looked up, and those whose judgement changed with the other hosts'. */
void kms_lookups_hosts_publish(struct kms_lookups_hosts *hosts);

/* Judges all records at once, since hosts came or went. */
void kms_lookups_hosts_refresh(struct kms_lookups_hosts *hosts);
/* Judges all records and then hosts again on some of the next turns of the loop. */
void kms_lookups_hosts_poke(struct kms_lookups_hosts *hosts);
/* The same from the next turn on, since what is wished has changed. */
void kms_lookups_hosts_review(struct kms_lookups_hosts *hosts);
/* No such review is under way. */
bool kms_lookups_hosts_is_settled(const struct kms_lookups_hosts *hosts);
/* The records may lead elsewhere now. */
void kms_lookups_hosts_poke_strangers(struct kms_lookups_hosts *hosts);

/* What was told of the slot's host is void. */
void kms_lookups_hosts_forget(struct kms_lookups_hosts *hosts, size_t slot);
void kms_lookups_hosts_forget_retired(struct kms_lookups_hosts *hosts);

#endif
