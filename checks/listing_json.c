/* Reports as JSON: every fact by its token, every word by its label. */
#include "listing.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/text.h"
#include "reader.h"
#include "vocab/hostkey.h"

/* jansson takes the reference in any case, and refuses NULL: one flag tells of all failures. */
static void put(json_t *object, const char *key, json_t *value, bool *ok)
{
    if (json_object_set_new(object, key, value) != 0) {
        *ok = false;
    }
}

static void append(json_t *array, json_t *value, bool *ok)
{
    if (json_array_append_new(array, value) != 0) {
        *ok = false;
    }
}

static json_t *bits(const struct kms_word_set *set, uint32_t mask, bool *ok)
{
    json_t *array = json_array();

    for (size_t i = 0; i < set->count; i++) {
        if (mask & KMS_BIT(set->words[i].number)) {
            append(array, json_string(set->words[i].label), ok);
        }
    }
    return array;
}

static json_t *state_word(enum kms_state state)
{
    return json_string(kms_word_label(kms_words_state(), (int)state));
}

static json_t *fact_value(const struct kms_fact *fact, enum kms_fact_type type)
{
    char text[512];

    switch (type) {
    case KMS_TYPE_UINT:
    case KMS_TYPE_INT:
        return json_integer(fact->number);
    case KMS_TYPE_BOOL:
        return json_boolean(fact->number != 0);
    case KMS_TYPE_WORD:
    case KMS_TYPE_HRESULT:
    case KMS_TYPE_TIME:
    case KMS_TYPE_TEXT:
        break;
    }
    kms_fact_print(fact, text, sizeof(text));
    return json_string(type == KMS_TYPE_TEXT && fact->text != NULL ? fact->text : text);
}

static json_t *facts_object(const struct kms_facts *facts, bool *ok)
{
    json_t *object = json_object();

    for (size_t i = 0; i < facts->count; i++) {
        const struct kms_fact_row *row = kms_fact_row(facts->fact[i].id);
        if (row != NULL) {
            put(object, row->token, fact_value(&facts->fact[i], row->type), ok);
        }
    }
    return object;
}

