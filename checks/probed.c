/* Shows what hosts did when they were probed. */
#include "probed.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/text.h"
#include "model/judge.h"
#include "table.h"
#include "vocab/hostkey.h"

const char *kms_probed_happened(const struct kms_result *result)
{
    return result->detail[0] != '\0' ? result->detail : kms_outcome_row(result->outcome)->meaning;
}

/* ---- table ---- */

enum { COLUMN_HOST, COLUMN_ADDRESS, COLUMN_STATE, COLUMN_LATENCY, COLUMN_HAPPENED, COLUMNS };

enum kms_colour kms_probed_colour(const struct kms_result *result)
{
    enum kms_outcome outcome = result->outcome;

    if (kms_outcome_good(outcome)) {
        return KMS_COLOUR_GREEN;
    }
    return kms_outcome_row(outcome)->kind == KMS_OUTCOME_IS_OURS ? KMS_COLOUR_MAGENTA
                                                                 : KMS_COLOUR_RED;
}

const char *kms_probed_state(const struct kms_result *result)
{
    int64_t state;

    return kms_facts_number(&result->host, KMS_FACT_RPC_STATE, &state)
               ? kms_word_label(kms_words_rpc_state(), (int)state)
               : kms_outcome_row(result->outcome)->token;
}

void kms_probed_latency(const struct kms_result *result, char *dst, size_t size)
{
    int64_t latency_us;

    kms_text_copy(dst, size, "-");
    if (kms_facts_number(&result->host, KMS_FACT_RPC_LATENCY, &latency_us)) {
        kms_text_format(dst, size, "%.2f ms", (double)latency_us / 1000);
    }
}

static void add_row(struct kms_table *table, const struct kms_probed *probed)
{
    const struct kms_result *result = &probed->result;
    const char *address = kms_facts_text(&result->host, KMS_FACT_RPC_ADDRESS);
    char text[32];

    kms_table_add(table, KMS_COLOUR_NONE, probed->host);
    kms_table_add(table, KMS_COLOUR_NONE, address != NULL ? address : "-");
    kms_table_add(table, kms_probed_colour(result), kms_probed_state(result));
    kms_probed_latency(result, text, sizeof(text));
    kms_table_add(table, KMS_COLOUR_NONE, text);
    kms_table_add(table, KMS_COLOUR_NONE, kms_probed_happened(result));
}

static bool met_before(const struct kms_probed *probed, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (probed[i].result.outcome == probed[at].result.outcome) {
            return true;
        }
    }
    return false;
}

enum kms_status kms_probed_meanings(const struct kms_probed *probed, size_t count,
                                    struct kms_buf *out)
{
    enum kms_status status = KMS_OK;
    bool any = false;

    for (size_t i = 0; i < count && status == KMS_OK; i++) {
        const struct kms_outcome_row *row = kms_outcome_row(probed[i].result.outcome);
        if (kms_outcome_good(probed[i].result.outcome) || met_before(probed, i)) {
            continue;
        }
        status = kms_buf_addf(out, "%s%s: %s\n", any ? "" : "\n", row->token, row->meaning);
        if (status == KMS_OK && row->hint[0] != '\0') {
            status = kms_buf_addf(out, "  next step: %s\n", row->hint);
        }
        any = true;
    }
    return status;
}

enum kms_status kms_probed_table(const struct kms_probed *probed, size_t count,
                                 const struct kms_listing_style *style, struct kms_buf *out)
{
    static const char *const heads[COLUMNS] = {"HOST", "ADDRESS", "STATE", "LATENCY",
                                               "WHAT HAPPENED"};
    enum kms_status status;
    struct kms_table table;

    kms_table_init(&table, COLUMNS);
    table.right[COLUMN_LATENCY] = true;
    table.shrink = COLUMN_HAPPENED;
    table.spare[0].column = COLUMN_LATENCY;
    for (size_t i = 0; i < COLUMNS; i++) {
        kms_table_add(&table, KMS_COLOUR_BOLD, heads[i]);
    }
    for (size_t i = 0; i < count; i++) {
        add_row(&table, &probed[i]);
    }
    status = kms_table_render(&table, 0, style->width, style->colours, out);
    kms_table_done(&table);
    return status == KMS_OK ? kms_probed_meanings(probed, count, out) : status;
}

/* ---- activation ---- */

static enum kms_status add_minutes(const struct kms_facts *key, enum kms_fact_id fact,
                                   const char *what, struct kms_buf *out)
{
    char text[32];
    int64_t minutes;

    if (!kms_facts_number(key, fact, &minutes)) {
        return KMS_OK;
    }
    kms_text_age(text, sizeof(text), minutes * 60);
    return kms_buf_addf(out, "    %s every %s\n", what, text);
}

