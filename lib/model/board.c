/* One slot per host: tallies, last and last good results, request windows, and the snapshot made of
 * them. */
#include "model/board.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/epid_memory.h"
#include "model/merge.h"
#include "model/sample.h"
#include "model/settings_memory.h"
#include "vocab/hostkey.h"

#define KEY_MEMORY_MAX ((size_t)4 * KMS_KEYS_MAX)
#define AHEAD_MAX_S    300 /* of a result that is restored: clocks are set a little, too */

/* What outlives a snapshot of one key. */
struct key_memory {
    char identity[KMS_KEY_IDENTITY_SIZE];
    bool numbered;  /* it was asked for a number */
    uint32_t index; /* 0: of its own it has none */
    uint64_t used;  /* board serial when it was last asked for */
    struct kms_window window;
};

struct slot {
    struct kms_target *target; /* its own, since what runs for it may outlive it */
    uint32_t index;
    bool retired;
    struct kms_tally tally[KMS_SOURCE_MAX + 1];
    struct kms_result *last[KMS_SOURCE_MAX + 1];
    struct kms_result *good[KMS_SOURCE_MAX + 1];
    struct key_memory *key;
    size_t key_count;
    struct kms_epid_memory epids;
    struct kms_settings_memory settings;
    struct kms_snapshot *snapshot;
};

struct kms_board {
    struct kms_policy policy;
    const struct kms_clock *clock;
    kms_key_index_fn *key_index;
    void *key_index_arg;
    kms_board_published_fn *published;
    void *published_arg;
    kms_board_forgotten_fn *forgotten;
    void *forgotten_arg;
    struct slot **slot; /* each of its own: targets keep their place while hosts are added */
    size_t count, cap;
    size_t retired;      /* slots */
    size_t retired_from; /* the first of them is not before this one */
    uint64_t turnover;
    int64_t started_us; /* by the steady clock */
    uint64_t serial;
    uint64_t shape;
    /* Kept up to date, since they are asked for often. */
    uint32_t by_state[5];
    uint64_t attempts, failures;
};

struct kms_board *kms_board_new(const struct kms_policy *policy, const struct kms_clock *clock,
                                kms_key_index_fn *key_index, void *arg)
{
    struct kms_board *board = calloc(1, sizeof *board);
    if (!board) {
        return NULL;
    }
    board->policy = *policy;
    board->clock = clock;
    board->started_us = kms_clock_mono_us(clock);
    board->key_index = key_index;
    board->key_index_arg = arg;
    return board;
}

static void free_result(struct kms_result *result)
{
    kms_result_done(result);
    free(result);
}

static void free_snapshot(struct kms_snapshot *snapshot)
{
    if (snapshot) {
        kms_judgement_done(&snapshot->judgement);
        free(snapshot);
    }
}

static void free_keys(struct key_memory *key, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        kms_window_done(&key[i].window);
    }
    free(key);
}

static void slot_free(struct slot *slot)
{
    for (size_t i = 0; i <= KMS_SOURCE_MAX; i++) {
        if (slot->good[i] != slot->last[i]) {
            free_result(slot->good[i]);
        }
        free_result(slot->last[i]);
    }
    free_keys(slot->key, slot->key_count);
    kms_epid_memory_done(&slot->epids);
    kms_settings_memory_done(&slot->settings);
    free_snapshot(slot->snapshot);
    kms_target_done(slot->target);
    free(slot->target);
    free(slot);
}

void kms_board_free(struct kms_board *board)
{
    if (!board) {
        return;
    }
    for (size_t i = 0; i < board->count; i++) {
        slot_free(board->slot[i]);
    }
    free(board->slot);
    free(board);
}

static struct key_memory *find_key(const struct slot *slot, const char *identity)
{
    for (size_t i = 0; i < slot->key_count; i++) {
        if (kms_text_equal(slot->key[i].identity, identity)) {
            return &slot->key[i];
        }
    }
    return NULL;
}

/* A place for one more key; that of the key not seen for longest when there are too many: a report
 * that shows other keys at every poll must not grow without bound. */