static json_t *text_or_null(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

static json_t *epid_object(const struct kms_epid_explained *of, bool *ok)
{
    json_t *object = json_object();
    char date[40];

    kms_text_format(date, sizeof(date), "%04u-%02u-%02u", of->year, of->month, of->day);
    put(object, "platform", json_integer(of->epid.platform), ok);
    put(object, "group", json_integer(of->epid.group), ok);
    put(object, "key-id", json_integer(of->epid.key_id), ok);
    put(object, "host-key", text_or_null(of->key_name), ok);
    put(object, "channel", text_or_null(of->channel), ok);
    put(object, "lcid", json_integer(of->epid.lcid), ok);
    put(object, "language", text_or_null(of->language), ok);
    put(object, "build", json_integer(of->epid.build), ok);
    put(object, "os", text_or_null(of->os), ok);
    put(object, "activated", of->year != 0 ? json_string(date) : json_null(), ok);
    put(object, "platform-contradicts-build", json_boolean(of->is_platform_contradictory), ok);
    put(object, "date-exists", of->epid.date_wrong ? json_false() : json_true(), ok);
    return object;
}

static json_t *key_object(const struct kms_key_judgement *key, bool *ok)
{
    json_t *object = json_object();
    struct kms_epid_explained explained;
    const char *epid;
    char name[200];

    kms_judge_key_name(key, name, sizeof(name));
    put(object, "key", json_string(name), ok);
    put(object, "application",
        json_string(kms_word_label(kms_words_application(), (int)key->application)), ok);
    put(object, "state", state_word(key->state), ok);
    put(object, "reasons", bits(kms_words_reason(), key->reasons, ok), ok);
    put(object, "superseded", json_boolean(key->superseded), ok);
    put(object, "classes", bits(kms_words_client_class(), key->classes, ok), ok);
    put(object, "facts", facts_object(&key->facts, ok), ok);
    epid = kms_facts_text(&key->facts, KMS_FACT_EPID);
    if (epid != NULL && kms_epid_explain(epid, &explained)) {
        put(object, "epid-parts", epid_object(&explained, ok), ok);
    }
    return object;
}

static json_t *verdict_object(const struct kms_class_judgement *cls, bool *ok)
{
    json_t *object = json_object();

    put(object, "class",
        json_string(kms_word_label(kms_words_client_class(), (int)cls->client_class)), ok);
    put(object, "verdict", json_string(kms_word_label(kms_words_verdict(), (int)cls->verdict)), ok);
    put(object, "state", state_word(cls->state), ok);
    put(object, "declared", json_boolean(cls->wanted), ok);
    put(object, "required", json_integer(cls->required), ok);
    put(object, "headroom", cls->headroom_known ? json_integer(cls->headroom) : json_null(), ok);
    put(object, "key-number", cls->key >= 0 ? json_integer(cls->key) : json_null(), ok);
    return object;
}

static json_t *notes_array(const struct kms_result *result, bool *ok)
{
    json_t *array = json_array();

    for (size_t i = 0; i < result->note_count; i++) {
        const struct kms_note *note = &result->note[i];
        json_t *object = json_object();
        put(object, "label", json_string(note->label), ok);
        put(object, "value", json_string(note->value), ok);
        put(object, "key-number", note->key >= 0 ? json_integer(note->key) : json_null(), ok);
        append(array, object, ok);
    }
    return array;
}

static json_t *data_object(const struct kms_judgement *judgement, bool *ok)
{
    json_t *object;
    char date[32];

    if (!judgement->data_known) {
        return json_null();
    }
    object = json_object();
    kms_date_text(date, sizeof(date), judgement->data_s);
    put(object, "time", json_string(date), ok);
    put(object, "seconds", json_integer(judgement->data_s), ok);
    put(object, "age", json_integer(judgement->data_age_s), ok);
    return object;
}

static void put_judgement(json_t *object, const struct kms_judgement *judgement, bool *ok)
{
    json_t *keys = json_array(), *verdicts = json_array();

    for (size_t i = 0; i < judgement->key_count; i++) {
        append(keys, key_object(&judgement->key[i], ok), ok);
    }
    for (size_t c = 1; c <= KMS_CLASS_MAX; c++) {
        if (judgement->cls[c].present) {
            append(verdicts, verdict_object(&judgement->cls[c], ok), ok);
        }
    }
    put(object, "summary", json_string(judgement->summary), ok);
    put(object, "reasons", bits(kms_words_reason(), judgement->reasons, ok), ok);
    put(object, "coverage", bits(kms_words_coverage(), judgement->coverage, ok), ok);
    put(object, "data", data_object(judgement, ok), ok);
    put(object, "host", facts_object(&judgement->host, ok), ok);
    put(object, "keys", keys, ok);
    put(object, "verdicts", verdicts, ok);
}

static json_t *report_object(const struct kms_listed *listed, bool *ok)
{
    const struct kms_outcome_row *row = kms_outcome_row(listed->result.outcome);
    json_t *object = json_object();
    char report[400];

    kms_report_show(listed->report, report, sizeof(report));
    put(object, "report", json_string(report), ok);
    put(object, "name", json_string(listed->target.name), ok);
    put(object, "outcome", json_string(row->token), ok);
    put(object, "meaning", json_string(row->meaning), ok);
    put(object, "next-step", json_string(row->hint), ok);
    put(object, "detail", json_string(listed->result.detail), ok);
    put(object, "state", state_word(kms_listed_state(listed)), ok);
    if (listed->judged) {
        put_judgement(object, &listed->judgement, ok);
    }
    put(object, "notes", notes_array(&listed->result, ok), ok);
    return object;
}

enum kms_status kms_listing_json(const struct kms_listed *listed, size_t count, struct kms_buf *out)
{
    json_t *array = json_array();
    enum kms_status status = KMS_ENOMEM;
    char *text = NULL;
    bool ok = true;

    for (size_t i = 0; i < count; i++) {
        append(array, report_object(&listed[i], &ok), &ok);
    }
    if (ok) {
        text = json_dumps(array, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    }
    json_decref(array);
    if (text != NULL) {
        status = kms_buf_add_str(out, text);
        free(text);
    }
    return status == KMS_OK ? kms_buf_add_str(out, "\n") : status;
}
