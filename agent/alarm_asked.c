/* Which sources can tell which alarm. */
#include "agent/alarm_asked.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"

#define WORD        KMS_BIT(KMS_SOURCE_WSMAN)
#define REPORTS     KMS_BIT(KMS_SOURCE_REPORT)
#define ACTIVATIONS KMS_BIT(KMS_SOURCE_ACTIVATION)
#define BINDS       KMS_BIT(KMS_SOURCE_RPC)
#define KEYS        (WORD | REPORTS | ACTIVATIONS)

/* By type. A drift is not here: what changed is remembered for a day, whoever told it, and then it
 * ends by itself. Nor is what DNS tells: that is no alarm of a host. */
static const uint32_t tellers[KMS_ALARM_TYPE_MAX + 1] = {
    [KMS_ALARM_UNREACHABLE] = BINDS | ACTIVATIONS | WORD,
    [KMS_ALARM_COUNT_LOW] = KEYS,
    [KMS_ALARM_KEY] = KEYS,
    [KMS_ALARM_REQUESTS] = WORD | REPORTS,
    [KMS_ALARM_CLOCK] = WORD,
    [KMS_ALARM_SUSPICIOUS] = KEYS,
};

bool kms_alarm_tells_keys(enum kms_source source)
{
    return (KEYS & KMS_BIT(source)) != 0;
}

static uint32_t enabled_of(const struct kms_target *target)
{
    uint32_t enabled = 0;
    for (size_t i = 1; i <= KMS_SOURCE_MAX; i++) {
        enabled |= target->source[i].enabled ? KMS_BIT(i) : 0;
    }
    return enabled;
}

/* The source that the object names; 0: none. */
static uint32_t source_named(const char *object)
{
    const struct kms_word_set *set = kms_words_source();
    const char *name = object + strlen(KMS_ALARM_OBJECT_SOURCE);
    for (size_t i = 0; i < set->count && kms_text_starts(object, KMS_ALARM_OBJECT_SOURCE); i++) {
        if (kms_text_equal(set->words[i].label, name)) {
            return KMS_BIT(set->words[i].number);
        }
    }
    return 0;
}

bool kms_alarm_is_asked(const struct kms_target *target, enum kms_alarm_type type,
                        const char *object)
{
    uint32_t enabled = enabled_of(target);
    if (type == KMS_ALARM_STALE) {
        return (enabled & source_named(object)) != 0;
    }
    if (type == KMS_ALARM_UNREACHABLE && kms_text_equal(object, KMS_ALARM_OBJECT_WORD)) {
        return (enabled & WORD) != 0;
    }
    return tellers[type] == 0 || (enabled & tellers[type]) != 0;
}
