/* Making, copying and freeing results. */
#include "model/result.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

void kms_result_init(struct kms_result *result, enum kms_source source)
{
    *result = (struct kms_result){.source = source, .outcome = KMS_OUTCOME_NONE};
}

void kms_result_done(struct kms_result *result)
{
    if (!result) {
        return;
    }
    kms_facts_done(&result->host);
    for (size_t i = 0; i < result->key_count; i++) {
        kms_facts_done(&result->key[i]);
    }
    free(result->key);
    for (size_t i = 0; i < result->note_count; i++) {
        free(result->note[i].label);
        free(result->note[i].value);
    }
    free(result->note);
    kms_result_init(result, result->source);
}

struct kms_facts *kms_result_add_key(struct kms_result *result)
{
    if (result->key_count >= KMS_KEYS_MAX) {
        return NULL;
    }
    struct kms_facts *key = realloc(result->key, (result->key_count + 1) * sizeof *key);
    if (!key) {
        return NULL;
    }
    result->key = key;
    result->key[result->key_count] = (struct kms_facts){0};
    return &result->key[result->key_count++];
}

enum kms_status kms_result_add_note(struct kms_result *result, int key, const char *label,
                                    const char *value)
{
    if (result->note_count >= KMS_NOTES_MAX) {
        return KMS_OK;
    }
    struct kms_note *note = realloc(result->note, (result->note_count + 1) * sizeof *note);
    if (!note) {
        return KMS_ENOMEM;
    }
    result->note = note;
    char clean_label[160];
    char clean_value[256];
    kms_text_clean(clean_label, sizeof clean_label, label, strlen(label));
    kms_text_clean(clean_value, sizeof clean_value, value, strlen(value));
    struct kms_note made = {
        .label = kms_text_dup(clean_label), .value = kms_text_dup(clean_value), .key = key};
    if (!made.label || !made.value) {
        free(made.label);
        free(made.value);
        return KMS_ENOMEM;
    }
    result->note[result->note_count++] = made;
    return KMS_OK;
}

static enum kms_status copy_lists(struct kms_result *to, const struct kms_result *from)
{
    if (kms_facts_copy(&to->host, &from->host) != KMS_OK) {
        return KMS_ENOMEM;
    }
    for (size_t i = 0; i < from->key_count; i++) {
        struct kms_facts *key = kms_result_add_key(to);
        if (!key || kms_facts_copy(key, &from->key[i]) != KMS_OK) {
            return KMS_ENOMEM;
        }
    }
    for (size_t i = 0; i < from->note_count; i++) {
        const struct kms_note *note = &from->note[i];
        if (kms_result_add_note(to, note->key, note->label, note->value) != KMS_OK) {
            return KMS_ENOMEM;
        }
    }
    return KMS_OK;
}

enum kms_status kms_result_copy(struct kms_result *ret, const struct kms_result *from)
{
    struct kms_result copy = *from;
    copy.host = (struct kms_facts){0};
    copy.key = NULL;
    copy.key_count = 0;
    copy.note = NULL;
    copy.note_count = 0;
    if (copy_lists(&copy, from) != KMS_OK) {
        kms_result_done(&copy);
        return KMS_ENOMEM;
    }
    *ret = copy;
    return KMS_OK;
}
