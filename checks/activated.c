/* The count, the host key and the intervals that an answer told, or the error it was. */
#include "activated.h"

#include "base/text.h"
#include "limits.h"
#include "vocab/hostkey.h"
#include "vocab/hresult.h"
#include "vocab/product.h"

#define FRESH_S 60 /* an answer that is older was given to an earlier request */

bool kms_activated_product(const char *name, char *why, size_t size)
{
    const struct kms_product *product = name != NULL ? kms_product_find(NULL, name) : NULL;
    const char *refusal = product != NULL ? kms_product_refusal(product) : NULL;

    if (name != NULL && product == NULL) {
        kms_text_format(why, size,
                        "--product '%s' is not known; give a name such as 'Windows Server 2019'",
                        name);
    } else if (refusal != NULL) {
        kms_text_format(why, size, "--product '%s': %s", name, refusal);
    }
    return name == NULL || (product != NULL && refusal == NULL);
}

static void show_age(struct kms_output *out, const struct kms_result *result)
{
    int64_t age_s = result->wall_s - result->data_s;
    char age[32];

    if (result->data_s != 0 && age_s > FRESH_S) {
        kms_text_age(age, sizeof(age), age_s);
        kms_output_first(out, " (asked %s ago)", age);
    }
}

static void add_count(struct kms_output *out, const struct kms_target *target,
                      const struct kms_judgement *judgement, size_t key, int64_t count)
{
    struct kms_perf perf = {.known = true, .value = (double)count, .min_known = true};
    char label[64];

    kms_text_format(label, sizeof(label), "count_%s",
                    kms_word_label(kms_words_application(), (int)judgement->key[key].application));
    perf.label = label;
    kms_count_limits(judgement, target->classes != 0, key, count, &perf);
    kms_output_perf(out, &perf);
}

static void show_interval(struct kms_output *out, const struct kms_facts *facts,
                          enum kms_fact_id fact, const char *what)
{
    char text[32];
    int64_t minutes;

    if (kms_facts_number(facts, fact, &minutes)) {
        kms_text_age(text, sizeof(text), minutes * 60);
        kms_output_line(out, 1, "%s every %s", what, text);
    }
}

static void show_key(struct kms_output *out, const struct kms_key_judgement *key)
{
    const char *epid = kms_facts_text(&key->facts, KMS_FACT_EPID);
    struct kms_epid_explained explained;
    char line[KMS_EPID_LINES][KMS_EPID_LINE];
    size_t lines = 0;

    if (epid != NULL) {
        kms_output_line(out, 0, "host key %s", epid);
        lines = kms_epid_explain(epid, &explained) ? kms_epid_lines(&explained, line) : 0;
    }
    for (size_t i = 0; i < lines; i++) {
        kms_output_line(out, 1, "%s", line[i]);
    }
    show_interval(out, &key->facts, KMS_FACT_ACTIVATION_INTERVAL,
                  "clients that are not activated ask");
    show_interval(out, &key->facts, KMS_FACT_RENEWAL_INTERVAL, "activated clients renew");
}

static void show_keys(struct kms_output *out, const struct kms_target *target,
                      const struct kms_judgement *judgement)
{
    char text[200];
    int64_t count;

    for (size_t i = 0; i < judgement->key_count; i++) {
        const struct kms_key_judgement *key = &judgement->key[i];
        if (!kms_facts_number(&key->facts, KMS_FACT_CURRENT_COUNT, &count)) {
            continue;
        }
        kms_judge_count_text(judgement, i, text, sizeof(text));
        kms_output_first(out, "; %s", text);
        add_count(out, target, judgement, i, count);
        show_key(out, key);
    }
}

static void show_error(struct kms_output *out, const struct kms_result *result,
                       const struct kms_outcome_row *row)
{
    char text[300];
    int64_t code;

    kms_output_line(out, 0, "activation: %s", row->meaning);
    if (kms_facts_number(&result->host, KMS_FACT_ACTIVATION_RESULT, &code) && code != 0) {
        kms_hresult_text((uint32_t)code, text, sizeof(text));
        kms_output_line(out, 1, "%s", text);
    }
}

/* Told as soon as there is one hint; two make the host suspicious. */
static void show_suspicion(struct kms_output *out, const struct kms_judgement *judgement)
{
    const char *why = kms_facts_text(&judgement->host, KMS_FACT_AUTHENTICITY_REASONS);

    if (why != NULL) {
        bool two = (judgement->reasons & KMS_BIT(KMS_REASON_SUSPICIOUS)) != 0;
        kms_output_line(out, 0, "%s: %s", two ? "looks like no genuine KMS host" : "unusual", why);
    }
}

void kms_activated_show(struct kms_output *out, const struct kms_target *target,
                        const struct kms_result *result, const struct kms_judgement *judgement)
{
    const struct kms_outcome_row *row = kms_outcome_row(result->outcome);
    const char *detail = result->detail[0] != '\0' ? result->detail : row->meaning;

    if (kms_outcome_good(result->outcome)) {
        show_keys(out, target, judgement);
        kms_output_line(out, 0, "activation: %s", detail);
        show_suspicion(out, judgement);
    } else {
        kms_output_first(out, "; %s: %s", row->token, detail);
        show_error(out, result, row);
        kms_output_line(out, 0, "next step: %s", row->hint);
    }
    show_age(out, result);
}
