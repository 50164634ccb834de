/* Comparing the settings of a host with those that the same source told before. */
#include "model/settings_memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "vocab/hostkey.h"

static const enum kms_fact_id host_settings[] = {KMS_FACT_LISTENING_PORT, KMS_FACT_DNS_PUBLISHING,
                                                 KMS_FACT_PRIORITY};
static const enum kms_fact_id key_settings[] = {KMS_FACT_PARTIAL_KEY, KMS_FACT_ACTIVATION_INTERVAL,
                                                KMS_FACT_RENEWAL_INTERVAL};

#define BATCH_MAX (KMS_COUNT_OF(host_settings) + KMS_KEYS_MAX * KMS_COUNT_OF(key_settings))

/* The settings of a result, as entries. */
struct batch {
    struct kms_setting_entry entry[BATCH_MAX];
    size_t count;
};

static void collect_one(const struct kms_facts *facts, enum kms_fact_id id,
                        struct kms_setting_entry plain, struct batch *ret)
{
    for (size_t i = 0; i < facts->count && ret->count < BATCH_MAX; i++) {
        if (facts->fact[i].id == id) {
            plain.fact = id;
            kms_fact_print(&facts->fact[i], plain.value, sizeof plain.value);
            ret->entry[ret->count++] = plain;
        }
    }
}

static void collect(const struct kms_result *result, struct batch *ret)
{
    struct kms_setting_entry plain = {.source = result->source};
    for (size_t i = 0; i < KMS_COUNT_OF(host_settings); i++) {
        collect_one(&result->host, host_settings[i], plain, ret);
    }
    for (size_t k = 0; k < result->key_count; k++) {
        const struct kms_facts *key = &result->key[k];
        plain.application = kms_application_of(kms_facts_text(key, KMS_FACT_APPLICATION_ID));
        for (size_t i = 0; i < KMS_COUNT_OF(key_settings); i++) {
            collect_one(key, key_settings[i], plain, ret);
        }
    }
}

static bool is_same_setting(const struct kms_setting_entry *a, const struct kms_setting_entry *b)
{
    return a->source == b->source && a->fact == b->fact && a->application == b->application;
}

static bool has_setting(const struct kms_setting_entry *entry, size_t count,
                        const struct kms_setting_entry *of)
{
    for (size_t i = 0; i < count; i++) {
        if (is_same_setting(&entry[i], of)) {
            return true;
        }
    }
    return false;
}

static bool has_value(const struct kms_setting_entry *entry, size_t count,
                      const struct kms_setting_entry *of)
{
    for (size_t i = 0; i < count; i++) {
        if (is_same_setting(&entry[i], of) && kms_text_equal_nocase(entry[i].value, of->value)) {
            return true;
        }
    }
    return false;
}

/* A remembered value in whose place that of the batch stands; NULL when it stands in none's. */
static const struct kms_setting_entry *replaced_by(const struct kms_settings_memory *memory,
                                                   const struct batch *batch,
                                                   const struct kms_setting_entry *came)
{
    if (has_value(memory->entry, memory->count, came)) {
        return NULL;
    }
    for (size_t i = 0; i < memory->count; i++) {
        const struct kms_setting_entry *old = &memory->entry[i];
        if (is_same_setting(old, came) && !has_value(batch->entry, batch->count, old)) {
            return old;
        }
    }
    return NULL;
}

static void drop_change(struct kms_settings_memory *memory, size_t at)
{
    memory->change_count--;
    memmove(&memory->change[at], &memory->change[at + 1],
            (memory->change_count - at) * sizeof memory->change[0]);
}

static void note_change(struct kms_settings_memory *memory, const struct kms_setting_entry *was,
                        const struct kms_setting_entry *is, int64_t steady_s)
{
    for (size_t i = 0; i < memory->change_count; i++) {
        const struct kms_setting_record *told = &memory->change[i];
        if (told->fact != is->fact || told->application != is->application) {
            continue;
        }
        if (steady_s - told->changed_s < KMS_SETTING_CHANGE_FOR &&
            kms_text_equal(told->was, was->value) && kms_text_equal(told->is, is->value)) {
            return; /* by another source, which saw it earlier */
        }
        drop_change(memory, i);
        break;
    }
    if (memory->change_count == KMS_SETTING_CHANGES) {
        drop_change(memory, 0);
    }
    struct kms_setting_record *change = &memory->change[memory->change_count++];
    *change = (struct kms_setting_record){
        .fact = is->fact, .application = is->application, .changed_s = steady_s};
    kms_text_copy(change->was, sizeof change->was, was->value);
    kms_text_copy(change->is, sizeof change->is, is->value);
}

/* Few hosts ever change. */
static bool room_for_changes(struct kms_settings_memory *memory, const struct batch *batch)
{
    bool is_change = false;
    for (size_t i = 0; i < batch->count; i++) {
        is_change |= replaced_by(memory, batch, &batch->entry[i]) != NULL;
    }
    if (is_change && !memory->change) {
        memory->change = calloc(KMS_SETTING_CHANGES, sizeof *memory->change);
    }
    return !is_change || memory->change;
}

/* What is remembered of the settings that the batch tells gives way to it. */
static void replace(struct kms_settings_memory *memory, const struct batch *batch)
{
    size_t kept = 0;
    for (size_t i = 0; i < memory->count; i++) {
        if (!has_setting(batch->entry, batch->count, &memory->entry[i])) {
            memory->entry[kept++] = memory->entry[i];
        }
    }
    for (size_t i = 0; i < batch->count; i++) {
        memory->entry[kept++] = batch->entry[i];
    }
    memory->count = kept;
}

enum kms_status kms_settings_memory_add(struct kms_settings_memory *memory,
                                        const struct kms_result *result, int64_t steady_s)
{
    struct batch batch = {.count = 0};
    collect(result, &batch);
    if (batch.count == 0) {
        return KMS_OK;
    }
    if (!room_for_changes(memory, &batch)) {
        return KMS_ENOMEM;
    }
    size_t room = memory->count + batch.count;
    struct kms_setting_entry *grown = realloc(memory->entry, room * sizeof *grown);
    if (!grown) {
        return KMS_ENOMEM;
    }
    memory->entry = grown;
    for (size_t i = 0; i < batch.count; i++) {
        const struct kms_setting_entry *old = replaced_by(memory, &batch, &batch.entry[i]);
        if (old) {
            note_change(memory, old, &batch.entry[i], steady_s);
        }
    }
    replace(memory, &batch);
    return KMS_OK;
}

size_t kms_settings_memory_changes(const struct kms_settings_memory *memory, int64_t steady_s,
                                   struct kms_setting_change ret[KMS_SETTING_CHANGES])
{
    size_t count = 0;
    for (size_t i = 0; i < memory->change_count; i++) {
        const struct kms_setting_record *change = &memory->change[i];
        if (steady_s - change->changed_s < KMS_SETTING_CHANGE_FOR) {
            ret[count++] = (struct kms_setting_change){.fact = change->fact,
                                                       .application = change->application,
                                                       .was = change->was,
                                                       .is = change->is};
        }
    }
    return count;
}

void kms_settings_memory_done(struct kms_settings_memory *memory)
{
    free(memory->entry);
    free(memory->change);
    *memory = (struct kms_settings_memory){0};
}
