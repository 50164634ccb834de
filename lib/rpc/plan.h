/* Whether a host may be asked now, for what, and what to remember of the answer: pure decisions.
 *
 *   kms_memory_lock, kms_memory_load
 *   step = kms_plan_next(&memory, &about, now)    save when step.save; LATER: show the memory, end
 *   again: kms_plan_begin(&memory, &step, now)    save; when that fails, do not send
 *          kms_plan_ask -> one request, one answer
 *          kms_plan_after(&memory, ..., &step)    save; true: again, with the new step
 *   kms_memory_result, kms_memory_close
 */
#ifndef KMS_RPC_PLAN_H
#define KMS_RPC_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "rpc/ask.h"
#include "rpc/memory.h"
#include "rpc/reply.h"

struct kms_product;

#define KMS_PLAN_INTERVAL_MIN_S INT64_C(900) /* whatever is configured */
#define KMS_PLAN_INTERVAL_S     INT64_C(1800)
#define KMS_PLAN_INTERVAL_MAX_S INT64_C(86400)
/* When the host's key serves nothing that could be asked for, nobody would see that it changed: the
 * first choice is asked for again after this long. */
#define KMS_PLAN_REFUSED_S INT64_C(604800)
/* A version that the host did not know is asked for again after this long, or when its key changes:
 * it may have been upgraded. */
#define KMS_PLAN_CEILING_S INT64_C(604800)
/* An ePID that changes again within this time is no key that was replaced. */
#define KMS_PLAN_EPID_CHANGE_S INT64_C(86400)

/* How long another application of the host may go first. */
#define KMS_PLAN_YIELD_S INT64_C(60)

/* License status 1 keeps the monitor out of the host's statistics of unlicensed clients and of
 * those in grace, which other checks judge; 180 days is what a client has left that was just
 * activated. */
#define KMS_PLAN_LICENSE_STATUS  1
#define KMS_PLAN_EXPIRES_MINUTES 259200

/* What is known of the host beside the memory. */
struct kms_plan_about {
    const struct kms_product *configured; /* NULL: not configured */
    const char *key_name; /* of the host's key as WS-Man or a report tells it (KEY_GROUP); NULL */
    const char *epid;     /* of that key, from there too; NULL */
    int64_t interval_s;
    int64_t up_s; /* now, on the clock that nobody sets; 0: not known */
};

enum kms_plan_kind { KMS_PLAN_LATER, KMS_PLAN_ASK };

struct kms_step {
    enum kms_plan_kind kind;
    bool save;                         /* the memory was changed */
    int64_t when_s;                    /* LATER: when the next request may go out */
    char why[160];                     /* LATER: one line for people */
    const struct kms_product *product; /* ASK; asked for in its own protocol version */
    const struct kms_product *refused; /* the configured one, which the key does not serve: product
                                          stands for it; else NULL */
    bool back;                         /* one protocol version back, in the same poll */
    int64_t up_s;                      /* that of struct kms_plan_about */
    int64_t asked_before_s;            /* kept by kms_plan_begin */
    int64_t asked_before_up_s;         /* kept by kms_plan_begin */
};

/* The product is the configured one, else that of the host's key as another source names it, else
 * the generation that the last ePID tells, else what every host of the application serves. One
 * whose counted id was refused is left out until the key changes. */
struct kms_step kms_plan_next(struct kms_memory *memory, const struct kms_plan_about *about,
                              int64_t now_s);
/* A request is about to go out: what must be on the disk before it does. */
void kms_plan_begin(struct kms_memory *memory, struct kms_step *step, int64_t now_s);
/* It goes out now, which may be long after: the interval is from here. */
void kms_plan_sent(struct kms_memory *memory, int64_t now_s, int64_t up_s);

/* Everything a request needs but its IV, which stays zero. now_us: wall clock. */
void kms_plan_ask(const struct kms_step *step, const struct kms_guid *cmid, const char *workstation,
                  int64_t now_us, struct kms_ask *ret);

/* What came of it. */
struct kms_plan_answer {
    bool sent; /* the request may have reached the host; false gives its turn back */
    enum kms_outcome outcome;
    uint32_t hresult; /* ACTIVATION_REFUSED and what was made of it */
    const char *detail;
    const struct kms_reply *reply; /* outcome OK */
    uint32_t hints;                /* kept with the answer */
};

/* Remembers it; save afterwards. True: one more request is due in this poll, the one in *step: one
 * protocol version back after 0x8007000D, at most once. */
bool kms_plan_after(struct kms_memory *memory, const struct kms_plan_about *about,
                    struct kms_step *step, const struct kms_plan_answer *answer, int64_t now_s);

#endif