static enum kms_status add_epid(const char *epid, struct kms_buf *out)
{
    struct kms_epid_explained explained;
    char line[KMS_EPID_LINES][KMS_EPID_LINE];
    size_t count = kms_epid_explain(epid, &explained) ? kms_epid_lines(&explained, line) : 0;
    enum kms_status status = kms_buf_addf(out, "    ePID %s\n", epid);

    for (size_t i = 0; i < count && status == KMS_OK; i++) {
        status = kms_buf_addf(out, "    %s\n", line[i]);
    }
    return status;
}

static enum kms_status add_key(const struct kms_facts *key, struct kms_buf *out)
{
    enum kms_application application = kms_application_of(
        kms_facts_text(key, KMS_FACT_APPLICATION_ID));
    const char *epid = kms_facts_text(key, KMS_FACT_EPID);
    enum kms_status status;
    int64_t count, own = 0;

    if (!kms_facts_number(key, KMS_FACT_CURRENT_COUNT, &count)) {
        return KMS_OK;
    }
    (void)kms_facts_number(key, KMS_FACT_OWN_ENTRY, &own);
    status = kms_buf_addf(out, "  %s: count %lld%s\n", kms_application_name(application),
                          (long long)count, own ? " (1 of them this monitor)" : "");
    if (status == KMS_OK && epid != NULL) {
        status = add_epid(epid, out);
    }
    if (status == KMS_OK) {
        status = add_minutes(key, KMS_FACT_ACTIVATION_INTERVAL,
                             "clients that are not activated ask", out);
    }
    if (status == KMS_OK) {
        status = add_minutes(key, KMS_FACT_RENEWAL_INTERVAL, "activated clients renew", out);
    }
    return status;
}

static void set_evidence(const struct kms_result *result, struct kms_evidence *evidence)
{
    if (result->outcome != KMS_OUTCOME_NONE) {
        evidence->last[result->source] = result;
        evidence->good[result->source] = kms_outcome_good(result->outcome) ? result : NULL;
    }
}

/* By bind and request together; the plugins and the agent say the same. */
static enum kms_status judge(const struct kms_probed *probed, struct kms_judgement *ret)
{
    struct kms_evidence evidence = {.target = &probed->target};
    struct kms_policy policy;
    int64_t now_s;

    kms_policy_preset(&policy);
    set_evidence(&probed->result, &evidence);
    set_evidence(&probed->activation, &evidence);
    set_evidence(&probed->wsman, &evidence);
    now_s = probed->wsman.wall_s > probed->result.wall_s ? probed->wsman.wall_s
                                                         : probed->result.wall_s;
    now_s = probed->activation.wall_s > now_s ? probed->activation.wall_s : now_s;
    return kms_judge(&evidence, &policy, now_s, ret);
}

static enum kms_status add_suspicion(const struct kms_probed *probed, struct kms_buf *out)
{
    struct kms_judgement judgement;
    enum kms_status status = judge(probed, &judgement);

    if (status != KMS_OK) {
        return status;
    }
    const char *why = kms_facts_text(&judgement.host, KMS_FACT_AUTHENTICITY_REASONS);
    bool suspicious = (judgement.reasons & KMS_BIT(KMS_REASON_SUSPICIOUS)) != 0;
    if (why != NULL) {
        status = kms_buf_addf(out, "  %s: %s\n",
                              suspicious ? "looks like no genuine KMS host" : "unusual", why);
    }
    kms_judgement_done(&judgement);
    return status;
}

enum kms_status kms_probed_activation(const struct kms_probed *probed, struct kms_buf *out)
{
    const struct kms_result *result = &probed->activation;
    const struct kms_outcome_row *row = kms_outcome_row(result->outcome);
    bool good = kms_outcome_good(result->outcome);
    enum kms_status status = KMS_OK;

    if (!probed->asked) {
        return KMS_OK;
    }
    status = kms_buf_addf(out, "\nactivation: %s%s%s\n", good ? "" : row->token, good ? "" : ": ",
                          kms_probed_happened(result));
    if (status == KMS_OK && !good) {
        status = kms_buf_addf(out, "  next step: %s\n", row->hint);
    }
    for (size_t i = 0; i < result->key_count && status == KMS_OK; i++) {
        status = add_key(&result->key[i], out);
    }
    return status == KMS_OK && good ? add_suspicion(probed, out) : status;
}

/* ---- all sources together ---- */

