/* Ownership of a list of texts. */
#include "base/texts.h"

#include <stdlib.h>

#include "base/text.h"

enum kms_status kms_texts_add(struct kms_texts *texts, const char *text)
{
    char *copy = kms_text_dup(text);
    char **grown = copy ? realloc(texts->text, (texts->count + 1) * sizeof *grown) : NULL;
    if (!grown) {
        free(copy);
        return KMS_ENOMEM;
    }
    texts->text = grown;
    texts->text[texts->count++] = copy;
    return KMS_OK;
}

enum kms_status kms_texts_copy(struct kms_texts *ret, const struct kms_texts *from)
{
    struct kms_texts copy = {0};
    for (size_t i = 0; i < from->count; i++) {
        if (kms_texts_add(&copy, from->text[i]) != KMS_OK) {
            kms_texts_done(&copy);
            return KMS_ENOMEM;
        }
    }
    *ret = copy;
    return KMS_OK;
}

void kms_texts_done(struct kms_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++) {
        free(texts->text[i]);
    }
    free(texts->text);
    *texts = (struct kms_texts){0};
}

bool kms_texts_has(const struct kms_texts *texts, const char *text)
{
    for (size_t i = 0; i < texts->count; i++) {
        if (kms_text_equal_nocase(texts->text[i], text)) {
            return true;
        }
    }
    return false;
}
