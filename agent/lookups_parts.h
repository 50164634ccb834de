/* What the parts of the lookups share, and nobody else sees. */
#ifndef KMS_AGENT_LOOKUPS_PARTS_H
#define KMS_AGENT_LOOKUPS_PARTS_H

#include "agent/authorities.h"
#include "agent/discover.h"
#include "agent/lookups.h"
#include "agent/lookups_hosts.h"
#include "agent/turns.h"
#include "dns/probe.h"

/* One domain. Never more than one lookup of it. */
struct kms_lookup {
    struct kms_lookups *lookups;
    size_t zone;
    bool discovers;
    bool wanted;    /* while wishes change: so far */
    uint64_t print; /* of what is saved of it */
    int64_t due_us;
    struct kms_timer *timer;
    struct kms_dns_probe *probe;      /* NULL: not running */
    struct kms_played_lookup *played; /* the same of a recording */
    struct kms_turn turn;
    bool has_turn; /* it runs, and counts among those in flight */
    struct kms_timer *patience;
};

struct kms_lookups {
    struct kms_lookups_config config;
    struct kms_lookup **lookup;
    size_t count, cap;
    struct kms_lookup **of_zone; /* by zone; NULL: none */
    size_t zone_count;
    struct kms_turns turns;
    struct kms_discovery discovery;
    bool held;
    struct kms_lookups_hosts *hosts;
    struct kms_strangers *strangers;     /* NULL: not probed */
    struct kms_authorities *authorities; /* NULL: not asked */
    uint64_t made, saved;                /* changes that are worth a write */
    int64_t made_us;
};

static inline int64_t kms_lookups_now_us(const struct kms_lookups *lookups)
{
    return kms_clock_mono_us(&lookups->config.env->clock);
}

/* ---- what the next process should know (lookups_saved.c) ---- */

/* The domain was looked up. Times alone are worth a write only now and then. */
void kms_lookup_note(struct kms_lookup *lookup, bool has_changed);
/* Something is unsaved, and who asks is told. */
void kms_lookups_tell_unsaved(struct kms_lookups *lookups);

/* ---- one domain (lookup_run.c) ---- */

/* It is not planned yet. NULL: out of memory. */
struct kms_lookup *kms_lookup_new(struct kms_lookups *lookups, size_t zone, bool discovers);
/* Cancels what runs. */
void kms_lookup_free(struct kms_lookup *lookup);
void kms_lookup_plan(struct kms_lookup *lookup, int64_t due_us, int64_t delay_ms);
/* It no longer waits for its turn, and another may have the one it has. */
void kms_lookup_quit(struct kms_lookup *lookup);

/* ---- all of them (lookups_domains.c) ---- */

/* Those of the configuration and of the board's hosts, as far as they are not watched already.
 * False: out of memory. */
bool kms_lookups_add_domains(struct kms_lookups *lookups);
/* Those from the position on, which are new. */
void kms_lookups_plan_first_round(struct kms_lookups *lookups, size_t from);
/* None is wanted until it is added again. */
enum kms_status kms_lookups_wish_nothing(struct kms_lookups *lookups);
void kms_lookups_drop_unwanted(struct kms_lookups *lookups);
/* What was due later than the interval is due within it, spread as it was. */
void kms_lookups_keep_within(struct kms_lookups *lookups);

#endif
