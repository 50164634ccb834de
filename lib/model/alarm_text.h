/* An alarm as lines of text, for the store. */
#ifndef KMS_MODEL_ALARM_TEXT_H
#define KMS_MODEL_ALARM_TEXT_H

#include "model/alarm.h"

/* All that is written of an alarm; subject is "" and cleared false where they do not matter. */
struct kms_alarm_record {
    bool cleared;
    char subject[KMS_ALARM_NAME_SIZE];
    struct kms_alarm alarm;
};

enum kms_status kms_alarm_record_write(const struct kms_alarm_record *record, struct kms_buf *buf);
/* KMS_ESYNTAX: a line is missing, there twice, or wrong; lines that are not known are skipped. */
enum kms_status kms_alarm_record_read(const char *bytes, size_t len, struct kms_alarm_record *ret,
                                      struct kms_fault *fault);

#endif
