/* Notifications of KMSMON-MIB through the master agent: handed over one by one, and confirmed by
 * it. */
#ifndef KMS_AGENT_NOTIFY_H
#define KMS_AGENT_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/agentx.h"
#include "agent/mib.h"
#include "base/log.h"
#include "base/loop.h"
#include "model/alarm.h"

/* So many may wait here; the others with their owner. */
#define KMS_NOTIFY_WAITING_MAX 256

struct kms_notify;

struct kms_notify_config {
    struct kms_loop *loop;
    struct kms_agentx *agentx; /* the way to the master */
    struct kms_mib *mib;       /* the values of the objects of a notification are read from it */
    const struct kms_log *log;
    /* The master took the notification (an AgentX Response without an error, RFC 2741
     * section 6.2.10), or refused it for good. One that was neither is handed over again when the
     * master is back. On the loop, never from inside kms_notify_send; may send, may not free. */
    void (*confirmed)(void *arg, uint64_t notice, bool taken);
    void *arg;
};

/* NULL: out of memory. To be opened after kms_agentx_start, freed before kms_agentx_stop. One at a
 * time in a process, as its session. */
struct kms_notify *kms_notify_new(const struct kms_notify_config *config);
void kms_notify_free(struct kms_notify *notify); /* NULL is fine */

/* Queues a raise or a clear; in this order they reach the master, one at a time. notice numbers it
 * for confirmed; news is copied, and the values of its objects are those of now. Objects whose rows
 * are gone are left out, but for those of the alarm itself, which are always there:
 * kmsmonAlarmSeverity and kmsmonAlarmText, with the instance of the alarm's number. With
 * --standalone there is no master, so each is refused.
 * KMS_EBUSY: too many wait, or it is finishing; hand it over again when one was confirmed.
 * KMS_EINVAL: the MIB has no such notification, as clearing a drift. KMS_ENOMEM. */
enum kms_status kms_notify_send(struct kms_notify *notify, uint64_t notice,
                                const struct kms_alarm_news *news);

/* Nothing more goes to the master from now on; what waits here or is handed over (KMS_EBUSY) stays
 * with its owner. Calls quiet once, on the loop and never from inside this call, when what the
 * master was asked last is confirmed, or was lost with the session; without a limit of its own. For
 * the end of the program: a notification that the master took and nobody heard of would be told
 * again by the next one. */
void kms_notify_finish(struct kms_notify *notify, void (*quiet)(void *arg), void *arg);

/* False while no master is there, or with --standalone: nothing is sent then. */
bool kms_notify_ready(const struct kms_notify *notify);

#endif
