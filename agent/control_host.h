/* A host as JSON: one line of a list, or everything that is known. */
#ifndef KMS_AGENT_CONTROL_HOST_H
#define KMS_AGENT_CONTROL_HOST_H

#include "agent/control.h"
#include "model/alarm.h"
#include "model/board.h"

struct json_t;

/* NULL: out of memory. */
struct json_t *kms_control_host_row(const struct kms_snapshot *snapshot);
/* The same with sources, alarms, keys, classes and publications. */
struct json_t *kms_control_host_details(const struct kms_snapshot *snapshot, size_t slot,
                                        const struct kms_control_parts *parts);
/* What each source that is asked met last; for kms_control_host_row alone. */
struct json_t *kms_control_host_sources(const struct kms_snapshot *snapshot);
/* An active alarm. */
struct json_t *kms_control_alarm(const struct kms_alarm_view *alarm);

#endif
