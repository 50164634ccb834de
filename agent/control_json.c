/* Puts values into JSON objects. */
#include "agent/control_json.h"

#include <jansson.h>

/* jansson takes the reference in any case, and refuses NULL. */
void kms_json_put(struct json_t *object, const char *name, struct json_t *value, bool *ok)
{
    if (json_object_set_new(object, name, value) != 0) {
        *ok = false;
    }
}

void kms_json_append(struct json_t *array, struct json_t *value, bool *ok)
{
    if (json_array_append_new(array, value) != 0) {
        *ok = false;
    }
}

void kms_json_text(struct json_t *object, const char *name, const char *text, bool *ok)
{
    kms_json_put(object, name, json_string(text), ok);
}

void kms_json_some(struct json_t *object, const char *name, const char *text, bool *ok)
{
    if (text && text[0] != '\0') {
        kms_json_text(object, name, text, ok);
    }
}

void kms_json_number(struct json_t *object, const char *name, int64_t number, bool *ok)
{
    kms_json_put(object, name, json_integer(number), ok);
}

void kms_json_flag(struct json_t *object, const char *name, bool flag, bool *ok)
{
    kms_json_put(object, name, json_boolean(flag), ok);
}

void kms_json_time(struct json_t *object, const char *name, int64_t wall_s, bool *ok)
{
    if (wall_s != 0) {
        kms_json_number(object, name, wall_s, ok);
    }
}

void kms_json_word(struct json_t *object, const char *name, const struct kms_word_set *set,
                   int number, bool *ok)
{
    kms_json_text(object, name, kms_word_label(set, number), ok);
}

void kms_json_bits(struct json_t *object, const char *name, const struct kms_word_set *set,
                   uint32_t bits, bool *ok)
{
    json_t *array = json_array();
    for (size_t i = 0; i < set->count; i++) {
        if (bits & KMS_BIT(set->words[i].number)) {
            kms_json_append(array, json_string(set->words[i].label), ok);
        }
    }
    kms_json_put(object, name, array, ok);
}

static json_t *fact_value(const struct kms_fact *fact, enum kms_fact_type type)
{
    switch (type) {
    case KMS_TYPE_UINT:
    case KMS_TYPE_INT:
        return json_integer(fact->number);
    case KMS_TYPE_BOOL:
        return json_boolean(fact->number != 0);
    case KMS_TYPE_TEXT:
        return json_string(fact->text ? fact->text : "");
    case KMS_TYPE_WORD:
    case KMS_TYPE_HRESULT:
    case KMS_TYPE_TIME:
        break;
    }
    char text[512];
    kms_fact_print(fact, text, sizeof text);
    return json_string(text);
}

void kms_json_facts(struct json_t *object, const char *name, const struct kms_facts *facts,
                    bool *ok)
{
    json_t *members = json_object();
    for (size_t i = 0; i < facts->count; i++) {
        const struct kms_fact_row *row = kms_fact_row(facts->fact[i].id);
        if (row) {
            kms_json_put(members, row->token, fact_value(&facts->fact[i], row->type), ok);
        }
    }
    kms_json_put(object, name, members, ok);
}

struct json_t *kms_json_whole(struct json_t *object, bool ok)
{
    if (ok) {
        return object;
    }
    json_decref(object);
    return NULL;
}
