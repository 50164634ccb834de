/* The alarms of the agent: every publish and every lookup is looked at, what changed is kept, and
 * then told. */
#ifndef KMS_AGENT_ALARMS_H
#define KMS_AGENT_ALARMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/alarm_notices.h"
#include "base/log.h"
#include "base/loop.h"
#include "model/alarm.h"
#include "model/board.h"
#include "model/zone.h"

struct kms_agent_alarms_policy {
    struct kms_alarm_policy rules;
    uint32_t per_minute; /* notifications */
};

struct kms_agent_alarms_config {
    struct kms_loop *loop;
    const struct kms_log *log;
    struct kms_board *board;        /* watched from here on (kms_board_watch) */
    struct kms_zones *zones;        /* likewise; NULL: none */
    struct kms_alarm_memory memory; /* all NULL: nothing outlives the process */
    bool silent; /* nobody can tell (--standalone): alarms have rows and no notifications */
    struct kms_agent_alarms_policy policy;
};

struct kms_agent_alarms;

/* Takes in what an earlier process knew; before the loop runs, with all hosts on the board. Alarms
 * of which nobody tells any more are cleared: of hosts and domains that are watched no more, and of
 * sources that are switched off. config is copied, what it points to
 * must live until kms_agent_alarms_free. NULL: out of memory. */
struct kms_agent_alarms *kms_agent_alarms_new(const struct kms_agent_alarms_config *config);
void kms_agent_alarms_free(struct kms_agent_alarms *alarms);

/* What is raised, and the counters: for the MIB, for control and for who asks. */
const struct kms_alarms *kms_agent_alarms_table(const struct kms_agent_alarms *alarms);
struct kms_alarm_counts kms_agent_alarms_counts(const struct kms_agent_alarms *alarms);
/* Nobody can tell: there are no counters of notifications. */
bool kms_agent_alarms_is_silent(const struct kms_agent_alarms *alarms);

/* Who tells from now on; copied. All that nobody confirmed is handed over at once. NULL: nobody,
 * and what the one before was told may still be confirmed. */
void kms_agent_alarms_set_teller(struct kms_agent_alarms *alarms,
                                 const struct kms_alarm_teller *teller);
/* As kms_notify_config has it; arg is a struct kms_agent_alarms. */
void kms_agent_alarms_confirmed(void *arg, uint64_t notice, bool taken);

/* From now on, as after a reload. Alarms of types that are off are cleared. */
enum kms_status kms_agent_alarms_set_policy(struct kms_agent_alarms *alarms,
                                            const struct kms_agent_alarms_policy *policy);
/* Hosts or domains went, or sources of hosts: alarms of which nobody tells any more are cleared. By
 * itself this is done with the next publish after the board's turnover grew. */
void kms_agent_alarms_sweep(struct kms_agent_alarms *alarms);
/* While held, what went is not looked for: many hosts come and go, and a sweep follows. */
void kms_agent_alarms_hold(struct kms_agent_alarms *alarms, bool held);
/* A new, empty store: everything is put again. As kms_keeper_config has it. */
void kms_agent_alarms_refill(void *arg);

#endif
