/* Looks through the board once a second when something was published: what is new is put, seldom
 * enough for the disk. */
#include "agent/memories.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/memories_hours.h"
#include "agent/memories_sweep.h"
#include "agent/memories_text.h"
#include "base/text.h"

#define LOOK_MS     1000
#define PARTS       20    /* of the hosts in a turn of the hours */
#define IDLE_MS     60000 /* where nothing is published: turns of hosts and hours go on */
#define PAUSE_MS    2     /* between two parts of the board */
#define SLICE_US    1000  /* for one part */
#define PART        16    /* slots between two looks at the clock */
#define REST_US     INT64_C(60000000)  /* what a host tells anew is put once a minute, ... */
#define REST_OF_US  INT64_C(30000)     /* ... or, where they are many, as often as 33 a second */
#define REST_OLD_US INT64_C(600000000) /* what only its times are new of, seldom */
#define SWEEP_US    INT64_C(86400000000)

static const enum kms_source sources[] = {KMS_SOURCE_RPC, KMS_SOURCE_ACTIVATION, KMS_SOURCE_WSMAN,
                                          KMS_SOURCE_REPORT};
#define SOURCES KMS_COUNT_OF(sources)

/* What was put of a source. */
struct kept {
    int64_t wall_s; /* of its result; 0: none */
    int64_t put_us;
    uint64_t content; /* without its times */
};

struct slot {
    uint32_t index; /* of the host it is about; 0: none yet */
    bool windows_changed;
    uint64_t serial;
    int64_t windows_us; /* when they were put; 0: never */
    struct kept kept[SOURCES];
    struct kms_memories_hours hours;
};

struct kms_memories {
    struct kms_memories_config config;
    char boot[KMS_BOOT_SIZE];
    struct slot *slot;
    size_t count;
    struct kms_timer *timer;
    size_t at;                        /* the next slot of the round */
    bool running;                     /* a round is under way */
    bool again;                       /* something was published meanwhile */
    struct kms_memories_sweep *sweep; /* is told of the hosts in this round; NULL: not in it */
    int64_t swept_us;
    struct kms_buf text, name;
};

static int64_t mono_us(const struct kms_memories *memories)
{
    return kms_clock_mono_us(kms_loop_clock(memories->config.loop));
}

/* ---- putting ---- */

static void put_result(struct kms_memories *memories, const struct kms_snapshot *snapshot,
                       const struct kms_result *result, struct kept *kept, bool at_once)
{
    int64_t now_us = mono_us(memories);
    int64_t rest_us = (int64_t)memories->count * REST_OF_US;
    rest_us = rest_us > REST_US ? rest_us : REST_US;
    bool is_due = at_once || kept->put_us == 0 || now_us - kept->put_us >= rest_us;
    if (kept->wall_s == result->wall_s || !is_due ||
        kms_memories_write_result(snapshot->target, result, &memories->name, &memories->text) !=
            KMS_OK) {
        return;
    }
    uint64_t content = kms_memories_content(kms_buf_str(&memories->text));
    if (!at_once && kept->put_us != 0 && content == kept->content &&
        now_us - kept->put_us < REST_OLD_US) {
        return;
    }
    if (kms_keeper_put(memories->config.keeper, KMS_STORE_RESULT, kms_buf_str(&memories->name),
                       memories->text.data, memories->text.len) == KMS_OK) {
        *kept = (struct kept){.wall_s = result->wall_s, .put_us = now_us, .content = content};
    }
}

struct window_put {
    struct kms_memories *memories;
    const struct kms_target *target;
    struct kms_now now;
};

static void put_window(void *arg, const char *identity, const struct kms_window *window)
{
    const struct window_put *put = arg;
    struct kms_memories *memories = put->memories;
    if (kms_memories_write_window(put->target, identity, window, &put->now, memories->boot,
                                  &memories->name, &memories->text) == KMS_OK) {
        (void)kms_keeper_put(memories->config.keeper, KMS_STORE_WINDOW,
                             kms_buf_str(&memories->name), memories->text.data, memories->text.len);
    }
}

