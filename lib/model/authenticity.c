/* Collects the hints against a host's being genuine and words them. */
#include "model/authenticity.h"

#include "base/text.h"
#include "model/judge_parts.h"
#include "vocab/hostkey.h"

/* What contradicts itself in the ePID of a key, or contradicts how the host binds. An ePID may tell
 * an older build than the host has after an upgrade, never a younger one. */
static uint32_t hints_of_key(const struct kms_key_judgement *key, bool ndr64_refused)
{
    const char *text = kms_facts_text(&key->facts, KMS_FACT_EPID);
    struct kms_epid_explained epid;
    if (key->stale || !text || !kms_epid_explain(text, &epid)) {
        return 0;
    }
    return (epid.is_platform_contradictory ? KMS_BIT(KMS_HINT_PLATFORM) : 0) |
           (epid.is_day_zero ? KMS_BIT(KMS_HINT_DAY_ZERO) : 0) |
           (ndr64_refused && epid.epid.build >= KMS_NDR64_BUILD ? KMS_BIT(KMS_HINT_NDR64) : 0);
}

static size_t count_bits(uint32_t bits)
{
    size_t count = 0;
    for (; bits != 0; bits &= bits - 1) {
        count++;
    }
    return count;
}

static void word(uint32_t hints, char *dst, size_t size)
{
    const struct kms_word_set *set = kms_words_hint();
    dst[0] = '\0';
    for (size_t i = 0; i < set->count; i++) {
        if (hints & KMS_BIT(set->words[i].number)) {
            kms_text_append(dst, size, "%s%s", dst[0] ? "; " : "", set->words[i].meaning);
        }
    }
}

enum kms_status kms_authenticity_judge(const struct kms_evidence *evidence,
                                       struct kms_judgement *ret)
{
    int64_t wire = 0;
    int64_t ndr64 = 0;
    bool asked = kms_facts_number(&ret->host, KMS_FACT_HINTS, &wire);
    bool ndr64_refused = kms_facts_number(&ret->host, KMS_FACT_NDR64, &ndr64) && ndr64 == 0;
    uint32_t hints = (uint32_t)wire;
    for (size_t i = 0; i < ret->key_count; i++) {
        hints |= hints_of_key(&ret->key[i], ndr64_refused);
    }
    hints |= evidence->epid_change ? KMS_BIT(KMS_HINT_EPID_CHANGED) : 0;
    bool suspicious = count_bits(hints) >= KMS_HINTS_SUSPICIOUS;
    if (!suspicious && !asked) {
        return KMS_OK; /* without hints, but nothing spoke for the host either */
    }
    enum kms_status status = kms_facts_set_number(&ret->host, KMS_FACT_AUTHENTICITY,
                                                  suspicious ? KMS_AUTHENTICITY_SUSPICIOUS
                                                             : KMS_AUTHENTICITY_CONSISTENT);
    char text[400];
    word(hints, text, sizeof text);
    return status == KMS_OK && text[0]
               ? kms_facts_set_text(&ret->host, KMS_FACT_AUTHENTICITY_REASONS, text)
               : status;
}
