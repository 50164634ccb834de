/* What is remembered of a host: its times, its lookups and the result that it makes. */
#include "rpc/memory.h"

#include <string.h>

#include "base/text.h"
#include "vocab/product.h"

#define EPID_CHANGE_S INT64_C(86400)
#define FRESH_TURNS   3

static bool settle(int64_t *wall_s, int64_t now_s)
{
    if (*wall_s <= now_s) {
        return false;
    }
    *wall_s = now_s;
    return true;
}

bool kms_memory_settle(struct kms_memory *memory, int64_t now_s)
{
    bool changed = settle(&memory->asked_s, now_s);
    changed |= settle(&memory->tried_s, now_s);
    changed |= settle(&memory->ceiling_s, now_s);
    for (size_t i = 0; i < memory->answer_count; i++) {
        changed |= settle(&memory->answer[i].wall_s, now_s);
        changed |= settle(&memory->answer[i].since_s, now_s);
        changed |= settle(&memory->answer[i].changed_s, now_s);
    }
    for (size_t i = 0; i < memory->refusal_count; i++) {
        changed |= settle(&memory->refusal[i].wall_s, now_s);
    }
    return changed;
}

const struct kms_answer *kms_memory_answer(const struct kms_memory *memory,
                                           const struct kms_guid *application)
{
    for (size_t i = 0; i < memory->answer_count; i++) {
        if (kms_guid_equal(&memory->answer[i].application, application)) {
            return &memory->answer[i];
        }
    }
    return NULL;
}

int64_t kms_memory_fresh_s(const struct kms_memory *memory, int64_t interval_s)
{
    return FRESH_TURNS * interval_s * (int64_t)memory->answer_count;
}

/* ---- the result ---- */

static enum kms_activation_state state_of(enum kms_outcome outcome)
{
    if (outcome == KMS_OUTCOME_NONE) {
        return KMS_ACTIVATION_UNKNOWN;
    }
    if (outcome == KMS_OUTCOME_OK) {
        return KMS_ACTIVATION_ANSWERED;
    }
    if (outcome == KMS_OUTCOME_RPC_PROTOCOL ||
        (outcome >= KMS_OUTCOME_REPLY_LENGTH && outcome <= KMS_OUTCOME_REPLY_SALT)) {
        return KMS_ACTIVATION_INVALID;
    }
    return KMS_ACTIVATION_FAILED;
}

static enum kms_status put_host(const struct kms_memory *memory, struct kms_result *result)
{
    bool answered = memory->outcome == KMS_OUTCOME_OK;
    bool refused = memory->hresult != 0;
    enum kms_activation_state state = refused ? KMS_ACTIVATION_REFUSED : state_of(memory->outcome);
    enum kms_status status = kms_facts_set_number(&result->host, KMS_FACT_ACTIVATION_STATE,
                                                  (int64_t)state);
    if (status == KMS_OK && (answered || refused)) {
        status = kms_facts_set_number(&result->host, KMS_FACT_ACTIVATION_RESULT, memory->hresult);
    }
    return status;
}