/* A record that nothing in memory is behind would never be written again. */
static void forget_window(void *arg, const struct kms_target *target, const char *identity)
{
    struct kms_memories *memories = arg;
    if (kms_memories_name_window(target, identity, &memories->name) == KMS_OK) {
        (void)kms_keeper_remove(memories->config.keeper, KMS_STORE_WINDOW,
                                kms_buf_str(&memories->name));
    }
}

static void put_windows(struct kms_memories *memories, size_t at, bool at_once)
{
    struct slot *slot = &memories->slot[at];
    int64_t now_us = mono_us(memories);
    bool is_due = at_once || slot->windows_us == 0 || now_us - slot->windows_us >= REST_OLD_US;
    if (!slot->windows_changed || !is_due) {
        return;
    }
    struct window_put put = {.memories = memories,
                             .target = kms_board_snapshot(memories->config.board, at)->target,
                             .now = kms_clock_now(kms_loop_clock(memories->config.loop))};
    kms_board_each_window(memories->config.board, at, false, put_window, &put);
    slot->windows_changed = false;
    slot->windows_us = now_us;
}

static void look_at_window(void *arg, const char *identity, const struct kms_window *window)
{
    struct slot *slot = arg;
    slot->windows_changed = true;
    kms_memories_hours_window(&slot->hours, identity, window);
}

static void forget_slot(const struct kms_memories *memories, struct slot *slot)
{
    kms_memories_hours_leave(&slot->hours, memories->config.keeper);
    kms_memories_hours_done(&slot->hours);
    *slot = (struct slot){0};
}

/* Hosts take their turns a part after the other: all at once are many rows, and with a transaction
 * for every second each of them costs more than its rows. Neighbours on the board are mostly
 * neighbours in the store, so a part touches few of its pages. */
static int64_t shift_of(const struct kms_memories *memories, size_t at)
{
    return (int64_t)(at * PARTS / memories->count) * (KMS_MEMORIES_TURN_S / PARTS);
}

/* at_once: the program ends, or the store is new. */
static void look_at(struct kms_memories *memories, size_t at, int64_t now_s, bool at_once)
{
    const struct kms_snapshot *snapshot = kms_board_snapshot(memories->config.board, at);
    struct slot *slot = &memories->slot[at];
    if (slot->index != snapshot->index) {
        forget_slot(memories, slot);
        slot->index = snapshot->index;
    }
    if (snapshot->retired) {
        return;
    }
    if (slot->serial != snapshot->serial || at_once) {
        slot->serial = snapshot->serial;
        kms_memories_hours_snapshot(&slot->hours, snapshot, now_s, memories->config.keeper);
        kms_board_each_window(memories->config.board, at, true, look_at_window, slot);
        for (size_t i = 0; i < SOURCES; i++) {
            const struct kms_result *good = snapshot->good[sources[i]];
            if (good && snapshot->target->source[sources[i]].enabled) {
                put_result(memories, snapshot, good, &slot->kept[i], at_once);
            }
        }
    }
    put_windows(memories, at, at_once);
    kms_memories_hours_turn(&slot->hours, snapshot, now_s, shift_of(memories, at), at_once,
                            memories->config.keeper);
}

/* ---- rounds ---- */

static bool room(struct kms_memories *memories)
{
    size_t count = kms_board_count(memories->config.board);
    if (count <= memories->count) {
        return true;
    }
    struct slot *slot = realloc(memories->slot, count * sizeof *slot);
    if (!slot) {
        return false; /* the next round tries again */
    }
    memset(slot + memories->count, 0, (count - memories->count) * sizeof *slot);
    memories->slot = slot;
    memories->count = count;
    return true;
}

static int64_t wall_s(const struct kms_memories *memories)
{
    return kms_clock_wall_s(kms_loop_clock(memories->config.loop));
}

static void begin_round(struct kms_memories *memories, int64_t now_s)
{
    memories->running = true;
    memories->again = false;
    memories->at = 0;
    (void)room(memories);
    if (mono_us(memories) - memories->swept_us >= SWEEP_US) {
        memories->sweep = kms_memories_sweep_new(now_s);
    }
}

