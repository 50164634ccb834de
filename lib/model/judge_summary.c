/* The one line that sums a judged host up. */
#include <string.h>

#include "base/text.h"
#include "model/judge_parts.h"
#include "vocab/hostkey.h"

/* Why nothing can be said, or why what is said is old; of which source. */
static bool find_failure(const struct kms_evidence *evidence, const struct kms_judgement *ret,
                         char *dst, size_t size, enum kms_source *ret_source)
{
    for (size_t i = 1; i <= KMS_SOURCE_MAX; i++) {
        const struct kms_result *last = evidence->last[i];
        if (!last || !ret->source[i].stale || kms_outcome_good(last->outcome)) {
            continue;
        }
        const char *why = last->detail[0] ? last->detail : kms_outcome_row(last->outcome)->meaning;
        kms_text_copy(dst, size, why);
        *ret_source = (enum kms_source)i;
        return true;
    }
    for (size_t i = 1; i <= KMS_SOURCE_MAX; i++) {
        if (!ret->source[i].stale || !evidence->good[i]) {
            continue;
        }
        char limit[32];
        char age[32] = "of unknown age";
        kms_text_duration(limit, sizeof limit, evidence->target->source[i].max_age_ms);
        if (ret->source[i].age_known) {
            kms_text_age(age, sizeof age, ret->source[i].age_s);
            kms_text_append(age, sizeof age, " old");
        }
        if (evidence->last[i]) {
            kms_text_format(dst, size, "data is %s, limit %s", age, limit);
        } else {
            kms_text_format(dst, size, "data is %s, from before the agent's start", age);
        }
        *ret_source = (enum kms_source)i;
        return true;
    }
    return false;
}

/* A key that another source tells of is told of, whatever failed. */
static bool has_fresh_key(const struct kms_judgement *judgement)
{
    for (size_t i = 0; i < judgement->key_count; i++) {
        if (!judgement->key[i].stale) {
            return true;
        }
    }
    return false;
}

static void summarise_key(struct kms_judgement *ret, size_t at)
{
    const struct kms_key_judgement *key = &ret->key[at];
    char text[160];
    kms_judge_count_text(ret, at, text, sizeof text);
    kms_text_append(ret->summary, sizeof ret->summary, "%s", ret->summary[0] ? "; " : "");
    if (ret->key_count > 1) {
        kms_text_append(ret->summary, sizeof ret->summary, "%s ",
                        kms_application_name(key->application));
    }
    kms_text_append(ret->summary, sizeof ret->summary, "%s", text);
    kms_judge_key_short(key, text, sizeof text);
    kms_text_append(ret->summary, sizeof ret->summary, ", key %s", text);
    if (key->requests_state == KMS_STATE_WARNING || key->requests_state == KMS_STATE_CRITICAL) {
        kms_text_append(ret->summary, sizeof ret->summary, ", %u request%s failed",
                        (unsigned)key->window.failed, kms_text_plural(key->window.failed));
    }
}

/* Classes that the site relies on and no key serves hang on no key above. */
static void summarise_unserved(struct kms_judgement *ret)
{
    for (size_t c = 1; c <= KMS_CLASS_MAX; c++) {
        const struct kms_class_judgement *cls = &ret->cls[c];
        if (cls->present && cls->key < 0) {
            char text[64];
            kms_judge_class_text(cls, text, sizeof text);
            kms_text_append(ret->summary, sizeof ret->summary, "%s%s", ret->summary[0] ? "; " : "",
                            text);
        }
    }
}

/* "published in example.com"; NULL when nothing is known. */
static const char *publication_text(const struct kms_evidence *evidence,
                                    const struct kms_judgement *judgement)
{
    if (!kms_judge_knows_publication(evidence, judgement)) {
        return NULL;
    }
    const char *detail = evidence->last[KMS_SOURCE_DNS]->detail;
    int64_t state = kms_fact_or(&judgement->host, KMS_FACT_PUBLICATION, KMS_PUBLICATION_UNKNOWN);
    return detail[0] ? detail : kms_word_meaning(kms_words_publication_state(), (int)state);
}

/* The host where only the wire speaks. */
static void summarise_wire(const struct kms_evidence *evidence, struct kms_judgement *ret,
                           const char *published)
{
    bool is_port_known = kms_fact_or(&ret->host, KMS_FACT_RPC_STATE, KMS_RPC_UNKNOWN) ==
                         KMS_RPC_ACCEPTED;
    if (published) {
        kms_text_format(ret->summary, sizeof ret->summary, "%s%s",
                        is_port_known ? "port answers; " : "", published);
    } else {
        kms_text_copy(ret->summary, sizeof ret->summary,
                      kms_judge_has_result(evidence) ? "port answers, nothing else is known"
                                                     : "no data yet");
    }
}

