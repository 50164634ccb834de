/* Looks the watched domains up at their interval: records to the zones, publication to the hosts,
 * and new hosts to the board where the site discovers. */
#ifndef KMS_AGENT_LOOKUPS_H
#define KMS_AGENT_LOOKUPS_H

#include <stdint.h>

#include "agent/scheduler.h"
#include "agent/site.h"
#include "base/log.h"
#include "base/texts.h"
#include "model/board.h"
#include "model/zone.h"
#include "probe/probe.h"
#include "store/seen.h"

#define KMS_LOOKUPS_IN_FLIGHT_MAX 16 /* one that waits for long makes way and counts no more */

struct kms_lookups_config {
    struct kms_env *env; /* with a resolver */
    struct kms_board *board;
    struct kms_zones *zones;
    struct kms_scheduler *scheduler; /* gets the hosts that are discovered */
    const struct kms_log *log;
    const struct kms_site_domain *domain; /* what the site wants of them; watched too */
    size_t domain_count;
    const struct kms_texts *discover;  /* domains whose targets become watched hosts */
    size_t discovered_max;             /* hosts; forged records must not fill the machine */
    int64_t interval_ms, timeout_ms;   /* of a lookup */
    int64_t rpc_timeout_ms;            /* of the bind probe of a discovered host or a stranger */
    const struct kms_probe_type *bind; /* of what records lead to; NULL: strangers stay unknown */
    bool site_lists;                   /* as told to kms_zones_new; read by kms_lookups_change */
    int64_t forget_after_ms;           /* records and discovered hosts that DNS names no more */
    const struct kms_seen *seen;       /* by an earlier process; read once; NULL: nothing */
    /* What the next process should know has changed; NULL: nobody asks. */
    void (*seen_changed)(void *arg);
    bool ask_servers;      /* those of the zones too */
    const char *servers;   /* of all zones; NULL: those of the NS records */
    uint16_t servers_port; /* of those of the NS records; 0: 53 */
    /* The stable number of a host; 0: out of memory. */
    uint32_t (*number_of_host)(void *arg, const char *name);
    /* After every publish; NULL: nobody asks. */
    void (*published)(void *arg);
    void *arg;
};

struct kms_lookups;

/* Watches the domains of discover and those where the board's hosts are expected; nothing is asked
 * before the loop turns. What config points to must live until kms_lookups_free. NULL: out of
 * memory. */
struct kms_lookups *kms_lookups_new(const struct kms_lookups_config *config);
/* Cancels what runs. Not from inside a call back. */
void kms_lookups_free(struct kms_lookups *lookups);

/* Other wishes, once the board's hosts are those that the wishes are about: what runs goes on, and
 * a domain that is still watched keeps its records, its shares and its hosts' states; it is looked
 * up when it was due, or within the new interval. Loop, board, zones, scheduler, log and seen are
 * those of kms_lookups_new. What config points to must live until the next call. KMS_ENOMEM: not
 * all of it is in force; call again. Not from inside a call back. */
enum kms_status kms_lookups_change(struct kms_lookups *lookups,
                                   const struct kms_lookups_config *config);
/* The records and hosts that a change is about were judged again: it takes some turns of the loop.
 */
bool kms_lookups_is_settled(const struct kms_lookups *lookups);
/* While held, no host is discovered or forgotten: hosts of the board come and go otherwise. */
void kms_lookups_hold(struct kms_lookups *lookups, bool held);
/* The slot has no host any more, or one that was not discovered: what was told of it is void. */
void kms_lookups_forget_host(struct kms_lookups *lookups, size_t slot);

/* A host's state changed: the records that lead to it are judged again on one of the next turns of
 * the loop, once for many such calls. */
void kms_lookups_poke(struct kms_lookups *lookups);

/* What the next process should know, as a kms_file_source has it; arg is a struct kms_lookups. */
bool kms_lookups_unsaved(void *arg);
enum kms_status kms_lookups_render(void *arg, struct kms_buf *ret_text, uint64_t *ret_mark);
void kms_lookups_saved(void *arg, uint64_t mark);
/* When records were last seen is saved now and then; from now on that is unsaved too. */
void kms_lookups_unsave(struct kms_lookups *lookups);

/* Logs what changed in a zone: for kms_zones_new, with a struct kms_lookups_log as its arg. */
struct kms_lookups_log {
    const struct kms_log *log;
    const struct kms_board *board; /* of the zones: names the hosts */
};
void kms_lookups_news(void *arg, const struct kms_zone_news *news);
/* Logs what went wrong: what was known about it is kept. */
void kms_lookups_complain(const struct kms_lookups_config *config, const char *about,
                          enum kms_status status);

#endif
