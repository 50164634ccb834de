/* New configuration without a gap: read and validated beside the loop, then swapped in as a whole,
 * or not at all. */
#ifndef KMS_AGENT_RELOAD_H
#define KMS_AGENT_RELOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/lookups.h"
#include "agent/mib.h"
#include "agent/scheduler.h"
#include "agent/site.h"
#include "base/log.h"

struct kms_reload_config {
    struct kms_env *env; /* loop, worker and clock */
    struct kms_board *board;
    struct kms_scheduler *scheduler;
    struct kms_lookups *lookups;
    const struct kms_log *log;
    struct kms_agent_facts *facts;
    /* In force; what is new is moved into it, but for what needs a restart. Its hosts are those of
     * the board and need not be there. */
    struct kms_site *site;
    bool with_port; /* the agent has a port of its own: a change of it is worth a word */
    /* Reads the new site, on a thread: as kms_site_load. load_arg must live until the worker ends.
     */
    enum kms_status (*load)(void *load_arg, struct kms_site *ret_site, struct kms_buf *errors);
    void *load_arg;
    /* All that may fail, before anything is changed. False: errors says why, and all stays as it
     * is.
     */
    bool (*prepare)(void *arg, struct kms_site *next, struct kms_buf *errors);
    /* What is in force for all hosts, before they change. Products that are taken out of next, and
     * put into the site, stay there. */
    void (*begin)(void *arg, struct kms_site *next);
    /* What follows from the hosts, once they have changed. KMS_EBUSY: it is called again, on the
     * next turn; KMS_ENOMEM: after a while. */
    enum kms_status (*settle)(void *arg, const struct kms_site *next);
    /* All is in force, and the site is the new one: rows have come and gone. */
    void (*over)(void *arg);
    /* The stable number of a host; 0: out of memory. */
    uint32_t (*number_of_host)(void *arg, const char *name);
    void *arg;
};

struct kms_reload;

struct kms_reload_loss {
    char text[128];
    char next[160];
};

/* NULL: out of memory. */
struct kms_reload *kms_reload_new(const struct kms_reload_config *config);
/* Before what config points to goes; a swap that is under way is given up where it is. NULL is
 * fine.
 */
void kms_reload_free(struct kms_reload *reload);

/* What became of it; errors are the lines "file:line: what is wrong", "" when it is in force.
 * summary: "2 hosts added, 1 removed, 9998 unchanged", and what waits for a restart. */
typedef void kms_reload_done_fn(void *arg, bool in_force, const char *summary, const char *errors);

/* One at a time: a call while one runs is answered with the run that follows it. done may be NULL
 * (SIGHUP: the log tells). False: out of memory. */
bool kms_reload_start(struct kms_reload *reload, kms_reload_done_fn *done, void *arg);
/* Of a reload after which no configured host is left, though there were some: what happened, and
 * what to do. False: the last one in force was none of these. */
bool kms_reload_tell_loss(const struct kms_agent_facts *facts, struct kms_reload_loss *ret);
/* done is not called any more for this arg. */
void kms_reload_forget(struct kms_reload *reload, void *arg);

#endif
