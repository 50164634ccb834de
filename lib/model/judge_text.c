/* The words in which verdicts are told: plugins, MIB and pages share them. */
#include "base/text.h"
#include "model/judge_parts.h"
#include "vocab/hostkey.h"
#include "vocab/hresult.h"

static const char *class_word(enum kms_client_class client_class)
{
    switch (client_class) {
    case KMS_CLASS_CLIENT:
        return "clients";
    case KMS_CLASS_SERVER:
        return "servers";
    case KMS_CLASS_OFFICE2010:
        return "Office 2010";
    case KMS_CLASS_OFFICE:
        break;
    }
    return "Office";
}

static const char *class_phrase(const struct kms_class_judgement *cls)
{
    switch (cls->verdict) {
    case KMS_VERDICT_CAN_ACTIVATE:
        return cls->headroom == 0 ? "just at" : "ok";
    case KMS_VERDICT_BELOW_THRESHOLD:
        return "below";
    case KMS_VERDICT_UNUSED:
        return "unused";
    case KMS_VERDICT_KEY_NOT_LICENSED:
        return "not served (key not licensed)";
    case KMS_VERDICT_UNREACHABLE:
        return "unreachable";
    case KMS_VERDICT_NOT_SERVED:
        return "not served";
    case KMS_VERDICT_UNKNOWN:
        break;
    }
    return "unknown";
}

void kms_judge_class_text(const struct kms_class_judgement *cls, char *dst, size_t size)
{
    const char *word = class_word(cls->client_class);
    const char *phrase = class_phrase(cls);
    bool below = cls->verdict == KMS_VERDICT_BELOW_THRESHOLD;
    bool fine = cls->verdict == KMS_VERDICT_CAN_ACTIVATE;
    if (below || (fine && cls->headroom == 0)) {
        kms_text_format(dst, size, "%s %s %u", word, phrase, (unsigned)cls->required);
    } else if (fine || cls->verdict == KMS_VERDICT_UNUSED) {
        kms_text_format(dst, size, "%s %s (%u)", word, phrase, (unsigned)cls->required);
    } else {
        kms_text_format(dst, size, "%s %s", word, phrase);
    }
}

const char *kms_judge_reliance_text(const struct kms_class_judgement *cls, uint32_t declared)
{
    if (declared == 0) {
        return "";
    }
    return cls->wanted ? ", the site relies on it" : ", the site does not rely on it";
}

/* Classes that are fine come first: "servers ok (5), clients below 25" reads as it is meant. */
void kms_judge_count_text(const struct kms_judgement *judgement, size_t key, char *dst, size_t size)
{
    const struct kms_key_judgement *of = &judgement->key[key];
    int64_t count;
    if (kms_facts_number(&of->facts, KMS_FACT_CURRENT_COUNT, &count)) {
        bool own = kms_fact_or(&of->facts, KMS_FACT_OWN_ENTRY, 0) != 0;
        kms_text_format(dst, size, "count %lld%s", (long long)count,
                        own ? " (1 of them this monitor)" : "");
    } else {
        kms_text_copy(dst, size, "count unknown");
    }
    const char *separator = ":";
    for (int pass = 0; pass < 2; pass++) {
        for (size_t c = 1; c <= KMS_CLASS_MAX; c++) {
            const struct kms_class_judgement *cls = &judgement->cls[c];
            bool fine = cls->verdict == KMS_VERDICT_CAN_ACTIVATE;
            if (!cls->present || cls->key != (int)key || fine != (pass == 0)) {
                continue;
            }
            char text[64];
            kms_judge_class_text(cls, text, sizeof text);
            kms_text_append(dst, size, "%s %s", separator, text);
            separator = ",";
        }
    }
}

static int64_t status_of(const struct kms_key_judgement *key)
{
    return kms_fact_or(&key->facts, KMS_FACT_LICENSE_STATUS, KMS_LICENSE_UNKNOWN);
}