/* Not without the hosts that came meanwhile. */
static void end_sweep(struct kms_memories *memories)
{
    if (memories->sweep && memories->count >= kms_board_count(memories->config.board)) {
        memories->swept_us = mono_us(memories);
        kms_memories_sweep_begin(memories->sweep, memories->config.keeper);
    } else {
        kms_memories_sweep_free(memories->sweep);
    }
    memories->sweep = NULL;
}

static void end_round(struct kms_memories *memories)
{
    end_sweep(memories);
    memories->running = false;
    kms_timer_set(memories->timer, memories->again ? LOOK_MS : IDLE_MS);
}

static void tell_sweep(const struct kms_memories *memories, size_t at)
{
    const struct kms_snapshot *snapshot = kms_board_snapshot(memories->config.board, at);
    if (memories->sweep && !snapshot->retired) {
        kms_memories_sweep_host(memories->sweep, snapshot->target->name);
    }
}

static void look(void *arg)
{
    struct kms_memories *memories = arg;
    int64_t now_s = wall_s(memories);
    if (!memories->running) {
        begin_round(memories, now_s);
    }
    int64_t until_us = mono_us(memories) + SLICE_US;
    for (size_t i = 0; memories->at < memories->count; i++) {
        if (i > 0 && i % PART == 0 && mono_us(memories) >= until_us) {
            break; /* others want a turn of the loop */
        }
        tell_sweep(memories, memories->at);
        look_at(memories, memories->at++, now_s, false);
    }
    if (memories->at < memories->count) {
        kms_timer_set(memories->timer, PAUSE_MS);
    } else {
        end_round(memories);
    }
}

void kms_memories_poke(struct kms_memories *memories)
{
    if (memories->again) {
        return;
    }
    memories->again = true;
    if (!memories->running) {
        kms_timer_set(memories->timer, LOOK_MS);
    }
}

void kms_memories_refill(struct kms_memories *memories)
{
    (void)room(memories);
    for (size_t i = 0; i < memories->count; i++) {
        struct slot *slot = &memories->slot[i];
        memset(slot->kept, 0, sizeof slot->kept);
        slot->windows_changed = true;
        slot->windows_us = 0;
        slot->serial = 0;
    }
    kms_memories_poke(memories);
}

/* ---- the start ---- */

struct restore {
    struct kms_memories *memories;
    struct kms_memories_host *host; /* by name */
    size_t host_count;
    size_t results, windows, foreign;
    int64_t now_s;
};

static const struct kms_memories_host *host_of(const struct restore *restore, const char *name)
{
    return kms_memories_find_host(restore->host, restore->host_count, name);
}

static void remove_record(const struct restore *restore, enum kms_store_kind kind, const char *name)
{
    (void)kms_keeper_remove(restore->memories->config.keeper, kind, name);
}

/* The host may come back. */
static void keep_foreign(struct restore *restore, enum kms_store_kind kind, const char *name,
                         int64_t wall)
{
    if (kms_memories_is_over(wall, restore->now_s)) {
        remove_record(restore, kind, name);
        restore->foreign++;
    }
}

static void restore_result(void *arg, const char *name, const char *bytes, size_t len)
{
    struct restore *restore = arg;
    struct kms_board *board = restore->memories->config.board;
    const struct kms_memories_host *host = host_of(restore, name);
    struct kms_result result;
    uint64_t place = 0;
    if (kms_memories_read_result(bytes, len, &place, &result) != KMS_OK) {
        remove_record(restore, KMS_STORE_RESULT, name);
        return;
    }
    if (!host) {
        keep_foreign(restore, KMS_STORE_RESULT, name, result.wall_s);
    } else if (place == kms_memories_place(kms_board_snapshot(board, host->slot)->target,
                                           result.source) &&
               kms_board_snapshot(board, host->slot)->target->source[result.source].enabled &&
               kms_board_restore(board, host->slot, &result) == KMS_OK) {
        restore->results++;
    }
    kms_result_done(&result);
}

