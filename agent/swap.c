/* First those that go, then those that change, then those that come: a name or a slot is free when
 * it is wanted. */
#include "agent/swap.h"

#include <stdlib.h>
#include <strings.h>

#include "agent/news.h"
#include "base/text.h"

#define TOLD_MAX   20
#define NAME_SHOWN 256

/* A host that was discovered, and may be configured by now. */
struct found {
    const char *name;
    size_t slot;
};

struct kms_swap {
    struct kms_swap_config config;
    const struct kms_swap_hosts *was;
    const struct kms_target *now;
    const struct kms_site_diff *diff;
    size_t removed, changed, added; /* done so far */
    struct found *found;            /* by name */
    size_t found_count;
    size_t unplanned; /* slot of the host that is on the board and has no polls yet */
    bool has_unplanned;
};

/* ---- what is there ---- */

static bool is_configured(const struct kms_snapshot *snapshot)
{
    return !snapshot->retired && snapshot->target->origin == KMS_ORIGIN_CONFIGURED;
}

enum kms_status kms_swap_hosts(const struct kms_board *board, struct kms_swap_hosts *ret)
{
    size_t all = kms_board_count(board);
    struct kms_swap_hosts hosts = {.slot = calloc(all + 1, sizeof *hosts.slot),
                                   .target = calloc(all + 1, sizeof(const struct kms_target *))};
    if (!hosts.slot || !hosts.target) {
        kms_swap_hosts_done(&hosts);
        return KMS_ENOMEM;
    }
    for (size_t slot = 0; slot < all; slot++) {
        const struct kms_snapshot *snapshot = kms_board_snapshot(board, slot);
        if (is_configured(snapshot)) {
            hosts.slot[hosts.count] = slot;
            hosts.target[hosts.count++] = snapshot->target;
        }
    }
    *ret = hosts;
    return KMS_OK;
}

void kms_swap_hosts_done(struct kms_swap_hosts *hosts)
{
    free(hosts->slot);
    free(hosts->target);
    *hosts = (struct kms_swap_hosts){0};
}

static int by_name(const void *a, const void *b)
{
    const struct found *x = a;
    const struct found *y = b;
    return strcasecmp(x->name, y->name);
}

static bool list_found(struct kms_swap *swap)
{
    const struct kms_board *board = swap->config.board;
    swap->found = calloc(kms_board_count(board) + 1, sizeof *swap->found);
    if (!swap->found) {
        return false;
    }
    for (size_t slot = 0; slot < kms_board_count(board); slot++) {
        const struct kms_snapshot *snapshot = kms_board_snapshot(board, slot);
        if (!snapshot->retired && snapshot->target->origin == KMS_ORIGIN_DISCOVERED) {
            swap->found[swap->found_count++] = (struct found){snapshot->target->name, slot};
        }
    }
    if (swap->found_count > 1) {
        qsort(swap->found, swap->found_count, sizeof *swap->found, by_name);
    }
    return true;
}

/* NULL: none of that name was discovered. */
static struct found *find(const struct kms_swap *swap, const char *name)
{
    const struct found wanted = {.name = name};
    return swap->found_count == 0
               ? NULL
               : bsearch(&wanted, swap->found, swap->found_count, sizeof wanted, by_name);
}

struct kms_swap *kms_swap_new(const struct kms_swap_config *config,
                              const struct kms_swap_hosts *was, const struct kms_target *now,
                              const struct kms_site_diff *diff)
{
    struct kms_swap *swap = calloc(1, sizeof *swap);
    if (!swap) {
        return NULL;
    }
    *swap = (struct kms_swap){.config = *config, .was = was, .now = now, .diff = diff};
    if (!list_found(swap)) {
        free(swap);
        return NULL;
    }
    kms_lookups_hold(config->lookups, true);
    return swap;
}

void kms_swap_free(struct kms_swap *swap)
{
    if (swap) {
        kms_lookups_hold(swap->config.lookups, false);
        free(swap->found);
        free(swap);
    }
}

/* ---- one host ---- */

/* Each by its name, unless there are so many that the summary must do. */
static void tell(const struct kms_swap *swap, size_t count, const char *name, const char *what)
{
    kms_log_write(swap->config.log, count <= TOLD_MAX ? KMS_LOG_INFO : KMS_LOG_DEBUG,
                  "reload: host %s %s", name, what);
}

/* So that all that is asked at once is not asked in one moment, now and at every interval. */
static int64_t delay_of(const struct kms_swap *swap, size_t at, size_t count)
{
    int64_t all_ms = (int64_t)count * KMS_SCHEDULER_SPREAD_MS;
    all_ms = all_ms < swap->config.interval_ms ? all_ms : swap->config.interval_ms;
    return all_ms * (int64_t)at / (int64_t)count;
}

