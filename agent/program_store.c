/* What of the daemon outlives its process: the state folder, the keeper with the numbers of rows,
 * what hosts told. */
#include "agent/program_store.h"

#include <stdlib.h>
#include <unistd.h>

#include "agent/key_number.h"
#include "agent/state_dir.h"
#include "base/conf.h"
#include "base/text.h"

/* What must outlive a restart needs a place, so there is no start without one. */
bool kms_program_lock_state(struct kms_program *p)
{
    struct kms_fault fault = {0};
    kms_buf_init(&p->store_path, (size_t)2 * KMS_CONF_TEXT_MAX);
    kms_buf_init(&p->index_path, (size_t)2 * KMS_CONF_TEXT_MAX);
    if (kms_state_dir_open(p->site->state_dir, &p->state_lock, &fault) != KMS_OK) {
        kms_log_write(&p->log, KMS_LOG_ERROR, "start: %s", fault.text);
        return false;
    }
    bool named = kms_buf_addf(&p->store_path, "%s/store", p->site->state_dir) == KMS_OK &&
                 kms_buf_addf(&p->index_path, "%s/index", p->site->state_dir) == KMS_OK;
    return named || kms_program_no_memory(p);
}

/* Everybody puts again what is worth keeping. */
static void refill(void *arg)
{
    struct kms_program *p = arg;
    if (p->numbers) {
        kms_numbers_save_all(p->numbers);
    }
    if (p->alarms) {
        kms_agent_alarms_refill(p->alarms);
    }
    if (p->memories) {
        kms_memories_refill(p->memories);
    }
}

static void tell_index(const struct kms_program *p, enum kms_status status,
                       const struct kms_fault *fault)
{
    char advice[512] = "restore it, or remove it and accept new row numbers";
    if (status == KMS_EDENIED) {
        kms_state_dir_advice(advice, sizeof advice, p->site->state_dir);
    }
    kms_log_write(&p->log, KMS_LOG_ERROR, "start: index file: %s; %s", fault->text, advice);
}

/* A store that is damaged or cannot be written to stops nothing; an index file of an earlier
 * release that cannot be read does: its numbers would move to other rows. */
bool kms_program_open_store(struct kms_program *p)
{
    const struct kms_keeper_config config = {.loop = p->env.loop,
                                             .worker = p->store_worker,
                                             .log = &p->log,
                                             .path = kms_buf_str(&p->store_path),
                                             .size_max = p->site->store.size_max,
                                             .history_ms = p->site->store.history_ms,
                                             .refill = refill,
                                             .arg = p};
    struct kms_fault fault = {0};
    p->keeper = kms_keeper_open(&config);
    if (!p->keeper) {
        return kms_program_no_memory(p);
    }
    enum kms_status status = kms_numbers_open(p->keeper, kms_buf_str(&p->index_path), &p->log,
                                              &p->numbers, &fault);
    if (status != KMS_OK) {
        tell_index(p, status, &fault);
    }
    return status == KMS_OK;
}

bool kms_program_open_memories(struct kms_program *p)
{
    const struct kms_memories_config config = {
        .loop = p->env.loop, .board = p->board, .keeper = p->keeper, .log = &p->log};
    p->memories = kms_memories_open(&config);
    return p->memories || kms_program_no_memory(p);
}

/* A name keeps its number when it is written with other letters, as DNS would have it. */
uint32_t kms_program_number_of_name(void *arg, const char *space, const char *name)
{
    const struct kms_program *p = arg;
    char *key = kms_text_dup(name);
    if (!key) {
        return 0;
    }
    for (char *c = key; *c; c++) {
        *c = kms_text_lower(*c);
    }
    uint32_t number = kms_index_get(kms_numbers_index(p->numbers), space, key);
    free(key);
    return number;
}

uint32_t kms_program_number_of_host(void *arg, const char *name)
{
    return kms_program_number_of_name(arg, "host", name);
}

uint32_t kms_program_number_of_key(void *arg, const char *host, const char *identity)
{
    struct kms_program *p = arg;
    return kms_key_number(kms_numbers_index(p->numbers), &p->log, host,
                          kms_program_number_of_host(p, host), identity);
}

void kms_program_save_numbers(void *arg)
{
    const struct kms_program *p = arg;
    kms_numbers_save(p->numbers);
}

void kms_program_close_store(struct kms_program *p)
{
    kms_numbers_close(p->numbers);
    p->numbers = NULL;
    kms_keeper_close(p->keeper, KMS_PROGRAM_GRACE_MS);
    p->keeper = NULL;
}

void kms_program_unlock_state(struct kms_program *p)
{
    kms_buf_done(&p->store_path);
    kms_buf_done(&p->index_path);
    if (p->state_lock >= 0) {
        (void)close(p->state_lock);
    }
}
