/* Names of what is over are gathered first: a store is not changed while it is read. */
#include "agent/keeper_sweep.h"

#include <stdlib.h>

#include "agent/keeper_map.h"
#include "base/text.h"

static const enum kms_store_kind kinds[] = {KMS_STORE_RESULT, KMS_STORE_WINDOW};

struct gathering {
    const struct kms_keeper_broom *broom;
    enum kms_store_kind kind; /* that is read */
    char *name[KMS_KEEPER_SWEEP_MAX];
    enum kms_store_kind kind_of[KMS_KEEPER_SWEEP_MAX];
    size_t count;
};

void kms_keeper_broom_done(struct kms_keeper_broom *broom)
{
    if (broom->free) {
        broom->free(broom->arg);
    }
    *broom = (struct kms_keeper_broom){0};
}

static void look_at_row(void *arg, const char *name, const char *bytes, size_t len)
{
    struct gathering *gathering = arg;
    const struct kms_keeper_broom *broom = gathering->broom;
    if (gathering->count == KMS_KEEPER_SWEEP_MAX ||
        !broom->is_over(broom->arg, gathering->kind, name, bytes, len)) {
        return;
    }
    char *kept = kms_text_dup(name);
    if (kept) { /* or it is met the next time */
        gathering->name[gathering->count] = kept;
        gathering->kind_of[gathering->count++] = gathering->kind;
    }
}

static enum kms_status gather(struct gathering *gathering, struct kms_store *store,
                              struct kms_fault *fault)
{
    enum kms_status status = KMS_OK;
    for (size_t i = 0; status == KMS_OK && i < KMS_COUNT_OF(kinds); i++) {
        gathering->kind = kinds[i];
        status = kms_store_each(store, kinds[i], look_at_row, gathering, fault);
    }
    return status;
}

static enum kms_status remove_all(const struct gathering *gathering, struct kms_store *store,
                                  struct kms_fault *fault)
{
    enum kms_status status = kms_store_begin(store, fault);
    for (size_t i = 0; status == KMS_OK && i < gathering->count; i++) {
        status = kms_store_remove(store, gathering->kind_of[i], gathering->name[i], fault);
    }
    if (status == KMS_OK) {
        return kms_store_commit(store, fault);
    }
    kms_store_rollback(store);
    return status;
}

static void tell(const struct gathering *gathering, struct kms_keeper_swept *ret)
{
    ret->count = gathering->count;
    for (size_t i = 0; i < gathering->count; i++) {
        ret->hash[i] = kms_keeper_map_hash(gathering->kind_of[i], gathering->name[i]);
    }
}

enum kms_status kms_keeper_sweep_store(const struct kms_keeper_broom *broom,
                                       struct kms_store *store, struct kms_keeper_swept *ret,
                                       struct kms_fault *fault)
{
    struct gathering *gathering = calloc(1, sizeof *gathering);
    ret->count = 0;
    if (!gathering) {
        return KMS_OK; /* there is another day */
    }
    gathering->broom = broom;
    enum kms_status status = gather(gathering, store, fault);
    if (status == KMS_OK && gathering->count > 0) {
        status = remove_all(gathering, store, fault);
    }
    if (status == KMS_OK) {
        tell(gathering, ret);
    }
    for (size_t i = 0; i < gathering->count; i++) {
        free(gathering->name[i]);
    }
    free(gathering);
    return status;
}
