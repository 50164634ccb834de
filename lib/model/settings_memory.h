/* The settings that each source last gave of a host, so that a change of its configuration is
 * noticed: port, publishing, priority, intervals, partial keys. Lives as long as its owner: after a
 * restart the first poll is the measure. */
#ifndef KMS_MODEL_SETTINGS_MEMORY_H
#define KMS_MODEL_SETTINGS_MEMORY_H

#include "model/judge.h"

#define KMS_SETTING_SIZE       32                      /* of a value in words */
#define KMS_SETTING_CHANGE_FOR (INT64_C(24) * 60 * 60) /* seconds that a change is told */
#define KMS_SETTING_CHANGES    16                      /* the latest so many are told */

struct kms_setting_entry {
    enum kms_source source;
    enum kms_fact_id fact;
    enum kms_application application; /* 0: the host's own */
    char value[KMS_SETTING_SIZE];
};

struct kms_setting_record {
    enum kms_fact_id fact;
    enum kms_application application;
    char was[KMS_SETTING_SIZE], is[KMS_SETTING_SIZE];
    int64_t changed_s;
};

/* {0} remembers nothing. */
struct kms_settings_memory {
    struct kms_setting_entry *entry; /* heap */
    size_t count;
    /* One for each setting, oldest first; heap, KMS_SETTING_CHANGES long; NULL: none ever. */
    struct kms_setting_record *change;
    size_t change_count;
};

/* Takes the settings of a good result. It is a change when one value of a setting is gone and
 * another has come: a source that no longer tells a setting, or tells fewer or more keys than
 * before, changed nothing. KMS_ENOMEM leaves the memory as it was. Times are of the steady clock.
 */
enum kms_status kms_settings_memory_add(struct kms_settings_memory *memory,
                                        const struct kms_result *result, int64_t steady_s);
/* The changes that are younger than a day, with texts owned by the memory; how many. */
size_t kms_settings_memory_changes(const struct kms_settings_memory *memory, int64_t steady_s,
                                   struct kms_setting_change ret[KMS_SETTING_CHANGES]);
void kms_settings_memory_done(struct kms_settings_memory *memory);

#endif
