/* Alarms: conditions that hold become alarms, raised once and cleared once. Pure: no clock, no I/O;
 * who tells and who keeps them is elsewhere. */
#ifndef KMS_MODEL_ALARM_H
#define KMS_MODEL_ALARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "vocab/vocab.h"

#define KMS_ALARM_NAME_SIZE 300
#define KMS_ALARM_TEXT_SIZE 256 /* SnmpAdminString */

/* The row of the MIB that an alarm is about; stable numbers. */
struct kms_alarm_row {
    uint8_t table; /* below kmsmonObjects */
    uint8_t len;   /* parts of index */
    uint32_t index[2];
};

struct kms_alarm {
    uint32_t index; /* never given twice in the life of a store */
    enum kms_alarm_type type;
    enum kms_state severity;          /* warning, critical or unknown */
    char owner[KMS_ALARM_NAME_SIZE];  /* name of the host, or of the domain for rogue records */
    char object[KMS_ALARM_NAME_SIZE]; /* which part of it: "class windowsClient", "key IDENTITY"; ""
                                       */
    struct kms_alarm_row row;
    int64_t since_s;                /* wall clock when it was raised */
    char text[KMS_ALARM_TEXT_SIZE]; /* one line for people, with the numbers that decided */
};

/* What was raised or cleared. The alarm of a clear is gone from the table; its severity is ok and
 * its text says what is so now. */
struct kms_alarm_news {
    bool cleared;
    struct kms_alarm alarm;
};

#endif
