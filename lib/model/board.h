/* The latest judged snapshot of every host; publishing a result is the only way anything changes.
 */
#ifndef KMS_MODEL_BOARD_H
#define KMS_MODEL_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "model/judge.h"

struct kms_tally {
    uint32_t attempts, failures, consecutive_failures;
    int64_t last_attempt_s, last_success_s; /* wall clock, 0: never */
};

/* One host at one moment. Const once published; valid until the next publish or tick of the same
 * slot. */
struct kms_snapshot {
    const struct kms_target *target; /* owned by the board */
    uint32_t index;                  /* stable number in the MIB; 0: retired */
    bool retired;                    /* no host any more: nothing is in it, no row shows it */
    uint64_t serial; /* grows with every publish and every re-judgement that changed something */
    const struct kms_tally *tally; /* by enum kms_source; the board's, and as new as that */
    const struct kms_result *last[KMS_SOURCE_MAX + 1]; /* NULL: not tried */
    const struct kms_result *good[KMS_SOURCE_MAX + 1];
    struct kms_judgement judgement;
    int64_t apart_us; /* of the clocks, by which the times above are named; see kms_snapshot_now_s
                       */
};

/* Now, as the times of the snapshot are named, for their ages: what this process was told grows
 * older by the steady clock, whoever set the wall clock meanwhile. mono_us: of the steady clock.
 * The next publish or tick names all times anew by the wall clock, but those that were not ours to
 * give: the data of a report, and what an earlier process kept. */
int64_t kms_snapshot_now_s(const struct kms_snapshot *snapshot, int64_t mono_us);

/* What a publish changed, for the log and for notifications. */
struct kms_change {
    enum kms_outcome was_outcome, is_outcome;
    enum kms_state was_state, is_state;
    uint32_t consecutive_failures;
    bool shape; /* keys or classes came or went: tables must be laid out again */
};

/* Gives a key its stable number; called once for each key identity that a slot has not shown
 * before. 0: the host has shown so many that this one gets none; it is shown under a number of the
 * names "more:1", "more:2" and so on then, which keys without one share, one at a time. */
typedef uint32_t kms_key_index_fn(void *arg, const char *host, const char *identity);

struct kms_board;

/* clock must live as long as the board. NULL when memory ran out. */
struct kms_board *kms_board_new(const struct kms_policy *policy, const struct kms_clock *clock,
                                kms_key_index_fn *key_index, void *arg);
void kms_board_free(struct kms_board *board);

/* Adds a host (the target is copied) under a stable index above 0; ret_slot numbers the slots from
 * 0. May be called at any time: targets keep their place in memory until they are retired or
 * replaced. The slot of a retired host is taken again. */
enum kms_status kms_board_add(struct kms_board *board, const struct kms_target *target,
                              uint32_t index, size_t *ret_slot);
/* Takes a host off the board. Nothing may be running for it, and its target is gone. KMS_ENOMEM
 * changes nothing. */
enum kms_status kms_board_retire(struct kms_board *board, size_t slot);
/* Another target for the same host, as a reload gives it; it is copied. Index, tallies, results and
 * memories stay, but for the sources of elsewhere (KMS_BIT mask), which told of another place: they
 * were never tried. ret_was is the target before, the caller's to free (kms_target_done, free) once
 * nothing that runs uses it. KMS_ENOMEM changes nothing. */
enum kms_status kms_board_retarget(struct kms_board *board, size_t slot,
                                   const struct kms_target *target, uint32_t elsewhere,
                                   struct kms_target **ret_was, struct kms_change *ret_change);
/* Judges by other numbers from now on: each host at its next publish or tick. */
void kms_board_set_policy(struct kms_board *board, const struct kms_policy *policy);
/* Grows whenever a slot is retired, taken again or has another target: what was known of it by its
 * number is void. */
uint64_t kms_board_turnover(const struct kms_board *board);
/* Slots, retired ones too. */
size_t kms_board_count(const struct kms_board *board);
/* Never NULL for a slot below kms_board_count. */
const struct kms_snapshot *kms_board_snapshot(const struct kms_board *board, size_t slot);

/* Copies the result, tallies, judges and swaps the snapshot in. */
enum kms_status kms_board_publish(struct kms_board *board, size_t slot,
                                  const struct kms_result *result, struct kms_change *ret_change);
/* Calls published at the end of every kms_board_publish that swapped a snapshot in: one call for
 * each poll. The board must not be changed from there. NULL: nobody asks any more. */
typedef void kms_board_published_fn(void *arg, size_t slot, enum kms_source source);
void kms_board_watch(struct kms_board *board, kms_board_published_fn *published, void *arg);

/* The last good result of a source that an earlier process kept: shown and judged with its age, no
 * attempt is counted. KMS_EINVAL: it is none, of a time that lies ahead, or the source has told
 * something since. KMS_ENOMEM changes nothing. */
enum kms_status kms_board_restore(struct kms_board *board, size_t slot,
                                  const struct kms_result *result);
/* Judges a slot again because time went by (data goes stale without any publish). */
enum kms_status kms_board_tick(struct kms_board *board, size_t slot, struct kms_change *ret_change);

/* Calls for the request window of each key of a slot; with changed_only for those that changed
 * since they were last called for. For the store: write it with kms_window_write. */
typedef void kms_board_window_fn(void *arg, const char *identity, const struct kms_window *window);
void kms_board_each_window(struct kms_board *board, size_t slot, bool changed_only,
                           kms_board_window_fn *each, void *arg);
/* Calls forgotten for a key of a host that another key took the place of: the board remembers so
 * many of each slot and no more. From inside of any call that publishes, judges or restores; the
 * board must not be changed from there. NULL: nobody asks any more. */
typedef void kms_board_forgotten_fn(void *arg, const struct kms_target *target,
                                    const char *identity);
void kms_board_watch_forgotten(struct kms_board *board, kms_board_forgotten_fn *forgotten,
                               void *arg);
/* The request window of a key that a slot shows, for whoever looks on; NULL: it has none. */
const struct kms_window *kms_board_window(const struct kms_board *board, size_t slot,
                                          const char *identity);
/* The window of a key as an earlier process kept it (kms_window_read), before the first poll. The
 * board takes its samples over, window is empty afterwards. KMS_ENOMEM changes nothing. */
enum kms_status kms_board_restore_window(struct kms_board *board, size_t slot, const char *identity,
                                         struct kms_window *window);

/* Grows whenever a table's set of rows may have changed. */
uint64_t kms_board_shape(const struct kms_board *board);

/* Polls of hosts that are retired count on: a counter does not run back. */
struct kms_board_totals {
    uint32_t hosts, by_state[5]; /* by enum kms_state; [0] unused */
    uint64_t attempts, failures;
    enum kms_state overall; /* worst; UNKNOWN without any host */
};
struct kms_board_totals kms_board_totals(const struct kms_board *board);

#endif