static enum kms_status add_source(const struct kms_result *result,
                                  const struct kms_judgement *judgement, struct kms_buf *out)
{
    const struct kms_source_judgement *source = &judgement->source[result->source];
    const struct kms_outcome_row *row = kms_outcome_row(result->outcome);
    char age[48] = "";

    if (result->outcome == KMS_OUTCOME_NONE) {
        return KMS_OK;
    }
    if (source->age_known) {
        char text[32];
        kms_text_age(text, sizeof(text), source->age_s);
        kms_text_format(age, sizeof(age), ", %s old", text);
    }
    return kms_buf_addf(out, "  source %s: %s%s%s%s\n",
                        kms_word_label(kms_words_source(), (int)result->source), row->token, age,
                        result->detail[0] != '\0' ? ": " : "", result->detail);
}

static enum kms_status add_facts(const struct kms_facts *facts, const char *indent,
                                 struct kms_buf *out)
{
    enum kms_status status = KMS_OK;

    for (size_t i = 0; i < facts->count && status == KMS_OK; i++) {
        const struct kms_fact_row *row = kms_fact_row(facts->fact[i].id);
        char text[512];
        if (row != NULL) {
            kms_fact_print(&facts->fact[i], text, sizeof(text));
            status = kms_buf_addf(out, "%s%s: %s\n", indent, row->token, text);
        }
    }
    return status;
}

static enum kms_status add_merged(const struct kms_probed *probed, struct kms_buf *out)
{
    struct kms_judgement judgement;
    enum kms_status status = judge(probed, &judgement);

    if (status != KMS_OK) {
        return status;
    }
    status = kms_buf_addf(out, "\n%s: %s: %s\n", probed->target.name,
                          kms_word_label(kms_words_state(), (int)judgement.state),
                          judgement.summary);
    if (status == KMS_OK) {
        status = add_source(&probed->wsman, &judgement, out);
    }
    if (status == KMS_OK) {
        status = add_source(&probed->result, &judgement, out);
    }
    if (status == KMS_OK) {
        status = add_source(&probed->activation, &judgement, out);
    }
    if (status == KMS_OK && !kms_outcome_good(probed->wsman.outcome)) {
        status = kms_buf_addf(out, "  next step: %s\n",
                              kms_outcome_row(probed->wsman.outcome)->hint);
    }
    if (status == KMS_OK) {
        status = add_facts(&judgement.host, "  ", out);
    }
    for (size_t i = 0; i < judgement.key_count && status == KMS_OK; i++) {
        const struct kms_key_judgement *key = &judgement.key[i];
        status = kms_buf_addf(out, "  key of %s, by %s:\n", kms_application_name(key->application),
                              kms_word_label(kms_words_source(), (int)key->source));
        if (status == KMS_OK) {
            status = add_facts(&key->facts, "    ", out);
        }
    }
    kms_judgement_done(&judgement);
    return status;
}

enum kms_status kms_probed_merged(const struct kms_probed *probed, size_t count,
                                  struct kms_buf *out)
{
    enum kms_status status = KMS_OK;

    for (size_t i = 0; i < count && status == KMS_OK; i++) {
        if (probed[i].wsman.outcome != KMS_OUTCOME_NONE) {
            status = add_merged(&probed[i], out);
        }
    }
    return status;
}

/* ---- JSON ---- */

/* jansson takes the reference in any case, and refuses NULL. */
static void put(json_t *object, const char *key, json_t *value, bool *ok)
{
    if (json_object_set_new(object, key, value) != 0) {
        *ok = false;
    }
}

static json_t *facts_object(const struct kms_facts *facts, bool *ok)
{
    json_t *object = json_object();

    for (size_t i = 0; i < facts->count; i++) {
        const struct kms_fact_row *row = kms_fact_row(facts->fact[i].id);
        char text[512];
        if (row == NULL) {
            continue;
        }
        kms_fact_print(&facts->fact[i], text, sizeof(text));
        put(object, row->token,
            row->type == KMS_TYPE_UINT ? json_integer(facts->fact[i].number) : json_string(text),
            ok);
    }
    return object;
}

static void put_suspicion(json_t *object, const struct kms_probed *probed, bool *ok)
{
    struct kms_judgement judgement;
    int64_t authenticity = KMS_AUTHENTICITY_UNKNOWN;

    if (judge(probed, &judgement) != KMS_OK) {
        *ok = false;
        return;
    }
    const char *why = kms_facts_text(&judgement.host, KMS_FACT_AUTHENTICITY_REASONS);
    (void)kms_facts_number(&judgement.host, KMS_FACT_AUTHENTICITY, &authenticity);
    put(object, "authenticity",
        json_string(kms_word_label(kms_words_authenticity(), (int)authenticity)), ok);
    put(object, "authenticity-reasons", json_string(why != NULL ? why : ""), ok);
    kms_judgement_done(&judgement);
}

