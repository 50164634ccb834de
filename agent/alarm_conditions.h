/* From what is known of a host or a domain to the conditions that alarms are made of. */
#ifndef KMS_AGENT_ALARM_CONDITIONS_H
#define KMS_AGENT_ALARM_CONDITIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "model/alarm.h"
#include "model/board.h"
#include "model/zone.h"

#define KMS_ALARM_SUBJECT_SIZE KMS_ALARM_NAME_SIZE

/* "host kms1", "domain example.com": in lower case, as names are compared. */
void kms_alarm_subject(char dst[KMS_ALARM_SUBJECT_SIZE], const char *kind, const char *name);

/* Room for conditions, used again and again; {0} is empty. */
struct kms_alarm_finding;
struct kms_alarm_findings {
    struct kms_alarm_finding *finding;
    struct kms_alarm_condition *condition;
    size_t count, cap;
    bool failed; /* memory ran out: some are missing */
    char subject[KMS_ALARM_SUBJECT_SIZE];
};
void kms_alarm_findings_done(struct kms_alarm_findings *findings);

/* How a host stands after a publish of this source: the update for kms_alarms_update, but for its
 * time. What is right and not tracked by alarms is left out. False: there is nothing to update, or
 * no memory (failed). ret_update points into findings and snapshot. */
bool kms_alarm_find_host(struct kms_alarm_findings *findings, const struct kms_alarms *alarms,
                         const struct kms_snapshot *snapshot, enum kms_source polled,
                         struct kms_alarm_update *ret_update);

struct kms_alarm_lookup {
    const struct kms_board *board;
    const struct kms_zone *zone;
    bool strangers_are_asked; /* kms_zones_know_strangers */
};
/* The same of a domain after a lookup: its records, and the hosts that are expected there. */
bool kms_alarm_find_zone(struct kms_alarm_findings *findings, const struct kms_alarms *alarms,
                         const struct kms_alarm_lookup *lookup,
                         struct kms_alarm_update *ret_update);

#endif
