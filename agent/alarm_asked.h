/* Whether a source of a host is asked that can tell how the thing stands that an alarm is about. */
#ifndef KMS_AGENT_ALARM_ASKED_H
#define KMS_AGENT_ALARM_ASKED_H

#include <stdbool.h>

#include "model/alarm.h"
#include "model/target.h"

/* Objects of alarms that are about a source: what Windows says against a port that answers, and
 * "source NAME". */
#define KMS_ALARM_OBJECT_WORD   "windows"
#define KMS_ALARM_OBJECT_SOURCE "source "

/* Everything that tells keys. */
bool kms_alarm_tells_keys(enum kms_source source);

/* False: whatever the host does, nobody will ever tell that the alarm is over. That a source that
 * is asked cannot tell it now is another matter. */
bool kms_alarm_is_asked(const struct kms_target *target, enum kms_alarm_type type,
                        const char *object);

#endif
