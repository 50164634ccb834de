/* Ownership of a target's texts. */
#include "model/target.h"

#include <stdlib.h>

#include "base/text.h"

void kms_target_done(struct kms_target *target)
{
    if (!target) {
        return;
    }
    free(target->name);
    free(target->address);
    for (size_t i = 0; i < KMS_COUNT_OF(target->source); i++) {
        free(target->source[i].url);
        free(target->source[i].ca_file);
    }
    *target = (struct kms_target){0};
}

/* True when there was nothing to copy, or the copy succeeded. */
static bool copy_text(char **ret, const char *from)
{
    *ret = kms_text_dup(from);
    return *ret || !from;
}

enum kms_status kms_target_copy(struct kms_target *ret, const struct kms_target *from)
{
    struct kms_target copy = *from;
    bool whole = copy_text(&copy.name, from->name);
    whole = copy_text(&copy.address, from->address) && whole;
    for (size_t i = 0; i < KMS_COUNT_OF(copy.source); i++) {
        whole = copy_text(&copy.source[i].url, from->source[i].url) && whole;
        whole = copy_text(&copy.source[i].ca_file, from->source[i].ca_file) && whole;
    }
    if (!whole) {
        kms_target_done(&copy);
        return KMS_ENOMEM;
    }
    *ret = copy;
    return KMS_OK;
}