static struct key_memory *room_for_key(const struct kms_board *board, struct slot *slot)
{
    if (slot->key && slot->key_count == KEY_MEMORY_MAX) {
        struct key_memory *oldest = &slot->key[0];
        for (size_t i = 1; i < slot->key_count; i++) {
            oldest = slot->key[i].used < oldest->used ? &slot->key[i] : oldest;
        }
        kms_window_done(&oldest->window);
        if (board->forgotten) {
            board->forgotten(board->forgotten_arg, slot->target, oldest->identity);
        }
        return oldest;
    }
    struct key_memory *grown = realloc(slot->key, (slot->key_count + 1) * sizeof *grown);
    if (!grown) {
        return NULL;
    }
    slot->key = grown;
    return &slot->key[slot->key_count++];
}

/* The memory of a key, made when it is new; NULL when memory ran out. */
static struct key_memory *need_key(struct kms_board *board, struct slot *slot, const char *identity)
{
    struct key_memory *key = find_key(slot, identity);
    if (!key) {
        key = room_for_key(board, slot);
        if (!key) {
            return NULL;
        }
        *key = (struct key_memory){0};
        kms_text_copy(key->identity, sizeof key->identity, identity);
    }
    key->used = board->serial;
    return key;
}

static uint32_t number_of(const struct kms_board *board, const struct slot *slot, const char *name)
{
    return board->key_index ? board->key_index(board->key_index_arg, slot->target->name, name) : 0;
}

static uint32_t own_number(struct kms_board *board, struct slot *slot, const char *identity)
{
    struct key_memory *key = need_key(board, slot, identity);
    if (key && !key->numbered) {
        key->index = board->key_index ? number_of(board, slot, identity)
                                      : (uint32_t)(key - slot->key) + 1;
        key->numbered = true;
    }
    return key ? key->index : 0;
}

static const struct kms_key_judgement *judged_key(const struct kms_judgement *judgement,
                                                  const char *identity)
{
    for (size_t i = 0; i < judgement->key_count; i++) {
        if (kms_text_equal(judgement->key[i].identity, identity)) {
            return &judgement->key[i];
        }
    }
    return NULL;
}

static bool is_taken(const struct kms_judgement *judgement, uint32_t index)
{
    for (size_t i = 0; i < judgement->key_count; i++) {
        if (judgement->key[i].index == index) {
            return true;
        }
    }
    return false;
}

/* The first that no other key stands under. */
static uint32_t shared_number(const struct kms_board *board, const struct slot *slot,
                              const struct kms_judgement *judgement)
{
    for (size_t i = 1; i <= judgement->key_count; i++) {
        char name[32];
        kms_text_format(name, sizeof name, "more:%zu", i);
        uint32_t index = number_of(board, slot, name);
        if (index == 0 || !is_taken(judgement, index)) {
            return index;
        }
    }
    return 0;
}

/* A key that shares keeps the number that it is shown under for as long as it is shown. */
static void number_keys(struct kms_board *board, struct slot *slot, struct kms_judgement *judgement)
{
    for (size_t i = 0; i < judgement->key_count; i++) {
        struct kms_key_judgement *key = &judgement->key[i];
        key->index = own_number(board, slot, key->identity);
        if (key->index == 0 && slot->snapshot) {
            const struct kms_key_judgement *was = judged_key(&slot->snapshot->judgement,
                                                             key->identity);
            key->index = was ? was->index : 0;
        }
    }
    for (size_t i = 0; i < judgement->key_count; i++) {
        struct kms_key_judgement *key = &judgement->key[i];
        key->index = key->index != 0 ? key->index : shared_number(board, slot, judgement);
    }
}

static const struct kms_window *window_of(void *arg, const char *identity)
{
    const struct slot *slot = arg;
    const struct key_memory *key = find_key(slot, identity);
    return key && key->window.count > 0 ? &key->window : NULL;
}

/* A window has one source: the clocks of two disagree, and counters would seem to run back. */
static bool is_told_better(const struct slot *slot, const char *identity, enum kms_source source)
{
    const struct kms_key_judgement *key = slot->snapshot
                                              ? judged_key(&slot->snapshot->judgement, identity)
                                              : NULL;
    return key && !key->stale && kms_source_outranks(key->source, source) &&
           kms_facts_has(&key->facts, KMS_FACT_TOTAL_REQUESTS);
}

