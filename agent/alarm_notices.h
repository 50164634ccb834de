/* Notifications on their way: within the limit of a minute, on the disk before they are told, and
 * told until somebody confirms. */
#ifndef KMS_AGENT_ALARM_NOTICES_H
#define KMS_AGENT_ALARM_NOTICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/keeper.h"
#include "base/log.h"
#include "base/loop.h"
#include "model/alarm.h"

/* That nobody has confirmed; beyond them raises are suppressed. */
#define KMS_ALARM_NOTICES_MAX    4096
#define KMS_ALARM_PER_MINUTE_MAX 10000
#define KMS_ALARM_PATIENCE_US    INT64_C(30000000)

/* Where it is kept: the keeper, or a test. As agent/keeper.h has it. */
struct kms_alarm_memory {
    void *arg;
    void (*each)(void *arg, enum kms_store_kind kind, kms_keeper_row_fn *row, void *row_arg);
    enum kms_status (*put)(void *arg, enum kms_store_kind kind, const char *name, const void *bytes,
                           size_t len);
    enum kms_status (*remove)(void *arg, enum kms_store_kind kind, const char *name);
    struct kms_keeper_ticket *(*flush)(void *arg, kms_keeper_done_fn *done, void *done_arg);
    void (*forget)(struct kms_keeper_ticket *ticket);
    int64_t patience_us; /* a flush may take that long by the loop's clock; 0: half a minute */
};

/* Who tells: agent/notify.h, or a test. Numbers of notices are never used twice. */
struct kms_alarm_teller {
    void *arg;
    /* Never confirms from inside. KMS_EINVAL: there is no such notification, and it is given up;
     * any other failure: it is handed over again. */
    enum kms_status (*send)(void *arg, uint64_t notice, const struct kms_alarm_news *news);
};

struct kms_alarm_counts {
    uint64_t sent;       /* notices that were confirmed as taken, since the start */
    uint64_t suppressed; /* by the limit */
    size_t waiting;      /* not confirmed yet */
};

struct kms_alarm_notices;

/* memory and log must live as long as the notices; its functions may be NULL: nothing is kept.
 * NULL: out of memory. */
struct kms_alarm_notices *kms_alarm_notices_new(struct kms_loop *loop, const struct kms_log *log,
                                                const struct kms_alarm_memory *memory,
                                                uint32_t per_minute);
void kms_alarm_notices_free(struct kms_alarm_notices *notices);

/* Takes in a notice of an earlier process. KMS_ESYNTAX: it is none. */
enum kms_status kms_alarm_notices_restore(struct kms_alarm_notices *notices, const char *name,
                                          const char *bytes, size_t len, struct kms_fault *fault);
/* Puts all into the memory again, which is empty. */
void kms_alarm_notices_refill(struct kms_alarm_notices *notices);

/* Whether one more raise may be told now; counts it as suppressed when not. */
bool kms_alarm_notices_admit(struct kms_alarm_notices *notices);
/* Counts one that is not told because its raise was not. */
void kms_alarm_notices_pass_over(struct kms_alarm_notices *notices);
/* Queues what may be told; a clear that is beyond the limit waits for its turn. KMS_ENOMEM: it is
 * lost. */
enum kms_status kms_alarm_notices_add(struct kms_alarm_notices *notices,
                                      const struct kms_alarm_news *news);
/* Everything that was put is to be on the disk; then what was added is told, after half a minute
 * all the same. To be called once for many. */
void kms_alarm_notices_flush(struct kms_alarm_notices *notices);

/* Who tells from now on: all that is not confirmed is handed over, in order. NULL: nobody; what the
 * one before was told may still be confirmed. */
void kms_alarm_notices_set_teller(struct kms_alarm_notices *notices,
                                  const struct kms_alarm_teller *teller);
void kms_alarm_notices_confirmed(struct kms_alarm_notices *notices, uint64_t notice, bool taken);

enum kms_status kms_alarm_notices_set_limit(struct kms_alarm_notices *notices, uint32_t per_minute);
struct kms_alarm_counts kms_alarm_notices_counts(const struct kms_alarm_notices *notices);

#endif