static void state_text(const struct kms_key_judgement *key, char *dst, size_t size)
{
    int64_t status = status_of(key);
    const char *word = kms_facts_text(&key->facts, KMS_FACT_LICENSE_WORD);
    if (status != KMS_LICENSE_UNKNOWN) {
        kms_text_copy(dst, size, kms_word_label(kms_words_license_status(), (int)status));
    } else if (word) {
        kms_text_format(dst, size, "state unknown ('%s')", word);
    } else {
        kms_text_copy(dst, size, kms_key_answers(key) ? "answers" : "state unknown");
    }
    int64_t minutes;
    if (kms_facts_number(&key->facts, KMS_FACT_LICENSE_EXPIRES, &minutes) && minutes > 0) {
        char left[32];
        kms_text_age(left, sizeof left, minutes * 60);
        kms_text_append(dst, size, ", ends in %s", left);
    }
}

/* A licensed key has no reason worth telling. */
static bool reason_of(const struct kms_key_judgement *key, uint32_t *ret)
{
    int64_t reason;
    if (status_of(key) == KMS_LICENSE_LICENSED ||
        !kms_facts_number(&key->facts, KMS_FACT_LICENSE_REASON, &reason) || reason == 0) {
        return false;
    }
    *ret = (uint32_t)reason;
    return true;
}

void kms_judge_key_short(const struct kms_key_judgement *key, char *dst, size_t size)
{
    uint32_t reason;
    state_text(key, dst, size);
    if (reason_of(key, &reason)) {
        kms_text_append(dst, size, " (0x%08X)", reason);
    }
}

void kms_judge_key_text(const struct kms_key_judgement *key, char *dst, size_t size)
{
    uint32_t reason;
    state_text(key, dst, size);
    if (reason_of(key, &reason)) {
        char why[KMS_HRESULT_TEXT];
        kms_hresult_text(reason, why, sizeof why);
        kms_text_append(dst, size, ", %s", why);
    }
    if (key->superseded) {
        kms_text_append(dst, size, ", superseded by a licensed key");
    }
}

void kms_judge_requests_text(const struct kms_key_judgement *key, char *dst, size_t size)
{
    int64_t total;
    int64_t failed;
    if (!kms_facts_number(&key->facts, KMS_FACT_TOTAL_REQUESTS, &total) ||
        !kms_facts_number(&key->facts, KMS_FACT_FAILED_REQUESTS, &failed)) {
        kms_text_copy(dst, size, "request counters not known");
        return;
    }
    kms_text_format(dst, size, "%lld request%s, %lld failed", (long long)total,
                    kms_text_plural((uint64_t)total), (long long)failed);
    if (key->window.known) {
        char span[32];
        kms_text_age(span, sizeof span, key->window.span_s);
        kms_text_append(dst, size, "; in the last %s %u request%s, %u failed", span,
                        (unsigned)key->window.total, kms_text_plural(key->window.total),
                        (unsigned)key->window.failed);
    }
}

void kms_judge_key_name(const struct kms_key_judgement *key, char *dst, size_t size)
{
    const char *group = kms_facts_text(&key->facts, KMS_FACT_KEY_GROUP);
    const char *name = kms_facts_text(&key->facts, KMS_FACT_KEY_NAME);
    if (group) {
        kms_text_copy(dst, size, group);
    } else if (key->application != KMS_APPLICATION_UNKNOWN || !name) {
        kms_text_copy(dst, size, kms_application_name(key->application));
    } else {
        kms_text_copy(dst, size, name);
    }
}

void kms_judge_date_text(const struct kms_judgement *judgement, char *dst, size_t size)
{
    dst[0] = '\0';
    if (!judgement->data_known) {
        return;
    }
    char age[32];
    struct kms_date d = kms_date_of(judgement->data_s);
    kms_text_age(age, sizeof age, judgement->data_age_s);
    kms_text_format(dst, size, "data of %04lld-%02u-%02u %02u:%02u (%s old)", (long long)d.year,
                    d.month, d.day, d.hour, d.minute, age);
}