/* Why a host is unknown of which something is known. */
static void summarise_untried(const struct kms_evidence *evidence, struct kms_judgement *ret)
{
    for (size_t i = 1; i <= KMS_SOURCE_MAX && kms_judge_has_result(evidence); i++) {
        if (ret->source[i].enabled && !evidence->last[i] && !evidence->good[i]) {
            kms_text_append(ret->summary, sizeof ret->summary, "; no result of %s yet",
                            kms_word_label(kms_words_source(), (int)i));
            return;
        }
    }
}

static void summarise_suspicion(struct kms_judgement *ret)
{
    const char *why = kms_facts_text(&ret->host, KMS_FACT_AUTHENTICITY_REASONS);
    if (why && (ret->reasons & KMS_BIT(KMS_REASON_SUSPICIOUS))) {
        kms_text_append(ret->summary, sizeof ret->summary, "%slooks like no genuine host: %s",
                        ret->summary[0] ? "; " : "", why);
    }
}

static void add_part(struct kms_judgement *ret, const char *text)
{
    kms_text_append(ret->summary, sizeof ret->summary, "%s%s", ret->summary[0] ? "; " : "", text);
}

static void summarise_role(const struct kms_evidence *evidence, struct kms_judgement *ret)
{
    if (kms_judge_is_disowned(evidence, ret)) {
        add_part(ret, kms_judge_is_answered(evidence, ret)
                          ? "requests are answered, but Windows says that it is no KMS host"
                          : "Windows says that it is no KMS host");
    }
}

void kms_judge_machine_text(const struct kms_judgement *judgement, char *dst, size_t size)
{
    dst[0] = '\0';
    if (judgement->reasons & KMS_BIT(KMS_REASON_SERVICE_DOWN)) {
        int64_t service = kms_fact_or(&judgement->host, KMS_FACT_SERVICE_STATE,
                                      KMS_SERVICE_UNKNOWN);
        kms_text_append(dst, size, "service %s",
                        kms_word_label(kms_words_service_state(), (int)service));
    }
    if (judgement->reasons & KMS_BIT(KMS_REASON_CLOCK_SKEW)) {
        char away[32];
        int64_t skew_s = kms_fact_or(&judgement->host, KMS_FACT_CLOCK_SKEW, 0);
        kms_text_age(away, sizeof away, skew_s < 0 ? -skew_s : skew_s);
        kms_text_append(dst, size, "%sclock %s %s", dst[0] ? "; " : "", away,
                        skew_s < 0 ? "slow" : "fast");
    }
}

/* What no count shows. */
static void summarise_machine(struct kms_judgement *ret)
{
    char text[120];
    kms_judge_machine_text(ret, text, sizeof text);
    if (text[0]) {
        add_part(ret, text);
    }
}

void kms_judge_summarise(const struct kms_evidence *evidence, struct kms_judgement *ret)
{
    if (kms_judge_is_unreachable(ret)) {
        int64_t rpc = kms_fact_or(&ret->host, KMS_FACT_RPC_STATE, KMS_RPC_UNKNOWN);
        kms_text_copy(ret->summary, sizeof ret->summary,
                      kms_word_meaning(kms_words_rpc_state(), (int)rpc));
        return;
    }
    char failure[sizeof ret->summary];
    enum kms_source failed;
    bool is_failed = find_failure(evidence, ret, failure, sizeof failure, &failed);
    if (is_failed && !has_fresh_key(ret)) {
        kms_text_copy(ret->summary, sizeof ret->summary, failure);
        return;
    }
    if (ret->reasons & KMS_BIT(KMS_REASON_NOT_ACTIVATING)) {
        const struct kms_result *last = evidence->last[KMS_SOURCE_ACTIVATION];
        kms_text_format(ret->summary, sizeof ret->summary, "%s: %s",
                        kms_outcome_row(last->outcome)->token, last->detail);
    }
    summarise_role(evidence, ret);
    summarise_machine(ret);
    /* Two ePIDs would leave no room for the count. */
    bool is_drift_long = strlen(ret->drift) > sizeof ret->summary / 2;
    if (ret->drift[0] && !is_drift_long) {
        kms_text_append(ret->summary, sizeof ret->summary, "%s%s", ret->summary[0] ? "; " : "",
                        ret->drift);
    }
    for (size_t i = 0; i < ret->key_count; i++) {
        if (!ret->key[i].superseded) {
            summarise_key(ret, i);
        }
    }
    if (ret->key_count > 0) {
        summarise_unserved(ret);
    }
    if (is_drift_long) {
        kms_text_append(ret->summary, sizeof ret->summary, "%s%s", ret->summary[0] ? "; " : "",
                        ret->drift);
    }
    summarise_suspicion(ret);
    const char *published = publication_text(evidence, ret);
    if (!ret->summary[0]) {
        summarise_wire(evidence, ret, published);
    } else if (published && kms_judge_publication_state(ret) != KMS_STATE_OK) {
        kms_text_append(ret->summary, sizeof ret->summary, "; %s", published);
    }
    summarise_untried(evidence, ret);
    if (is_failed) {
        kms_text_append(ret->summary, sizeof ret->summary, "; %s: %s",
                        kms_word_label(kms_words_source(), (int)failed), failure);
    }
}
