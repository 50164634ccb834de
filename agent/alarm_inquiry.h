/* What the conditions of hosts and of domains are gathered with. Private to alarm_host.c and
 * alarm_zone.c. */
#ifndef KMS_AGENT_ALARM_INQUIRY_H
#define KMS_AGENT_ALARM_INQUIRY_H

#include "agent/alarm_conditions.h"

#define KMS_ALARM_TYPES_OF_RECORDS \
    (KMS_ALARM_TYPE_BIT(KMS_ALARM_PUBLICATION) | KMS_ALARM_TYPE_BIT(KMS_ALARM_ROGUE))

/* Below kmsmonObjects. */
enum kms_alarm_table {
    KMS_ALARM_TABLE_HOST = 2,
    KMS_ALARM_TABLE_KEY = 3,
    KMS_ALARM_TABLE_CLASS = 4,
    KMS_ALARM_TABLE_DOMAIN = 5,
    KMS_ALARM_TABLE_SRV = 6,
    KMS_ALARM_TABLE_PUBLICATION = 7,
    KMS_ALARM_TABLE_SOURCE = 10
};

struct kms_alarm_finding {
    struct kms_alarm_condition condition;
    char object[KMS_ALARM_NAME_SIZE];
    char text[KMS_ALARM_TEXT_SIZE];
};

/* One inquiry: what is looked at, and what is found. */
struct kms_inquiry {
    struct kms_alarm_findings *findings;
    const struct kms_alarms *alarms;
    bool tracked; /* something of the subject is */
};

/* Every inquiry is one begin, adds, and one end. */
void kms_inquiry_begin(struct kms_inquiry *q, const char *kind, const char *name);
/* Whether a thing that stands so may matter; spares the words about all that is right. */
bool kms_inquiry_matters(const struct kms_inquiry *q, enum kms_state severity, bool frozen);
/* Adds what matters; the caller fills in the text. NULL: it does not matter, or no memory. */
struct kms_alarm_finding *kms_inquiry_add(struct kms_inquiry *q,
                                          const struct kms_alarm_condition *of, const char *object);
/* Fills in subject and conditions of ret; their texts stay where they are from now on. False: there
 * is nothing to update, or something found no room. */
bool kms_inquiry_end(const struct kms_inquiry *q, struct kms_alarm_update *ret);

/* Names in objects are compared by their bytes. */
void kms_inquiry_lower(char *text);
struct kms_alarm_row kms_alarm_row_of(uint8_t table, uint32_t index, uint32_t sub);

#endif