/* Counters of a good result become samples of each key's window. */
static enum kms_status remember_counters(struct kms_board *board, struct slot *slot,
                                         const struct kms_result *result)
{
    const struct kms_now now = kms_clock_now(board->clock);
    for (size_t i = 0; i < result->key_count; i++) {
        char identity[KMS_KEY_IDENTITY_SIZE];
        struct kms_window_reading reading;
        if (!kms_sample_of(result, &result->key[i], &now, &reading)) {
            continue;
        }
        kms_key_identity(&result->key[i], identity, sizeof identity);
        if (is_told_better(slot, identity, result->source)) {
            continue;
        }
        struct key_memory *key = need_key(board, slot, identity);
        int64_t keep_s = board->policy.requests_window_ms / 1000;
        if (!key || kms_window_add(&key->window, &reading, keep_s) != KMS_OK) {
            return KMS_ENOMEM;
        }
    }
    return KMS_OK;
}

/* The host said no, or what cannot be understood: it may have counted the request all the same. */
static bool was_refused(const struct kms_result *result)
{
    int64_t state;
    return kms_facts_number(&result->host, KMS_FACT_ACTIVATION_STATE, &state) &&
           (state == KMS_ACTIVATION_REFUSED || state == KMS_ACTIVATION_INVALID);
}

/* When the host was last asked for that application, as the probe tells; 0: never. */
static int64_t asked_s(const struct kms_result *result, enum kms_application application)
{
    int64_t last_s = was_refused(result) ? result->data_s : 0;
    for (size_t i = 0; i < result->key_count; i++) {
        const struct kms_facts *key = &result->key[i];
        int64_t at_s;
        if (kms_application_of(kms_facts_text(key, KMS_FACT_APPLICATION_ID)) == application &&
            kms_facts_number(key, KMS_FACT_ANSWERED, &at_s) && at_s > last_s) {
            last_s = at_s;
        }
    }
    return last_s;
}

/* Requests of our own are no clients. */
static void remember_own(const struct kms_board *board, struct slot *slot,
                         const struct kms_result *result)
{
    if (result->source != KMS_SOURCE_ACTIVATION) {
        return;
    }
    const struct kms_now now = kms_clock_now(board->clock);
    for (size_t i = 0; i < slot->key_count; i++) {
        struct kms_window *window = &slot->key[i].window;
        int64_t at_s = asked_s(result, window->application);
        if (at_s != 0) {
            kms_window_own(window, &now, at_s);
        }
    }
}

/* What was told before is the measure of what has changed since. */
static enum kms_status remember_told(const struct kms_board *board, struct slot *slot,
                                     const struct kms_result *result)
{
    const int64_t steady_s = kms_clock_now(board->clock).steady_s;
    enum kms_status epids = kms_epid_memory_add(&slot->epids, result, steady_s);
    enum kms_status settings = kms_settings_memory_add(&slot->settings, result, steady_s);
    return epids == KMS_OK ? settings : epids;
}

static bool same_shape(const struct kms_judgement *a, const struct kms_judgement *b)
{
    if (a->key_count != b->key_count) {
        return false;
    }
    for (size_t i = 0; i < a->key_count; i++) {
        if (a->key[i].index != b->key[i].index) {
            return false;
        }
    }
    for (size_t c = 1; c <= KMS_CLASS_MAX; c++) {
        if (a->cls[c].present != b->cls[c].present) {
            return false;
        }
    }
    return true;
}

static void count_state(struct kms_board *board, const struct kms_snapshot *snapshot, bool more)
{
    if (snapshot && !snapshot->retired) {
        board->by_state[snapshot->judgement.state] += more ? 1U : UINT32_MAX;
    }
}

