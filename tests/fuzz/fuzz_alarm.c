/* Fuzz harness of alarms as text: what is read is written to a text that is read to the same. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "model/alarm_text.h"

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct kms_alarm_record record;
    struct kms_alarm_record again;
    struct kms_fault fault = {.text = ""};

    if (kms_alarm_record_read((const char *)bytes, len, &record, &fault) != KMS_OK) {
        require(fault.text[0] != '\0');
        return 0;
    }
    struct kms_buf first;
    struct kms_buf second;
    kms_buf_init(&first, KMS_ALARM_RECORD_SIZE);
    kms_buf_init(&second, KMS_ALARM_RECORD_SIZE);
    require(kms_alarm_record_write(&record, &first) == KMS_OK);
    require(kms_alarm_record_read(kms_buf_str(&first), first.len, &again, NULL) == KMS_OK);
    require(kms_alarm_record_write(&again, &second) == KMS_OK);
    require(strcmp(kms_buf_str(&first), kms_buf_str(&second)) == 0);
    require(record.alarm.index == again.alarm.index && record.cleared == again.cleared);
    kms_buf_done(&first);
    kms_buf_done(&second);
    return 0;
}
