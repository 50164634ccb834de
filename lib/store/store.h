/* The store: one SQLite file in WAL mode with small records by kind and name, and the hours of
 * history. One thread at a time; every call may block. */
#ifndef KMS_STORE_STORE_H
#define KMS_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "store/history.h"

/* What a record is about. Numbers are in the file and never change. */
enum kms_store_kind {
    KMS_STORE_NUMBER = 1, /* name: "SPACE NAME" of lib/store/index.h; bytes: the number */
    KMS_STORE_RESULT, /* "HOST SOURCE": the last good result, as model/result_text.h writes it */
    KMS_STORE_WINDOW, /* "HOST KEY-IDENTITY": the request window, discontinuity included */
    KMS_STORE_ALARM,  /* number of the alarm: its state, as agent/alarms.c writes it */
    KMS_STORE_NOTICE, /* number: a notification that nobody has confirmed yet */
    KMS_STORE_META    /* "alarm-next" and its kin: single values */
};
#define KMS_STORE_KIND_MAX KMS_STORE_META

#define KMS_STORE_NAME_MAX  1024
#define KMS_STORE_BYTES_MAX ((size_t)1 << 20)

struct kms_store;

/* What goes wrong here, always with the path and the reason in the fault:
 *   KMS_ESYNTAX  the file is damaged or not ours: to be set aside
 *   KMS_EINVAL   it is of a newer release: to be left alone
 *   KMS_EFULL    the disk is full: try again later
 *   KMS_EDENIED  it may not be written to: try again later
 *   KMS_EIO      the disk fails, or the folder is gone: try again later
 *   KMS_EBUSY    another process holds it, which the fault names where it can: try again later
 *   KMS_ENOMEM   out of memory */

/* Opens the file, or makes it with mode 0640. The process that has it open has it for itself, and
 * no memory of it is shared: bytes that others change under it are an error here, never a signal.
 * The records are all read once, since each carries a sum over its bytes; the hours of history are
 * not. */
enum kms_status kms_store_open(const char *path, struct kms_store **ret, struct kms_fault *fault);
/* The same to read from only, what can be read, newer releases' files too; not checked. */
enum kms_status kms_store_open_to_read(const char *path, struct kms_store **ret,
                                       struct kms_fault *fault);
/* NULL is fine. */
void kms_store_close(struct kms_store *store);
/* Closes it without another write to it: what stands there is not ours any more. */
void kms_store_drop(struct kms_store *store);

/* True when somebody else wrote, removed or replaced the file since our last call: drop and open
 * it, and put again what is in memory. */
bool kms_store_is_touched(const struct kms_store *store);

/* One transaction; on the disk when commit says KMS_OK. After any failure nothing of it is there.
 */
enum kms_status kms_store_begin(struct kms_store *store, struct kms_fault *fault);
enum kms_status kms_store_put(struct kms_store *store, enum kms_store_kind kind, const char *name,
                              const void *bytes, size_t len, struct kms_fault *fault);
enum kms_status kms_store_remove(struct kms_store *store, enum kms_store_kind kind,
                                 const char *name, struct kms_fault *fault);
/* Every record of the kind. */
enum kms_status kms_store_wipe(struct kms_store *store, enum kms_store_kind kind,
                               struct kms_fault *fault);
/* The same hour again is joined with what is there: the smallest, the largest and the latest count,
 * and the requests of both. Hosts whose names differ in case alone are one, here and below. */
enum kms_status kms_store_put_hour(struct kms_store *store, const struct kms_history_hour *hour,
                                   struct kms_fault *fault);
enum kms_status kms_store_commit(struct kms_store *store, struct kms_fault *fault);
void kms_store_rollback(struct kms_store *store);

/* In the order of names, bytewise. A record whose sum is wrong ends it with KMS_ESYNTAX. */
typedef void kms_store_row_fn(void *arg, const char *name, const char *bytes, size_t len);
enum kms_status kms_store_each(struct kms_store *store, enum kms_store_kind kind,
                               kms_store_row_fn *row, void *arg, struct kms_fault *fault);

/* Hours of all series of the host with from_s <= hour_s < to_s, oldest first. NULL host: of all. */
typedef enum kms_status kms_store_hour_fn(void *arg, const struct kms_history_hour *hour);
enum kms_status kms_store_hours(struct kms_store *store, const char *host, int64_t from_s,
                                int64_t to_s, kms_store_hour_fn *each, void *arg,
                                struct kms_fault *fault);

/* Hosts that hours are kept of, or were until lately, in lower case, in the order of names,
 * bytewise. */
typedef enum kms_status kms_store_host_fn(void *arg, const char *host);
enum kms_status kms_store_hosts(struct kms_store *store, kms_store_host_fn *each, void *arg,
                                struct kms_fault *fault);
/* The newest hour of the host; INT64_MIN: none is kept. */
enum kms_status kms_store_last_hour(struct kms_store *store, const char *host, int64_t *ret_hour_s,
                                    struct kms_fault *fault);

/* How much of history is kept. A clock that was set wrong must not cost all of it, so by age only
 * hours_max of hours are given away in one go, however many are too old. */
struct kms_store_limits {
    int64_t oldest_s; /* older ones go */
    int64_t future_s; /* those from then on were written under a clock that was wrong: they go */
    uint32_t hours_max;
    int64_t size_max; /* bytes of the file: the oldest ones go until it fits */
};
/* One bounded transaction. ret_more: the file is too large still. Names of which no hour is left go
 * a few at a time, while hours_max is not 0. */
enum kms_status kms_store_trim(struct kms_store *store, const struct kms_store_limits *limits,
                               bool *ret_more, struct kms_fault *fault);
/* Bytes of the file that are in use. */
int64_t kms_store_size(struct kms_store *store);

/* Renames the file and what belongs to it to PATH.corrupt-N, N from 1 to KMS_STORE_ASIDE_MAX; the
 * oldest gives way. ret is the new path. */
#define KMS_STORE_ASIDE_MAX 3
enum kms_status kms_store_set_aside(const char *path, char *ret, size_t size,
                                    struct kms_fault *fault);

/* What could be taken over from a damaged file. */
struct kms_store_salvage {
    uint64_t record[KMS_STORE_KIND_MAX + 1];
    uint64_t hours;
};
/* Copies into store, in transactions of its own, what the file at path still tells: records whose
 * sums are right; numbers also from pages that nothing leads to any more. Damage of the file is no
 * failure. */
enum kms_status kms_store_salvage_records(struct kms_store *store, const char *path,
                                          struct kms_store_salvage *ret, struct kms_fault *fault);
/* Makes a store beside the damaged one with all records that can be salvaged, sets the damaged one
 * aside, and puts the new one in its place. Whenever the process is killed meanwhile, the next one
 * finds one of the two: kms_store_open takes the new one where the old one is gone. Neither is to
 * be open. On failure the damaged one is where it was. */
enum kms_status kms_store_rebuild(const char *path, char *ret_aside, size_t size,
                                  struct kms_store_salvage *ret, struct kms_fault *fault);
/* The hours from *at_s on, a bounded number of them at a time; *at_s moves on, INT64_MAX: done.
 * Hours that the store has are left as they are. */
enum kms_status kms_store_salvage_hours(struct kms_store *store, const char *path, int64_t *at_s,
                                        struct kms_store_salvage *ret, struct kms_fault *fault);

#endif
