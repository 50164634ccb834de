/* Puts the alarms together with the parts beside them: the site, the keeper, the MIB and who
 * notifies. */
#ifndef KMS_AGENT_ALARMS_OPEN_H
#define KMS_AGENT_ALARMS_OPEN_H

#include "agent/agentx.h"
#include "agent/alarms.h"
#include "agent/mib.h"
#include "agent/notify.h"
#include "agent/site.h"

struct kms_agent_alarms_policy kms_alarms_policy(const struct kms_site_alarms *site);

/* A memory in the keeper, which must live as long as the alarms. */
struct kms_alarm_memory kms_alarms_memory(struct kms_keeper *keeper, const struct kms_loop *loop);

/* Their table and counters are in the MIB from now on. */
void kms_alarms_show(struct kms_agent_alarms *alarms, struct kms_mib *mib);

/* Opens what notifies, and hands over all that nobody confirmed. NULL: out of memory. */
struct kms_notify *kms_alarms_open_notify(struct kms_agent_alarms *alarms, struct kms_loop *loop,
                                          struct kms_agentx *agentx, struct kms_mib *mib,
                                          const struct kms_log *log);
/* The end is near: nothing more is handed over, it stays in the memory for the next start. quiet is
 * called once as kms_notify_finish has it; notify NULL: at once, from inside. */
void kms_alarms_leave_notify(struct kms_agent_alarms *alarms, struct kms_notify *notify,
                             void (*quiet)(void *arg), void *arg);
/* Either may be NULL. */
void kms_alarms_close_notify(struct kms_agent_alarms *alarms, struct kms_notify *notify);

#endif
