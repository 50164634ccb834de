/* Comparing the ePIDs of a source with those that it gave before. */
#include "model/epid_memory.h"

#include <stdlib.h>

#include "base/text.h"
#include "vocab/hostkey.h"

/* The ePIDs of a result that can be compared, as entries. */
struct batch {
    struct kms_epid_entry entry[KMS_KEYS_MAX];
    size_t count;
};

static bool is_comparable(const char *text)
{
    struct kms_epid epid;
    return kms_epid_parse(text, &epid) && (epid.has_date || epid.date_wrong);
}

static void collect(const struct kms_result *result, struct batch *ret)
{
    for (size_t i = 0; i < result->key_count && ret->count < KMS_KEYS_MAX; i++) {
        const char *text = kms_facts_text(&result->key[i], KMS_FACT_EPID);
        if (!text || !is_comparable(text)) {
            continue;
        }
        struct kms_epid_entry *entry = &ret->entry[ret->count++];
        entry->source = result->source;
        entry->application = kms_application_of(
            kms_facts_text(&result->key[i], KMS_FACT_APPLICATION_ID));
        kms_text_copy(entry->epid, sizeof entry->epid, text);
    }
}

static bool is_same_kind(const struct kms_epid_entry *a, const struct kms_epid_entry *b)
{
    return a->source == b->source && a->application == b->application;
}

static bool has_kind(const struct kms_epid_entry *entry, size_t count,
                     const struct kms_epid_entry *of)
{
    for (size_t i = 0; i < count; i++) {
        if (is_same_kind(&entry[i], of)) {
            return true;
        }
    }
    return false;
}

static bool has_entry(const struct kms_epid_entry *entry, size_t count,
                      const struct kms_epid_entry *of)
{
    for (size_t i = 0; i < count; i++) {
        if (is_same_kind(&entry[i], of) && kms_text_equal(entry[i].epid, of->epid)) {
            return true;
        }
    }
    return false;
}

/* A remembered ePID in whose place that of the batch stands; NULL when it stands in none's. */
static const struct kms_epid_entry *replaced_by(const struct kms_epid_memory *memory,
                                                const struct batch *batch,
                                                const struct kms_epid_entry *came)
{
    if (has_entry(memory->entry, memory->count, came)) {
        return NULL;
    }
    for (size_t i = 0; i < memory->count; i++) {
        const struct kms_epid_entry *old = &memory->entry[i];
        if (is_same_kind(old, came) && !has_entry(batch->entry, batch->count, old)) {
            return old;
        }
    }
    return NULL;
}

static void note_change(struct kms_epid_memory *memory, const struct kms_epid_entry *was,
                        const struct kms_epid_entry *is, int64_t steady_s)
{
    bool told = memory->is_changed && memory->application == is->application &&
                kms_text_equal(memory->was, was->epid) && kms_text_equal(memory->is, is->epid);
    if (told && steady_s - memory->changed_s < KMS_EPID_CHANGE_FOR) {
        return; /* by another source, which saw it earlier */
    }
    memory->is_changed = true;
    memory->application = is->application;
    kms_text_copy(memory->was, sizeof memory->was, was->epid);
    kms_text_copy(memory->is, sizeof memory->is, is->epid);
    memory->changed_s = steady_s;
}

/* What is remembered of the applications that the batch speaks of gives way to it. */
static void replace(struct kms_epid_memory *memory, const struct batch *batch)
{
    size_t kept = 0;
    for (size_t i = 0; i < memory->count; i++) {
        if (!has_kind(batch->entry, batch->count, &memory->entry[i])) {
            memory->entry[kept++] = memory->entry[i];
        }
    }
    for (size_t i = 0; i < batch->count; i++) {
        memory->entry[kept++] = batch->entry[i];
    }
    memory->count = kept;
}

enum kms_status kms_epid_memory_add(struct kms_epid_memory *memory, const struct kms_result *result,
                                    int64_t steady_s)
{
    struct batch batch = {.count = 0};
    collect(result, &batch);
    if (batch.count == 0) {
        return KMS_OK;
    }
    size_t room = memory->count + batch.count;
    struct kms_epid_entry *grown = realloc(memory->entry, room * sizeof *grown);
    if (!grown) {
        return KMS_ENOMEM;
    }
    memory->entry = grown;
    for (size_t i = 0; i < batch.count; i++) {
        const struct kms_epid_entry *old = replaced_by(memory, &batch, &batch.entry[i]);
        if (old) {
            note_change(memory, old, &batch.entry[i], steady_s);
        }
    }
    replace(memory, &batch);
    return KMS_OK;
}

bool kms_epid_memory_change(const struct kms_epid_memory *memory, int64_t steady_s,
                            struct kms_epid_change *ret)
{
    if (!memory->is_changed || steady_s - memory->changed_s >= KMS_EPID_CHANGE_FOR) {
        return false;
    }
    *ret = (struct kms_epid_change){
        .application = memory->application, .was = memory->was, .is = memory->is};
    return true;
}

void kms_epid_memory_done(struct kms_epid_memory *memory)
{
    free(memory->entry);
    *memory = (struct kms_epid_memory){0};
}
