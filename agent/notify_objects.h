/* What a notification carries: the objects of each kind of alarm, with the values of its row. */
#ifndef KMS_AGENT_NOTIFY_OBJECTS_H
#define KMS_AGENT_NOTIFY_OBJECTS_H

#include "agent/mib_table.h"
#include "model/alarm.h"

#define KMS_NOTIFY_OBJECTS_MAX 8

/* A column of the MIB. */
struct kms_notify_object {
    uint8_t table; /* below kmsmonObjects */
    uint8_t column;
};

/* Those of raising and clearing alike, in the order of the MIB text; NULL for no such alarm. */
const struct kms_notify_object *kms_notify_objects(enum kms_alarm_type type, size_t *ret_count);

/* Whether the MIB has a notification for it: that a drift is over is not told. */
bool kms_notify_exists(const struct kms_alarm_news *news);
/* The number of the notification below kmsmonNotifications. */
uint32_t kms_notify_number(const struct kms_alarm_news *news);

/* An instance with its value. */
struct kms_notify_varbind {
    uint8_t type; /* ASN_... */
    size_t name_len;
    oid name[KMS_MIB_NAME_MAX];
    struct kms_mib_value value;
};

/* The varbinds behind snmpTrapOID.0, as the MIB has them now. What has no instance is left out; the
 * alarm's own severity and text come from the news, and so does the name of a host or domain that
 * is no longer watched. Returns how many there are. */
size_t kms_notify_collect(struct kms_mib *mib, const struct kms_alarm_news *news,
                          struct kms_notify_varbind dst[KMS_NOTIFY_OBJECTS_MAX]);

#endif