/* Judges the slot as it is now and swaps the new snapshot in. */
static enum kms_status rejudge(struct kms_board *board, struct slot *slot,
                               struct kms_change *ret_change)
{
    struct kms_snapshot *made = calloc(1, sizeof *made);
    if (!made) {
        return KMS_ENOMEM;
    }
    struct kms_evidence evidence = {
        .target = slot->target, .window = window_of, .window_arg = slot};
    for (size_t i = 1; i <= KMS_SOURCE_MAX; i++) {
        evidence.last[i] = made->last[i] = slot->last[i];
        evidence.good[i] = made->good[i] = slot->good[i];
    }
    made->apart_us = slot->snapshot ? slot->snapshot->apart_us : kms_clock_apart_us(board->clock);
    int64_t now_s = kms_snapshot_now_s(made, kms_clock_mono_us(board->clock));
    struct kms_epid_change epid_change;
    const int64_t steady_s = kms_clock_now(board->clock).steady_s;
    if (kms_epid_memory_change(&slot->epids, steady_s, &epid_change)) {
        evidence.epid_change = &epid_change;
    }
    struct kms_setting_change setting_change[KMS_SETTING_CHANGES];
    evidence.setting_change = setting_change;
    evidence.setting_change_count = kms_settings_memory_changes(&slot->settings, steady_s,
                                                                setting_change);
    enum kms_status status = kms_judge(&evidence, &board->policy, now_s, &made->judgement);
    if (status != KMS_OK) {
        free_snapshot(made);
        return status;
    }
    number_keys(board, slot, &made->judgement);
    made->target = slot->target;
    made->index = slot->index;
    made->retired = slot->retired;
    made->serial = ++board->serial;
    made->tally = slot->tally;
    const struct kms_snapshot *was = slot->snapshot;
    ret_change->is_state = made->judgement.state;
    ret_change->was_state = was ? was->judgement.state : KMS_STATE_UNKNOWN;
    ret_change->shape = !was || !same_shape(&was->judgement, &made->judgement);
    board->shape += ret_change->shape ? 1 : 0;
    count_state(board, was, false);
    count_state(board, made, true);
    free_snapshot(slot->snapshot);
    slot->snapshot = made;
    return KMS_OK;
}

static bool room_for_slot(struct kms_board *board)
{
    if (board->count < board->cap) {
        return true;
    }
    size_t cap = board->cap ? board->cap * 2 : 16;
    struct slot **grown = realloc(board->slot, cap * sizeof(struct slot *));
    if (!grown) {
        return false;
    }
    board->slot = grown;
    board->cap = cap;
    return true;
}

/* NULL: out of memory. */
static struct kms_target *copy_target(const struct kms_target *target)
{
    struct kms_target *copy = calloc(1, sizeof *copy);
    if (copy && kms_target_copy(copy, target) != KMS_OK) {
        free(copy);
        return NULL;
    }
    return copy;
}

/* A slot that is not on the board yet; NULL: out of memory. */
static struct slot *make_slot(struct kms_board *board, const struct kms_target *target,
                              uint32_t index, bool retired)
{
    struct slot *slot = calloc(1, sizeof *slot);
    if (!slot) {
        return NULL;
    }
    slot->index = index;
    slot->retired = retired;
    slot->target = copy_target(target);
    struct kms_change ignored;
    if (!slot->target || rejudge(board, slot, &ignored) != KMS_OK) {
        slot_free(slot);
        return NULL;
    }
    return slot;
}

/* Puts it in the place of another one. */
static void replace(struct kms_board *board, size_t at, struct slot *slot)
{
    count_state(board, board->slot[at]->snapshot, false);
    slot_free(board->slot[at]);
    board->slot[at] = slot;
    board->turnover++;
    board->shape++;
}

static size_t first_retired(const struct kms_board *board)
{
    size_t at = board->retired_from;
    while (!board->slot[at]->retired) {
        at++;
    }
    return at;
}

enum kms_status kms_board_add(struct kms_board *board, const struct kms_target *target,
                              uint32_t index, size_t *ret_slot)
{
    struct slot *slot = room_for_slot(board) ? make_slot(board, target, index, false) : NULL;
    if (!slot) {
        return KMS_ENOMEM;
    }
    if (board->retired > 0) {
        *ret_slot = first_retired(board);
        board->retired--;
        board->retired_from = *ret_slot + 1;
        replace(board, *ret_slot, slot);
        return KMS_OK;
    }
    *ret_slot = board->count;
    board->slot[board->count++] = slot;
    return KMS_OK;
}

enum kms_status kms_board_retire(struct kms_board *board, size_t at)
{
    char nobody[] = "";
    const struct kms_target none = {.name = nobody, .origin = KMS_ORIGIN_DISCOVERED};
    struct slot *slot = make_slot(board, &none, 0, true);
    if (!slot) {
        return KMS_ENOMEM;
    }
    if (board->retired == 0 || at < board->retired_from) {
        board->retired_from = at;
    }
    board->retired++;
    replace(board, at, slot);
    return KMS_OK;
}

/* ---- a wall clock that was set ---- */