static enum kms_status remove_one(struct kms_swap *swap)
{
    size_t slot = swap->was->slot[swap->diff->removed[swap->removed]];
    const struct kms_swap_config *config = &swap->config;
    char name[NAME_SHOWN];
    kms_text_copy(name, sizeof name, kms_board_snapshot(config->board, slot)->target->name);
    kms_scheduler_drop(config->scheduler, slot);
    if (kms_board_retire(config->board, slot) != KMS_OK) {
        return KMS_ENOMEM;
    }
    kms_lookups_forget_host(config->lookups, slot);
    tell(swap, swap->diff->removed_count, name, "is watched no longer");
    swap->removed++;
    return KMS_OK;
}

/* The polls of the host follow its target; what cannot be planned yet is planned when it is tried
 * again. */
static enum kms_status retarget(struct kms_swap *swap, size_t slot, const struct kms_target *now,
                                const struct kms_site_turn *turn, int64_t delay_ms)
{
    const struct kms_swap_config *config = &swap->config;
    struct kms_target *was = NULL;
    if (!swap->has_unplanned) {
        struct kms_change change = {0};
        if (kms_board_retarget(config->board, slot, now, turn->elsewhere, &was, &change) !=
            KMS_OK) {
            return KMS_ENOMEM;
        }
        if (change.was_state != change.is_state) {
            kms_news_state(config->log, kms_board_snapshot(config->board, slot), &change);
        }
    }
    bool whole = kms_scheduler_retarget(config->scheduler, slot, was, turn->anew, delay_ms) ==
                 KMS_OK;
    swap->has_unplanned = !whole;
    return whole ? KMS_OK : KMS_ENOMEM;
}

static enum kms_status change_one(struct kms_swap *swap)
{
    const struct kms_site_changed *changed = &swap->diff->changed[swap->changed];
    size_t slot = swap->was->slot[changed->was];
    const struct kms_target *now = &swap->now[changed->now];
    int64_t delay_ms = delay_of(swap, swap->changed, swap->diff->changed_count);
    if (retarget(swap, slot, now, &changed->turn, delay_ms) != KMS_OK) {
        return KMS_ENOMEM;
    }
    if (!now->source[KMS_SOURCE_DNS].enabled) {
        kms_lookups_forget_host(swap->config.lookups, slot);
    }
    tell(swap, swap->diff->changed_count, now->name, "has another configuration");
    swap->changed++;
    return KMS_OK;
}

/* It keeps its row and what is known of it. */
static enum kms_status adopt(struct kms_swap *swap, struct found *found,
                             const struct kms_target *now, int64_t delay_ms)
{
    const struct kms_board *board = swap->config.board;
    struct kms_site_turn turn;
    (void)kms_site_compare(kms_board_snapshot(board, found->slot)->target, now, &turn);
    enum kms_status status = retarget(swap, found->slot, now, &turn, delay_ms);
    found->name = kms_board_snapshot(board, found->slot)->target->name;
    if (status == KMS_OK) {
        kms_lookups_forget_host(swap->config.lookups, found->slot);
    }
    return status;
}

static enum kms_status add_new(struct kms_swap *swap, const struct kms_target *now,
                               int64_t delay_ms)
{
    const struct kms_swap_config *config = &swap->config;
    size_t slot = swap->unplanned;
    if (!swap->has_unplanned) {
        uint32_t number = config->number_of_host(config->arg, now->name);
        if (number == 0 || kms_board_add(config->board, now, number, &slot) != KMS_OK) {
            return KMS_ENOMEM;
        }
    }
    swap->unplanned = slot;
    swap->has_unplanned = kms_scheduler_add_after(config->scheduler, slot, delay_ms) != KMS_OK;
    return swap->has_unplanned ? KMS_ENOMEM : KMS_OK;
}

static enum kms_status add_one(struct kms_swap *swap)
{
    const struct kms_target *now = &swap->now[swap->diff->added[swap->added]];
    int64_t delay_ms = delay_of(swap, swap->added, swap->diff->added_count);
    struct found *found = find(swap, now->name);
    enum kms_status status = found ? adopt(swap, found, now, delay_ms)
                                   : add_new(swap, now, delay_ms);
    if (status == KMS_OK) {
        tell(swap, swap->diff->added_count, now->name,
             found ? "is configured, and was discovered before" : "is new");
        swap->added++;
    }
    return status;
}

/* ---- all hosts ---- */

static enum kms_status next(struct kms_swap *swap)
{
    if (swap->removed < swap->diff->removed_count) {
        return remove_one(swap);
    }
    if (swap->changed < swap->diff->changed_count) {
        return change_one(swap);
    }
    return add_one(swap);
}

static bool is_done(const struct kms_swap *swap)
{
    return swap->removed == swap->diff->removed_count &&
           swap->changed == swap->diff->changed_count && swap->added == swap->diff->added_count;
}

enum kms_status kms_swap_go_on(struct kms_swap *swap, const struct kms_clock *clock,
                               int64_t until_us)
{
    while (!is_done(swap)) {
        if (next(swap) != KMS_OK) {
            return KMS_ENOMEM;
        }
        if (!is_done(swap) && kms_clock_mono_us(clock) >= until_us) {
            return KMS_EBUSY;
        }
    }
    return KMS_OK;
}
