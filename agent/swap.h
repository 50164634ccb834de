/* Brings the board and the scheduler from one list of hosts to another, a slice at a time, so that
 * SNMP is answered in between. */
#ifndef KMS_AGENT_SWAP_H
#define KMS_AGENT_SWAP_H

#include <stddef.h>
#include <stdint.h>

#include "agent/lookups.h"
#include "agent/scheduler.h"
#include "agent/site_diff.h"
#include "base/log.h"
#include "model/board.h"

struct kms_swap_config {
    struct kms_board *board;
    struct kms_scheduler *scheduler;
    struct kms_lookups *lookups;
    const struct kms_log *log;
    int64_t interval_ms; /* what is asked at once is spread over it at most */
    /* The stable number of a host; 0: out of memory. */
    uint32_t (*number_of_host)(void *arg, const char *name);
    void *arg;
};

/* The hosts that the configuration named, as they are on the board: the left side of a diff. */
struct kms_swap_hosts {
    size_t *slot;
    const struct kms_target **target; /* the board's */
    size_t count;
};

/* Both arrays are the caller's to free with kms_swap_hosts_done. KMS_OK or KMS_ENOMEM. */
enum kms_status kms_swap_hosts(const struct kms_board *board, struct kms_swap_hosts *ret);
void kms_swap_hosts_done(struct kms_swap_hosts *hosts);

struct kms_swap;

/* diff is from was to now; what config and the others point to must live until kms_swap_free. No
 * host is discovered or forgotten meanwhile. NULL: out of memory. */
struct kms_swap *kms_swap_new(const struct kms_swap_config *config,
                              const struct kms_swap_hosts *was, const struct kms_target *now,
                              const struct kms_site_diff *diff);
/* Works until the clock is at until_us, and on one host at least. KMS_OK: all is done. KMS_EBUSY:
 * there is more. KMS_ENOMEM: the same, and it is better to wait a moment. */
enum kms_status kms_swap_go_on(struct kms_swap *swap, const struct kms_clock *clock,
                               int64_t until_us);
/* NULL is fine. */
void kms_swap_free(struct kms_swap *swap);

#endif
