/* Row numbers go to the keeper when they are new, and come back from it at the start. */
#include "agent/numbers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"

#define PATH_MAX_BYTES ((size_t)8192)

struct kms_numbers {
    struct kms_index *index;
    struct kms_keeper *keeper;
    const struct kms_log *log;
    char *path;                       /* of a file that is being taken over; NULL: there is none */
    struct kms_keeper_ticket *ticket; /* until it is */
    size_t lost;                      /* records that could not be read */
};

static void load_row(void *arg, const char *name, const char *bytes, size_t len)
{
    struct kms_numbers *numbers = arg;
    numbers->lost += kms_index_load(numbers->index, name, bytes, len) ? 0 : 1;
}

static enum kms_status load(struct kms_numbers *numbers, struct kms_fault *fault)
{
    size_t twice = 0;
    kms_keeper_each(numbers->keeper, KMS_STORE_NUMBER, load_row, numbers);
    if (kms_index_settle(numbers->index, &twice) != KMS_OK) {
        return kms_fault_set(fault, KMS_ENOMEM, 0, "out of memory");
    }
    numbers->lost += twice;
    if (numbers->lost > 0) {
        kms_log_write(numbers->log, KMS_LOG_WARNING,
                      "index: %zu row numbers of the store contradict others and are left out",
                      numbers->lost);
    }
    return KMS_OK;
}

/* ---- the file of an earlier release ---- */

static void rename_file(void *arg, enum kms_status status)
{
    struct kms_numbers *numbers = arg;
    struct kms_buf to;
    numbers->ticket = NULL;
    if (status != KMS_OK) {
        return; /* the next start takes it over once more */
    }
    kms_buf_init(&to, PATH_MAX_BYTES);
    if (kms_buf_addf(&to, "%s.taken-over", numbers->path) == KMS_OK &&
        rename(numbers->path, kms_buf_str(&to)) == 0) {
        kms_log_write(numbers->log, KMS_LOG_INFO,
                      "index: the store has the row numbers now; the file is kept as %s",
                      kms_buf_str(&to));
    } else {
        kms_log_write(numbers->log, KMS_LOG_WARNING,
                      "index: the store has the row numbers now, but %s cannot be renamed (%s)",
                      numbers->path, strerrordesc_np(errno));
    }
    kms_buf_done(&to);
}

static enum kms_status take_over(struct kms_numbers *numbers, const char *path,
                                 struct kms_fault *fault)
{
    size_t count = 0;
    size_t lost = 0;
    enum kms_status status = kms_index_take_over(numbers->index, path, &count, &lost, fault);
    if (status == KMS_ENOTFOUND) {
        return KMS_OK;
    }
    if (status != KMS_OK) {
        return status;
    }
    numbers->path = kms_text_dup(path);
    if (!numbers->path) {
        return kms_fault_set(fault, KMS_ENOMEM, 0, "out of memory");
    }
    kms_log_write(numbers->log, lost > 0 ? KMS_LOG_WARNING : KMS_LOG_INFO,
                  "index: %zu row numbers were taken over from %s, %zu contradict the store and "
                  "are left out",
                  count, path, lost);
    kms_numbers_save(numbers);
    numbers->ticket = kms_keeper_flush(numbers->keeper, rename_file, numbers);
    return KMS_OK;
}

/* ---- the contract ---- */

enum kms_status kms_numbers_open(struct kms_keeper *keeper, const char *path,
                                 const struct kms_log *log, struct kms_numbers **ret,
                                 struct kms_fault *fault)
{
    struct kms_numbers *numbers = calloc(1, sizeof *numbers);
    if (!numbers) {
        return kms_fault_set(fault, KMS_ENOMEM, 0, "out of memory");
    }
    numbers->keeper = keeper;
    numbers->log = log;
    numbers->index = kms_index_new();
    enum kms_status status = numbers->index ? load(numbers, fault)
                                            : kms_fault_set(fault, KMS_ENOMEM, 0, "out of memory");
    if (status == KMS_OK) {
        status = take_over(numbers, path, fault);
    }
    if (status != KMS_OK) {
        kms_numbers_close(numbers);
        return status;
    }
    *ret = numbers;
    return KMS_OK;
}

void kms_numbers_close(struct kms_numbers *numbers)
{
    if (!numbers) {
        return;
    }
    if (numbers->ticket) {
        kms_keeper_forget(numbers->ticket);
    }
    if (numbers->index) {
        kms_numbers_save(numbers);
        kms_index_free(numbers->index);
    }
    free(numbers->path);
    free(numbers);
}

struct kms_index *kms_numbers_index(struct kms_numbers *numbers)
{
    return numbers->index;
}

/* A name that is too long for the store has no number there: nothing would come of trying again. */
static enum kms_status put_number(void *arg, const char *name, const char *bytes, size_t len)
{
    struct kms_numbers *numbers = arg;
    enum kms_status status = kms_keeper_put(numbers->keeper, KMS_STORE_NUMBER, name, bytes, len);
    return status == KMS_ETOOBIG ? KMS_OK : status;
}

/* Without memory the next call tries again. */
void kms_numbers_save(struct kms_numbers *numbers)
{
    (void)kms_index_tell(numbers->index, put_number, numbers);
}

void kms_numbers_save_all(struct kms_numbers *numbers)
{
    kms_index_untell(numbers->index);
    kms_numbers_save(numbers);
}