/* The steady clock tells how long ago something was, so what we gave a time then has another one
 * now. What lies before our start was given its time by somebody else: an activation answer may be
 * remembered from there. */
struct move {
    int64_t by_s, from_s;
};

static void move_time(const struct move *move, int64_t *time_s)
{
    *time_s += *time_s != 0 && *time_s >= move->from_s ? move->by_s : 0;
}

static void move_fact(const struct move *move, struct kms_facts *facts, enum kms_fact_id id)
{
    for (size_t i = 0; i < facts->count; i++) {
        if (facts->fact[i].id == id) {
            move_time(move, &facts->fact[i].number);
        }
    }
}

/* A report has a time of its own. Of the facts, other times are by the host's clock. */
static void move_result(const struct move *move, struct kms_result *result)
{
    move_time(move, &result->wall_s);
    if (result->source == KMS_SOURCE_REPORT) {
        return;
    }
    move_time(move, &result->data_s);
    move_time(move, &result->data_s_min);
    move_time(move, &result->data_s_max);
    for (size_t i = 0; i < result->key_count; i++) {
        move_fact(move, &result->key[i], KMS_FACT_ANSWERED);
        move_fact(move, &result->key[i], KMS_FACT_OWN_ENTRY_SINCE);
    }
}

static void move_source(const struct move *move, struct slot *slot, size_t source)
{
    struct kms_tally *tally = &slot->tally[source];
    struct kms_result *last = slot->last[source], *good = slot->good[source];
    bool is_ours = tally->attempts > tally->failures; /* else good is of an earlier process */
    if (last) {
        move_result(move, last);
    }
    if (good && good != last && is_ours) {
        move_result(move, good);
    }
    move_time(move, &tally->last_attempt_s);
    if (is_ours) {
        move_time(move, &tally->last_success_s);
    }
}

static void follow_clock(struct kms_board *board, struct slot *slot)
{
    struct kms_snapshot *snapshot = slot->snapshot;
    const struct move move = {.by_s = kms_clock_set_by_s(board->clock, snapshot->apart_us),
                              .from_s = kms_snapshot_now_s(snapshot, board->started_us)};
    if (move.by_s == 0) {
        return;
    }
    for (size_t i = 1; i <= KMS_SOURCE_MAX; i++) {
        move_source(&move, slot, i);
    }
    snapshot->apart_us += move.by_s * 1000000;
}

/* ---- other wishes for the same host ---- */

/* What a slot remembers of a machine; moved out, so that it can be put back. */
struct past {
    struct kms_target *target;
    struct kms_tally tally[KMS_SOURCE_MAX + 1];
    struct kms_result *last[KMS_SOURCE_MAX + 1];
    struct kms_result *good[KMS_SOURCE_MAX + 1];
    bool whole; /* what the sources told together, too */
    struct key_memory *key;
    size_t key_count;
    struct kms_epid_memory epids;
    struct kms_settings_memory settings;
};

static void take_out_source(struct slot *slot, struct past *past, size_t source)
{
    past->tally[source] = slot->tally[source];
    past->last[source] = slot->last[source];
    past->good[source] = slot->good[source];
    slot->tally[source] = (struct kms_tally){0};
    slot->last[source] = slot->good[source] = NULL;
}

static void take_out_memories(struct slot *slot, struct past *past)
{
    past->whole = true;
    past->key = slot->key;
    past->key_count = slot->key_count;
    past->epids = slot->epids;
    past->settings = slot->settings;
    slot->key = NULL;
    slot->key_count = 0;
    slot->epids = (struct kms_epid_memory){0};
    slot->settings = (struct kms_settings_memory){0};
}

/* A source that looks at another machine from now on ends what was remembered of this one; one that
 * goes away does not, nor does DNS, which tells nothing of machines. */
static void take_out(struct slot *slot, uint32_t sources, struct past *past)
{
    bool moved = false;
    for (size_t i = 1; i <= KMS_SOURCE_MAX; i++) {
        if (sources & KMS_BIT(i)) {
            take_out_source(slot, past, i);
            moved |= i != KMS_SOURCE_DNS && slot->target->source[i].enabled;
        }
    }
    if (moved) {
        take_out_memories(slot, past);
    }
}

