/* What the daemon remembers over restarts: small records by kind and name, put on the loop and
 * written by a worker's thread, in one transaction for many. */
#ifndef KMS_AGENT_KEEPER_H
#define KMS_AGENT_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/keeper_past.h"
#include "agent/keeper_sweep.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/status.h"
#include "probe/worker.h"
#include "store/history.h"
#include "store/store.h"
#include "vocab/vocab.h"

struct kms_keeper;

/* What the store could not do, for the MIB, the log and 'kmsmon status'. Times are of the wall
 * clock; 0: never. */
struct kms_keeper_view {
    enum kms_store_state state;
    char trouble[190];  /* why it is not ok; "" */
    const char *advice; /* the next step; "" */
    int64_t written_s;  /* the last write */
    uint64_t waiting;   /* records that are not on the disk */
    uint32_t rebuilt;   /* stores that were set aside since the start */
    int64_t rebuilt_s;  /* the last of them */
};

struct kms_keeper_config {
    struct kms_loop *loop;
    struct kms_worker *worker;
    const struct kms_log *log;
    const char *path;   /* of the store */
    int64_t size_max;   /* bytes; history gives way first */
    int64_t history_ms; /* how long hours are kept */
    /* A new, empty store stands where the old one was: put everything again that is worth keeping.
     * Called on the loop. */
    void (*refill)(void *arg);
    void *arg;
};

/* Opens the store, or sets a corrupt one aside (PATH.corrupt-N), keeps what of it can still be
 * read, says so and goes on with a new one. May block: for the start of the program, before the
 * loop runs. NULL: out of memory; whatever is wrong with the disk, the keeper works, in memory at
 * worst, and tries again. config is copied, what it points to must live until kms_keeper_close. */
struct kms_keeper *kms_keeper_open(const struct kms_keeper_config *config);

/* Calls for every record of the kind that was there at the start, in the order of names. Before the
 * loop runs only. */
typedef void kms_keeper_row_fn(void *arg, const char *name, const char *bytes, size_t len);
void kms_keeper_each(struct kms_keeper *keeper, enum kms_store_kind kind, kms_keeper_row_fn *row,
                     void *arg);

/* Puts a record in the place of the one of this kind and name, or removes it; copied. Soon on the
 * disk: many become one transaction, at most one a second unless somebody waits (kms_keeper_flush).
 * Until then the newest is what counts. Never blocks. KMS_ENOMEM: the one before stays. */
enum kms_status kms_keeper_put(struct kms_keeper *keeper, enum kms_store_kind kind,
                               const char *name, const void *bytes, size_t len);
enum kms_status kms_keeper_remove(struct kms_keeper *keeper, enum kms_store_kind kind,
                                  const char *name);
/* The values of one hour of one series. The same hour again is joined with it: the smallest, the
 * largest and the latest count, and the requests of both, so that a restart within an hour, or a
 * clock that is set back, loses nothing. KMS_EINVAL: of a clock that was never set. KMS_ETOOBIG:
 * too many wait. */
enum kms_status kms_keeper_put_hour(struct kms_keeper *keeper, const struct kms_history_hour *hour);

/* Calls done once on the loop when all that was put so far is on the disk (KMS_OK), or when the
 * store cannot take it for now (any other status: it stays waiting). Never from inside this call.
 * NULL ticket: out of memory. */
struct kms_keeper_ticket;
typedef void kms_keeper_done_fn(void *arg, enum kms_status status);
struct kms_keeper_ticket *kms_keeper_flush(struct kms_keeper *keeper, kms_keeper_done_fn *done,
                                           void *arg);
/* done is not called any more. */
void kms_keeper_forget(struct kms_keeper_ticket *ticket);

/* Reads the hours of all series of a host, oldest first; done gets them once on the loop, and they
 * are gone when it returns. */
typedef void kms_keeper_hours_fn(void *arg, enum kms_status status,
                                 const struct kms_history_hour *hour, size_t count);
struct kms_keeper_ticket *kms_keeper_hours(struct kms_keeper *keeper, const char *host,
                                           int64_t from_s, int64_t to_s, kms_keeper_hours_fn *done,
                                           void *arg);

/* The same for a host that nobody watches any more: found by its name, and of the span that ends
 * with its last hour. past says which host it is, or which ones it might be. */
typedef void kms_keeper_past_fn(void *arg, enum kms_status status,
                                const struct kms_keeper_past *past,
                                const struct kms_history_hour *hour, size_t count);
struct kms_keeper_ticket *kms_keeper_past_hours(struct kms_keeper *keeper, const char *name,
                                                int64_t span_s, kms_keeper_past_fn *done,
                                                void *arg);

/* Removes results and windows that are over, on the keeper's thread; a store that cannot be written
 * is swept when it can. The broom is the keeper's from now on; one that waits still makes way. */
void kms_keeper_sweep(struct kms_keeper *keeper, const struct kms_keeper_broom *broom);

/* What is known, without a look at the disk: never blocks. */
struct kms_keeper_view kms_keeper_view(const struct kms_keeper *keeper);
/* What a failure of the store makes of it, and the next step of each state. */
enum kms_store_state kms_keeper_state_of(enum kms_status status);
const char *kms_keeper_advice(enum kms_store_state state);

/* Waits for a write that runs, at most grace_ms, and calls refill no more: those who put may go,
 * one after the other. A store that turns out to be damaged from now on has what was salvaged and
 * what is put still. NULL is fine. */
void kms_keeper_settle(struct kms_keeper *keeper, int64_t grace_ms);

/* Waits for a write that runs, at most grace_ms, then writes what is left on this thread. NULL is
 * fine. */
void kms_keeper_close(struct kms_keeper *keeper, int64_t grace_ms);

#endif