static void restore_window(void *arg, const char *name, const char *bytes, size_t len)
{
    struct restore *restore = arg;
    struct kms_memories *memories = restore->memories;
    const struct kms_memories_host *host = host_of(restore, name);
    const struct kms_now now = kms_clock_now(kms_loop_clock(memories->config.loop));
    const char *identity = strchr(name, ' ');
    struct kms_window window;
    uint64_t place = 0;
    int64_t wall = 0;
    if (!identity || kms_memories_read_window(bytes, len, &now, memories->boot, &place, &wall,
                                              &window) != KMS_OK) {
        remove_record(restore, KMS_STORE_WINDOW, name);
        return;
    }
    if (!host) {
        keep_foreign(restore, KMS_STORE_WINDOW, name, wall);
    } else if (kms_memories_is_over(wall, restore->now_s)) {
        /* Of a key that the host does not show any more, or as old as no window may be. */
        remove_record(restore, KMS_STORE_WINDOW, name);
    } else if (place == kms_memories_place(
                            kms_board_snapshot(memories->config.board, host->slot)->target, 0) &&
               kms_board_restore_window(memories->config.board, host->slot, identity + 1,
                                        &window) == KMS_OK) {
        restore->windows++;
    }
    kms_window_done(&window);
}

/* Windows first: a result is judged with them. */
static bool restore_all(struct kms_memories *memories)
{
    struct restore restore = {.memories = memories, .now_s = wall_s(memories)};
    if (!kms_memories_list_hosts(memories->config.board, &restore.host, &restore.host_count)) {
        return false;
    }
    kms_keeper_each(memories->config.keeper, KMS_STORE_WINDOW, restore_window, &restore);
    kms_keeper_each(memories->config.keeper, KMS_STORE_RESULT, restore_result, &restore);
    kms_memories_free_hosts(restore.host, restore.host_count);
    if (restore.results + restore.foreign > 0) {
        kms_log_write(
            memories->config.log, KMS_LOG_INFO,
            "start: %zu last results and %zu request windows are known from before, %zu of "
            "hosts long gone were dropped",
            restore.results, restore.windows, restore.foreign);
    }
    return true;
}

/* What came back needs no writing. */
static void mark_kept(struct kms_memories *memories)
{
    (void)room(memories);
    for (size_t i = 0; i < memories->count; i++) {
        const struct kms_snapshot *snapshot = kms_board_snapshot(memories->config.board, i);
        memories->slot[i].index = snapshot->index;
        for (size_t k = 0; k < SOURCES; k++) {
            const struct kms_result *good = snapshot->good[sources[k]];
            memories->slot[i].kept[k].wall_s = good ? good->wall_s : 0;
        }
    }
}

struct kms_memories *kms_memories_open(const struct kms_memories_config *config)
{
    struct kms_memories *memories = calloc(1, sizeof *memories);
    if (!memories) {
        return NULL;
    }
    memories->config = *config;
    kms_clock_boot(memories->boot);
    kms_buf_init(&memories->text, KMS_STORE_BYTES_MAX);
    kms_buf_init(&memories->name, KMS_STORE_NAME_MAX);
    memories->timer = kms_timer_new(config->loop, look, memories);
    kms_board_watch_forgotten(config->board, forget_window, memories);
    if (!memories->timer || !restore_all(memories)) {
        kms_board_watch_forgotten(config->board, NULL, NULL);
        if (memories->timer) {
            kms_timer_free(memories->timer);
        }
        kms_buf_done(&memories->text);
        kms_buf_done(&memories->name);
        free(memories);
        return NULL;
    }
    mark_kept(memories);
    memories->swept_us = mono_us(memories);
    end_round(memories);
    return memories;
}

void kms_memories_close(struct kms_memories *memories)
{
    if (!memories) {
        return;
    }
    int64_t now_s = wall_s(memories);
    (void)room(memories);
    for (size_t i = 0; i < memories->count; i++) {
        look_at(memories, i, now_s, true);
        forget_slot(memories, &memories->slot[i]);
    }
    kms_memories_sweep_free(memories->sweep);
    kms_board_watch_forgotten(memories->config.board, NULL, NULL);
    kms_timer_free(memories->timer);
    kms_buf_done(&memories->text);
    kms_buf_done(&memories->name);
    free(memories->slot);
    free(memories);
}