/* Defaults that emulators are known by. */
static bool is_hwid_emulated(const struct kms_answer *answer)
{
    static const uint8_t known[][KMS_HWID_SIZE] = {
        {0x36, 0x4F, 0x46, 0x3A, 0x88, 0x63, 0xD3, 0x5F},
        {0x3A, 0x1C, 0x04, 0x96, 0x00, 0xB6, 0x00, 0x76},
    };
    for (size_t i = 0; answer->has_hwid && i < KMS_COUNT_OF(known); i++) {
        if (memcmp(answer->hwid, known[i], KMS_HWID_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

/* Of the youngest answer, and of every change of an ePID that is younger than a day. */
static enum kms_status put_hints(const struct kms_memory *memory, int64_t now_s,
                                 struct kms_result *result)
{
    if (memory->answer_count == 0) {
        return KMS_OK;
    }
    uint32_t hints = memory->answer[0].hints;
    hints |= is_hwid_emulated(&memory->answer[0]) ? KMS_BIT(KMS_HINT_HARDWARE_ID) : 0;
    for (size_t i = 0; i < memory->answer_count; i++) {
        const struct kms_answer *answer = &memory->answer[i];
        bool changed = answer->changed_s != 0 && now_s - answer->changed_s < EPID_CHANGE_S;
        hints |= changed ? KMS_BIT(KMS_HINT_EPID_CHANGED) : 0;
    }
    return kms_facts_set_number(&result->host, KMS_FACT_HINTS, hints);
}

static enum kms_status put_count(const struct kms_answer *answer, struct kms_facts *key)
{
    enum kms_status status = kms_facts_set_number(key, KMS_FACT_CURRENT_COUNT, answer->count);
    if (status == KMS_OK) {
        status = kms_facts_set_number(key, KMS_FACT_ACTIVATION_INTERVAL,
                                      answer->activation_minutes);
    }
    if (status == KMS_OK) {
        status = kms_facts_set_number(key, KMS_FACT_RENEWAL_INTERVAL, answer->renewal_minutes);
    }
    return status;
}

static enum kms_status put_key(const struct kms_answer *answer, bool with_count, bool own,
                               struct kms_result *result)
{
    struct kms_facts *key = kms_result_add_key(result);
    if (!key) {
        return KMS_ENOMEM;
    }
    char application[KMS_GUID_TEXT];
    kms_guid_text(&answer->application, application);
    enum kms_status status = kms_facts_set_text(key, KMS_FACT_APPLICATION_ID, application);
    if (status == KMS_OK) {
        status = kms_facts_set_text(key, KMS_FACT_EPID, answer->epid);
    }
    if (status == KMS_OK) {
        status = kms_facts_set_number(key, KMS_FACT_OWN_ENTRY, own);
    }
    if (status == KMS_OK) {
        status = kms_facts_set_number(key, KMS_FACT_ANSWERED, answer->wall_s);
    }
    if (status == KMS_OK && own && answer->since_s != 0) {
        status = kms_facts_set_number(key, KMS_FACT_OWN_ENTRY_SINCE, answer->since_s);
    }
    return status == KMS_OK && with_count ? put_count(answer, key) : status;
}

/* The application that was asked for last; NULL where a product of the site does not tell. */
static const struct kms_guid *asked_application(const struct kms_memory *memory)
{
    size_t count;
    const struct kms_product *row = kms_product_rows(&count);
    for (size_t i = 0; i < count; i++) {
        if (kms_guid_equal(&row[i].sku, &memory->sku)) {
            return &row[i].application;
        }
    }
    return NULL;
}

/* A key that does not serve one application says nothing of the others. */
static bool is_of_another(const struct kms_memory *memory, const struct kms_answer *answer)
{
    const struct kms_guid *asked = asked_application(memory);
    return memory->hresult == KMS_HRESULT_OTHER_KEY && asked &&
           !kms_guid_equal(asked, &answer->application);
}

static bool has_count(const struct kms_memory *memory, size_t at, int64_t fresh_s, int64_t now_s)
{
    const struct kms_answer *answer = &memory->answer[at];
    bool answered = memory->outcome == KMS_OUTCOME_OK;
    bool fresh = now_s - answer->wall_s < fresh_s;
    return (answered && at == 0) || (fresh && (answered || is_of_another(memory, answer)));
}

static enum kms_status put_keys(const struct kms_memory *memory, int64_t interval_s, int64_t now_s,
                                struct kms_result *result)
{
    int64_t fresh_s = kms_memory_fresh_s(memory, interval_s);
    for (size_t i = 0; i < memory->answer_count; i++) {
        const struct kms_answer *answer = &memory->answer[i];
        bool own = now_s - answer->wall_s < KMS_OWN_ENTRY_S;
        bool with_count = has_count(memory, i, fresh_s, now_s);
        if (!own && !with_count) {
            continue;
        }
        enum kms_status status = put_key(answer, with_count, own, result);
        if (status != KMS_OK) {
            return status;
        }
    }
    return KMS_OK;
}

enum kms_status kms_memory_result(const struct kms_memory *memory, int64_t interval_s,
                                  int64_t now_s, struct kms_result *ret)
{
    kms_result_init(ret, KMS_SOURCE_ACTIVATION);
    ret->outcome = memory->outcome;
    ret->wall_s = now_s;
    bool answered = memory->outcome == KMS_OUTCOME_OK && memory->answer_count > 0;
    ret->data_s = answered ? memory->answer[0].wall_s : memory->tried_s;
    ret->data_s_min = ret->data_s;
    ret->data_s_max = ret->data_s;
    kms_text_copy(ret->detail, sizeof ret->detail, memory->detail);
    enum kms_status status = put_host(memory, ret);
    if (status == KMS_OK) {
        status = put_keys(memory, interval_s, now_s, ret);
    }
    if (status == KMS_OK) {
        status = put_hints(memory, now_s, ret);
    }
    if (status != KMS_OK) {
        kms_result_done(ret);
    }
    return status;
}