static void forget_past(struct past *past)
{
    for (size_t i = 0; i <= KMS_SOURCE_MAX; i++) {
        if (past->good[i] != past->last[i]) {
            free_result(past->good[i]);
        }
        free_result(past->last[i]);
    }
    free_keys(past->key, past->key_count);
    kms_epid_memory_done(&past->epids);
    kms_settings_memory_done(&past->settings);
}

/* What the slot got meanwhile is less than what it had. */
static void put_back(struct slot *slot, uint32_t sources, struct past *past)
{
    for (size_t i = 1; i <= KMS_SOURCE_MAX; i++) {
        if (sources & KMS_BIT(i)) {
            slot->tally[i] = past->tally[i];
            slot->last[i] = past->last[i];
            slot->good[i] = past->good[i];
        }
    }
    if (past->whole) {
        free_keys(slot->key, slot->key_count);
        slot->key = past->key;
        slot->key_count = past->key_count;
        slot->epids = past->epids;
        slot->settings = past->settings;
    }
    slot->target = past->target;
}

enum kms_status kms_board_retarget(struct kms_board *board, size_t at,
                                   const struct kms_target *target, uint32_t elsewhere,
                                   struct kms_target **ret_was, struct kms_change *ret_change)
{
    struct slot *slot = board->slot[at];
    struct past past = {.target = slot->target};
    struct kms_target *copy = copy_target(target);
    if (!copy) {
        return KMS_ENOMEM;
    }
    follow_clock(board, slot);
    slot->target = copy;
    take_out(slot, elsewhere, &past);
    struct kms_change change = {0};
    if (rejudge(board, slot, &change) != KMS_OK) {
        put_back(slot, elsewhere, &past);
        kms_target_done(copy);
        free(copy);
        return KMS_ENOMEM;
    }
    forget_past(&past);
    board->turnover++;
    board->shape++;
    *ret_was = past.target;
    *ret_change = change;
    return KMS_OK;
}

int64_t kms_snapshot_now_s(const struct kms_snapshot *snapshot, int64_t mono_us)
{
    return (mono_us + snapshot->apart_us) / 1000000;
}

void kms_board_set_policy(struct kms_board *board, const struct kms_policy *policy)
{
    board->policy = *policy;
}

uint64_t kms_board_turnover(const struct kms_board *board)
{
    return board->turnover;
}

size_t kms_board_count(const struct kms_board *board)
{
    return board->count;
}

const struct kms_snapshot *kms_board_snapshot(const struct kms_board *board, size_t slot)
{
    return board->slot[slot]->snapshot;
}

static void count_attempt(struct kms_board *board, struct slot *slot,
                          const struct kms_result *result)
{
    struct kms_tally *tally = &slot->tally[result->source];
    tally->attempts++;
    board->attempts++;
    tally->last_attempt_s = result->wall_s;
    if (kms_outcome_good(result->outcome)) {
        tally->consecutive_failures = 0;
        tally->last_success_s = result->wall_s;
    } else {
        tally->failures++;
        board->failures++;
        tally->consecutive_failures++;
    }
}

/* Keeps the copy as the last result, and as the last good one when it is. */
static void keep(struct slot *slot, struct kms_result *copy)
{
    enum kms_source source = copy->source;
    if (slot->last[source] != slot->good[source]) {
        free_result(slot->last[source]);
    }
    slot->last[source] = copy;
    if (kms_outcome_good(copy->outcome)) {
        free_result(slot->good[source]);
        slot->good[source] = copy;
    }
}

enum kms_status kms_board_publish(struct kms_board *board, size_t at,
                                  const struct kms_result *result, struct kms_change *ret_change)
{
    struct slot *slot = board->slot[at];
    struct kms_result *copy = calloc(1, sizeof *copy);
    if (!copy) {
        return KMS_ENOMEM;
    }
    if (kms_result_copy(copy, result) != KMS_OK) {
        free(copy);
        return KMS_ENOMEM;
    }
    follow_clock(board, slot);
    struct kms_change change = {.is_outcome = result->outcome};
    const struct kms_result *was = slot->last[result->source];
    change.was_outcome = was ? was->outcome : KMS_OUTCOME_NONE;
    count_attempt(board, slot, result);
    change.consecutive_failures = slot->tally[result->source].consecutive_failures;
    keep(slot, copy);
    remember_own(board, slot, copy);
    enum kms_status status = KMS_OK;
    if (kms_outcome_good(result->outcome)) {
        status = remember_counters(board, slot, copy);
        enum kms_status told = remember_told(board, slot, copy);
        status = status == KMS_OK ? told : status;
    }
    enum kms_status judged = rejudge(board, slot, &change);
    if (judged != KMS_OK) {
        /* The old snapshot points at results that may be gone: without memory for a new one, say
         * less. */
        memset(slot->snapshot->last, 0, sizeof slot->snapshot->last);
        memset(slot->snapshot->good, 0, sizeof slot->snapshot->good);
        return judged;
    }
    *ret_change = change;
    if (board->published) {
        board->published(board->published_arg, at, result->source);
    }
    return status;
}

