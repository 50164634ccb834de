/* Hosts that are watched are named on the loop, one after the other; the keeper's thread asks of
 * each record. */
#include "agent/memories_sweep.h"

#include <stdlib.h>
#include <string.h>

#include "agent/keeper_held.h"
#include "agent/memories_text.h"

#define KEPT_S (INT64_C(30) * 86400)

struct kms_memories_sweep {
    int64_t now_s;
    struct kms_keeper_names watched; /* words that records of theirs are named with */
    struct kms_buf word;
};

bool kms_memories_is_over(int64_t wall_s, int64_t now_s)
{
    return wall_s == 0 || now_s - wall_s > KEPT_S;
}

struct kms_memories_sweep *kms_memories_sweep_new(int64_t now_s)
{
    struct kms_memories_sweep *sweep = calloc(1, sizeof *sweep);
    if (sweep) {
        sweep->now_s = now_s;
        kms_buf_init(&sweep->word, KMS_STORE_NAME_MAX);
    }
    return sweep;
}

void kms_memories_sweep_free(struct kms_memories_sweep *sweep)
{
    if (sweep) {
        kms_keeper_names_done(&sweep->watched);
        kms_buf_done(&sweep->word);
        free(sweep);
    }
}

/* A host that cannot be named could be any. */
void kms_memories_sweep_host(struct kms_memories_sweep *sweep, const char *host)
{
    if (kms_memories_name_host(host, &sweep->word) != KMS_OK) {
        sweep->watched.blind = true;
        return;
    }
    kms_keeper_names_add(&sweep->watched,
                         kms_keeper_map_hash(KMS_STORE_RESULT, kms_buf_str(&sweep->word)));
}

static bool is_watched(const struct kms_memories_sweep *sweep, const char *name)
{
    char word[KMS_STORE_NAME_MAX + 1];
    struct kms_rd rd = kms_rd_over(name, strlen(name));
    return kms_rd_word(&rd, word, sizeof word) &&
           kms_keeper_names_has(&sweep->watched, kms_keeper_map_hash(KMS_STORE_RESULT, word));
}

static bool is_result_over(const struct kms_memories_sweep *sweep, const char *name,
                           const char *bytes, size_t len)
{
    struct kms_result result;
    uint64_t place;
    if (is_watched(sweep, name)) {
        return false;
    }
    enum kms_status status = kms_memories_read_result(bytes, len, &place, &result);
    if (status != KMS_OK) {
        return status != KMS_ENOMEM;
    }
    int64_t wall_s = result.wall_s;
    kms_result_done(&result);
    return kms_memories_is_over(wall_s, sweep->now_s);
}

/* Of a host that is watched all are put again whenever one of them grows: an old one is of a host
 * that has told nothing for as long. */
static bool is_window_over(const struct kms_memories_sweep *sweep, const char *bytes, size_t len)
{
    int64_t wall_s;
    return kms_memories_read_window_wall(bytes, len, &wall_s) != KMS_OK ||
           kms_memories_is_over(wall_s, sweep->now_s);
}

static bool is_over(void *arg, enum kms_store_kind kind, const char *name, const char *bytes,
                    size_t len)
{
    const struct kms_memories_sweep *sweep = arg;
    return kind == KMS_STORE_RESULT ? is_result_over(sweep, name, bytes, len)
                                    : is_window_over(sweep, bytes, len);
}

static void free_arg(void *arg)
{
    kms_memories_sweep_free(arg);
}

void kms_memories_sweep_begin(struct kms_memories_sweep *sweep, struct kms_keeper *keeper)
{
    const struct kms_keeper_broom broom = {.is_over = is_over, .free = free_arg, .arg = sweep};
    kms_keeper_sweep(keeper, &broom);
}