static json_t *activation_object(const struct kms_probed *probed, bool *ok)
{
    const struct kms_result *result = &probed->activation;
    const struct kms_outcome_row *row = kms_outcome_row(result->outcome);
    json_t *object = json_object();
    json_t *keys = json_array();

    for (size_t i = 0; i < result->key_count; i++) {
        if (json_array_append_new(keys, facts_object(&result->key[i], ok)) != 0) {
            *ok = false;
        }
    }
    put(object, "outcome", json_string(row->token), ok);
    put(object, "detail", json_string(kms_probed_happened(result)), ok);
    put(object, "next-step", json_string(row->hint), ok);
    put(object, "asked-at", json_integer(result->data_s), ok);
    put(object, "facts", facts_object(&result->host, ok), ok);
    put(object, "keys", keys, ok);
    put_suspicion(object, probed, ok);
    return object;
}

static void put_source(json_t *array, const struct kms_result *result,
                       const struct kms_judgement *judgement, bool *ok)
{
    const struct kms_source_judgement *source = &judgement->source[result->source];
    json_t *object = json_object();

    if (result->outcome == KMS_OUTCOME_NONE) {
        json_decref(object);
        return;
    }
    put(object, "source", json_string(kms_word_label(kms_words_source(), (int)result->source)), ok);
    put(object, "outcome", json_string(kms_outcome_row(result->outcome)->token), ok);
    put(object, "detail", json_string(kms_probed_happened(result)), ok);
    put(object, "next-step", json_string(kms_outcome_row(result->outcome)->hint), ok);
    put(object, "age", source->age_known ? json_integer(source->age_s) : json_null(), ok);
    *ok = json_array_append_new(array, object) == 0 && *ok;
}

static void put_merged(json_t *object, const struct kms_probed *probed, bool *ok)
{
    struct kms_judgement judgement;
    json_t *sources = json_array();
    json_t *keys = json_array();
    json_t *merged = json_object();

    if (judge(probed, &judgement) != KMS_OK) {
        judgement = (struct kms_judgement){.key_count = 0};
        *ok = false;
    }
    put_source(sources, &probed->wsman, &judgement, ok);
    put_source(sources, &probed->result, &judgement, ok);
    put_source(sources, &probed->activation, &judgement, ok);
    for (size_t i = 0; i < judgement.key_count; i++) {
        const struct kms_key_judgement *key = &judgement.key[i];
        json_t *one = json_object();
        put(one, "source", json_string(kms_word_label(kms_words_source(), (int)key->source)), ok);
        put(one, "facts", facts_object(&key->facts, ok), ok);
        *ok = json_array_append_new(keys, one) == 0 && *ok;
    }
    put(merged, "state", json_string(kms_word_label(kms_words_state(), (int)judgement.state)), ok);
    put(merged, "summary", json_string(judgement.summary), ok);
    put(merged, "sources", sources, ok);
    put(merged, "facts", facts_object(&judgement.host, ok), ok);
    put(merged, "keys", keys, ok);
    put(object, "merged", merged, ok);
    kms_judgement_done(&judgement);
}

json_t *kms_probed_object(const struct kms_probed *probed, bool *ok)
{
    const struct kms_result *result = &probed->result;
    const struct kms_outcome_row *row = kms_outcome_row(result->outcome);
    json_t *object = json_object();
    char name[300];

    kms_text_clean(name, sizeof(name), probed->host, strlen(probed->host));
    put(object, "host", json_string(name), ok);
    put(object, "port", json_integer(probed->target.port), ok);
    put(object, "accepted", json_boolean(kms_outcome_good(result->outcome)), ok);
    put(object, "outcome", json_string(row->token), ok);
    put(object, "detail", json_string(kms_probed_happened(result)), ok);
    put(object, "next-step", json_string(row->hint), ok);
    put(object, "facts", facts_object(&result->host, ok), ok);
    if (probed->asked) {
        put(object, "activation", activation_object(probed, ok), ok);
    }
    if (probed->wsman.outcome != KMS_OUTCOME_NONE) {
        put_merged(object, probed, ok);
    }
    return object;
}

enum kms_status kms_probed_json(const struct kms_probed *probed, size_t count, struct kms_buf *out)
{
    json_t *array = json_array();
    enum kms_status status = KMS_ENOMEM;
    bool ok = array != NULL;
    char *text;

    for (size_t i = 0; i < count && ok; i++) {
        if (json_array_append_new(array, kms_probed_object(&probed[i], &ok)) != 0) {
            ok = false;
        }
    }
    text = ok ? json_dumps(array, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : NULL;
    if (text != NULL) {
        status = kms_buf_add_str(out, text);
    }
    free(text);
    json_decref(array);
    return status == KMS_OK ? kms_buf_add_str(out, "\n") : status;
}