void kms_board_watch_forgotten(struct kms_board *board, kms_board_forgotten_fn *forgotten,
                               void *arg)
{
    board->forgotten = forgotten;
    board->forgotten_arg = arg;
}

void kms_board_watch(struct kms_board *board, kms_board_published_fn *published, void *arg)
{
    board->published = published;
    board->published_arg = arg;
}

enum kms_status kms_board_restore(struct kms_board *board, size_t at,
                                  const struct kms_result *result)
{
    struct slot *slot = board->slot[at];
    enum kms_source source = result->source;
    if (!kms_outcome_good(result->outcome) || slot->last[source] || slot->good[source] ||
        result->wall_s > kms_clock_wall_s(board->clock) + AHEAD_MAX_S) {
        return KMS_EINVAL;
    }
    struct kms_result *copy = calloc(1, sizeof *copy);
    if (!copy) {
        return KMS_ENOMEM;
    }
    if (kms_result_copy(copy, result) != KMS_OK) {
        free(copy);
        return KMS_ENOMEM;
    }
    follow_clock(board, slot);
    slot->good[source] = copy;
    slot->tally[source].last_success_s = result->wall_s;
    struct kms_change ignored;
    if (remember_told(board, slot, copy) != KMS_OK || rejudge(board, slot, &ignored) != KMS_OK) {
        slot->good[source] = NULL;
        slot->tally[source].last_success_s = 0;
        free_result(copy);
        return KMS_ENOMEM;
    }
    return KMS_OK;
}

enum kms_status kms_board_tick(struct kms_board *board, size_t at, struct kms_change *ret_change)
{
    struct kms_change change = {0};
    follow_clock(board, board->slot[at]);
    enum kms_status status = rejudge(board, board->slot[at], &change);
    if (status == KMS_OK) {
        *ret_change = change;
    }
    return status;
}

void kms_board_each_window(struct kms_board *board, size_t at, bool changed_only,
                           kms_board_window_fn *each, void *arg)
{
    struct slot *slot = board->slot[at];
    for (size_t i = 0; i < slot->key_count; i++) {
        struct kms_window *window = &slot->key[i].window;
        if (window->count > 0 && (window->changed || !changed_only)) {
            each(arg, slot->key[i].identity, window);
            window->changed = false;
        }
    }
}

const struct kms_window *kms_board_window(const struct kms_board *board, size_t at,
                                          const char *identity)
{
    return window_of(board->slot[at], identity);
}

enum kms_status kms_board_restore_window(struct kms_board *board, size_t at, const char *identity,
                                         struct kms_window *window)
{
    struct key_memory *key = need_key(board, board->slot[at], identity);
    if (!key) {
        return KMS_ENOMEM;
    }
    kms_window_done(&key->window);
    key->window = *window;
    *window = (struct kms_window){0};
    return KMS_OK;
}

uint64_t kms_board_shape(const struct kms_board *board)
{
    return board->shape;
}

struct kms_board_totals kms_board_totals(const struct kms_board *board)
{
    struct kms_board_totals totals = {.hosts = (uint32_t)(board->count - board->retired),
                                      .attempts = board->attempts,
                                      .failures = board->failures,
                                      .overall = KMS_STATE_OK};
    for (size_t i = 1; i < KMS_COUNT_OF(totals.by_state); i++) {
        totals.by_state[i] = board->by_state[i];
        totals.overall = board->by_state[i] == 0
                             ? totals.overall
                             : kms_state_worse(totals.overall, (enum kms_state)i);
    }
    if (totals.hosts == 0) {
        totals.overall = KMS_STATE_UNKNOWN;
    }
    return totals;
}
