/* Notifications of KMSMON-MIB through the master agent: handed over one by one, and confirmed by
 * it. */
#ifndef KMS_AGENT_NOTIFY_H
#define KMS_AGENT_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/mib.h"
#include "base/log.h"
#include "base/loop.h"
#include "model/alarm.h"

struct kms_notify;

struct kms_notify_config {
    struct kms_loop *loop;
    struct kms_mib *mib; /* the values of the objects of a notification are read from it */
    const struct kms_log *log;
    /* The master took the notification (an AgentX Response without an error, RFC 2741
     * section 6.2.10), or refused it for good. One that was neither is handed over again when the
     * master is back. */
    void (*confirmed)(void *arg, uint64_t notice, bool taken);
    void *arg;
};

/* NULL: out of memory. To be opened after kms_agentx_start, freed before kms_agentx_stop. */
struct kms_notify *kms_notify_new(const struct kms_notify_config *config);
void kms_notify_free(struct kms_notify *notify);

/* Queues a raise or a clear; in this order they reach the master, one at a time. notice numbers it
 * for confirmed; news is copied. Objects whose rows are gone are left out, but for those of the
 * alarm itself, which are always there: kmsmonAlarmSeverity and kmsmonAlarmText, with the instance
 * of the alarm's number. */
enum kms_status kms_notify_send(struct kms_notify *notify, uint64_t notice,
                                const struct kms_alarm_news *news);

/* False while no master is there, or with --standalone: nothing is sent then. */
bool kms_notify_ready(const struct kms_notify *notify);

#endif
