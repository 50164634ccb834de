/* The queue of notifications: admitted, kept, handed over, confirmed. */
#include "agent/alarm_notices.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"

#define MINUTE_US INT64_C(60000000)
#define RETRY_MS  1000 /* when the teller had no room */
#define NAME_SIZE 32

/* The states in their order. */
enum notice_state {
    NOTICE_LIMITED, /* a clear beyond the limit of this minute */
    NOTICE_NEW,     /* not on the disk for all that is known */
    NOTICE_WRITING, /* will be with the flush that runs */
    NOTICE_KEPT,    /* to be handed over */
    NOTICE_HANDED   /* and not confirmed yet */
};

struct notice {
    struct notice *next;
    uint64_t number;
    enum notice_state state;
    struct kms_alarm_news news;
};

struct kms_alarm_notices {
    const struct kms_log *log;
    const struct kms_clock *clock;
    const struct kms_alarm_memory *memory;
    struct kms_alarm_teller teller; /* send NULL: nobody tells */
    struct notice *first, **last;
    size_t count;
    size_t limited;   /* of them wait for their turn */
    int64_t *told_us; /* when the last of a minute were admitted: a ring, the oldest at told_at */
    uint32_t per_minute, told_at;
    struct kms_timer *turn;  /* the oldest admission is a minute old */
    struct kms_timer *retry; /* the teller had no room */
    struct kms_timer *hang;  /* the flush takes too long */
    int64_t flush_us;        /* when it began */
    uint64_t sent, suppressed;
    uint64_t burst;                   /* suppressed since the limit was met; 0: it is not */
    struct kms_keeper_ticket *ticket; /* of the flush that runs; NULL: none */
    bool is_dirty;                    /* something was put since it began */
    bool is_stuck;                    /* the teller had no room for more */
    bool is_unkept;                   /* it was logged that the store cannot write */
};

/* Raise and clear of an alarm: no alarm is raised or cleared twice. */
static uint64_t number_of(const struct kms_alarm_news *news)
{
    return (uint64_t)news->alarm.index * 2 + (news->cleared ? 1 : 0);
}

/* By name they are in the order of their numbers. */
static void name_of(uint64_t number, char dst[NAME_SIZE])
{
    kms_text_format(dst, NAME_SIZE, "%010" PRIu64, number);
}

/* ---- the limit of a minute ---- */

static int64_t now_us(const struct kms_alarm_notices *n)
{
    return kms_clock_mono_us(n->clock);
}

/* 0: now. */
static int64_t wait_us(const struct kms_alarm_notices *n)
{
    int64_t oldest_us = n->told_us[n->told_at];
    int64_t left_us = oldest_us == 0 ? 0 : oldest_us + MINUTE_US - now_us(n);
    return left_us > 0 ? left_us : 0;
}

static void count_told(struct kms_alarm_notices *n)
{
    int64_t at_us = now_us(n);
    n->told_us[n->told_at] = at_us > 0 ? at_us : 1;
    n->told_at = (n->told_at + 1) % n->per_minute;
}

static bool is_full(const struct kms_alarm_notices *n)
{
    return n->count >= KMS_ALARM_NOTICES_MAX;
}

static void plan_turn(struct kms_alarm_notices *n)
{
    int64_t left_us = is_full(n) && n->limited == 0 ? MINUTE_US : wait_us(n);
    kms_timer_set(n->turn, left_us / 1000 + 1);
}

static void suppress(struct kms_alarm_notices *n)
{
    n->suppressed++;
    if (n->burst++ == 0) {
        plan_turn(n);
    }
}

bool kms_alarm_notices_admit(struct kms_alarm_notices *n)
{
    if (n->limited > 0 || is_full(n) || wait_us(n) > 0) {
        suppress(n);
        return false;
    }
    count_told(n);
    return true;
}

void kms_alarm_notices_pass_over(struct kms_alarm_notices *n)
{
    n->suppressed++;
    n->burst += n->burst > 0 ? 1 : 0;
}

/* ---- handing over ---- */

static void discard(struct kms_alarm_notices *n, struct notice **at)
{
    struct notice *notice = *at;
    *at = notice->next;
    if (n->last == &notice->next) {
        n->last = at;
    }
    n->count--;
    n->limited -= notice->state == NOTICE_LIMITED ? 1 : 0;
    free(notice);
}

/* Confirmed, or such that nobody will ever take it. */
static void end_notice(struct kms_alarm_notices *n, struct notice **at)
{
    char name[NAME_SIZE];
    name_of((*at)->number, name);
    discard(n, at);
    if (n->memory->remove) {
        (void)n->memory->remove(n->memory->arg, KMS_STORE_NOTICE, name);
    }
}

static void hand_over(struct kms_alarm_notices *n)
{
    n->is_stuck = false;
    for (struct notice **at = &n->first; *at && n->teller.send;) {
        struct notice *notice = *at;
        enum kms_status status = notice->state == NOTICE_KEPT
                                     ? n->teller.send(n->teller.arg, notice->number, &notice->news)
                                     : KMS_OK;
        if (status == KMS_EINVAL) { /* there is no such notification */
            end_notice(n, at);
            continue;
        }
        if (status != KMS_OK) { /* those behind it must not overtake it */
            n->is_stuck = true;
            kms_timer_set(n->retry, RETRY_MS);
            return;
        }
        notice->state = notice->state == NOTICE_KEPT ? NOTICE_HANDED : notice->state;
        at = &notice->next;
    }
}

static void retry_due(void *arg)
{
    hand_over(arg);
}

/* With a store that does not come back. */
static int64_t patience_us(const struct kms_alarm_notices *n)
{
    return n->memory->patience_us > 0 ? n->memory->patience_us : KMS_ALARM_PATIENCE_US;
}

static void flush(struct kms_alarm_notices *n);

/* What cannot be kept is told all the same: an alarm that may come twice is better than none. */
static void flushed(void *arg, enum kms_status status)
{
    struct kms_alarm_notices *n = arg;
    n->ticket = NULL;
    if (status != KMS_OK && !n->is_unkept) {
        kms_log_write(
            n->log, KMS_LOG_WARNING,
            "alarms: the store cannot keep them (%s): they are told all the same, and may "
            "be told again after a restart",
            kms_status_text(status));
    }
    n->is_unkept = status != KMS_OK;
    for (struct notice *notice = n->first; notice; notice = notice->next) {
        notice->state = notice->state == NOTICE_WRITING ? NOTICE_KEPT : notice->state;
    }
    if (n->is_dirty) {
        flush(n);
    }
    hand_over(n);
}

/* A disk that hangs fails no write and ends none: it must not keep what is wrong from those who
 * are to know, and least of all that. */
static void flush_hangs(void *arg)
{
    struct kms_alarm_notices *n = arg;
    int64_t left_us = n->flush_us + patience_us(n) - now_us(n);
    if (!n->ticket) {
        return;
    }
    if (left_us > 0) {
        kms_timer_set(n->hang, left_us / 1000 + 1);
        return;
    }
    n->memory->forget(n->ticket);
    flushed(n, KMS_EBUSY);
}

static void flush(struct kms_alarm_notices *n)
{
    if (n->ticket) {
        n->is_dirty = true;
        return;
    }
    n->is_dirty = false;
    for (struct notice *notice = n->first; notice; notice = notice->next) {
        notice->state = notice->state == NOTICE_NEW ? NOTICE_WRITING : notice->state;
    }
    if (n->memory->flush) {
        n->ticket = n->memory->flush(n->memory->arg, flushed, n);
    }
    if (n->ticket) {
        n->flush_us = now_us(n);
        kms_timer_set(n->hang, patience_us(n) / 1000);
    } else {
        flushed(n, n->memory->flush ? KMS_ENOMEM : KMS_OK);
    }
}

void kms_alarm_notices_flush(struct kms_alarm_notices *n)
{
    flush(n);
}

/* ---- coming and going ---- */

static struct notice *append(struct kms_alarm_notices *n, const struct kms_alarm_news *news,
                             enum notice_state state)
{
    struct notice *notice = malloc(sizeof *notice);
    if (!notice) {
        return NULL;
    }
    *notice = (struct notice){.number = number_of(news), .state = state, .news = *news};
    *n->last = notice;
    n->last = &notice->next;
    n->count++;
    return notice;
}

static enum kms_status keep(const struct kms_alarm_notices *n, const struct notice *notice)
{
    if (!n->memory->put) {
        return KMS_OK;
    }
    struct kms_buf buf;
    kms_buf_init(&buf, KMS_ALARM_RECORD_SIZE);
    char name[NAME_SIZE];
    name_of(notice->number, name);
    enum kms_status status = kms_alarm_news_write(&notice->news, &buf);
    if (status == KMS_OK) {
        status = n->memory->put(n->memory->arg, KMS_STORE_NOTICE, name, buf.data, buf.len);
    }
    kms_buf_done(&buf);
    return status;
}

enum kms_status kms_alarm_notices_add(struct kms_alarm_notices *n,
                                      const struct kms_alarm_news *news)
{
    bool is_limited = news->cleared && (n->limited > 0 || wait_us(n) > 0);
    struct notice *notice = append(n, news, is_limited ? NOTICE_LIMITED : NOTICE_NEW);
    if (!notice) {
        return KMS_ENOMEM;
    }
    if (is_limited) {
        n->limited++;
        plan_turn(n);
    } else if (news->cleared) {
        count_told(n);
    }
    /* One that is not kept is told all the same. */
    (void)keep(n, notice);
    return KMS_OK;
}

/* Clears that waited go first, as many as there is room for. */
static void turn_due(void *arg)
{
    struct kms_alarm_notices *n = arg;
    bool any = false;
    for (struct notice *notice = n->first; notice && n->limited > 0 && wait_us(n) == 0;
         notice = notice->next) {
        if (notice->state == NOTICE_LIMITED) {
            notice->state = NOTICE_NEW;
            n->limited--;
            count_told(n);
            any = true;
        }
    }
    if (any) {
        flush(n);
    }
    if (n->limited > 0 || (n->burst > 0 && (is_full(n) || wait_us(n) > 0))) {
        plan_turn(n);
        return;
    }
    if (n->burst > 0) {
        kms_log_write(n->log, KMS_LOG_WARNING,
                      "alarms: %" PRIu64
                      " notifications were not sent: more than %u in a minute, or "
                      "than %d that no master took; what is wrong is in the table of alarms",
                      n->burst, (unsigned)n->per_minute, KMS_ALARM_NOTICES_MAX);
        n->burst = 0;
    }
}

void kms_alarm_notices_confirmed(struct kms_alarm_notices *n, uint64_t number, bool taken)
{
    struct notice **at = &n->first;
    while (*at && (*at)->number != number) {
        at = &(*at)->next;
    }
    if (!*at) {
        return;
    }
    end_notice(n, at);
    n->sent += taken ? 1 : 0;
    if (n->is_stuck) {
        hand_over(n);
    }
}

void kms_alarm_notices_set_teller(struct kms_alarm_notices *n,
                                  const struct kms_alarm_teller *teller)
{
    n->teller = teller ? *teller : (struct kms_alarm_teller){0};
    for (struct notice *notice = n->first; notice; notice = notice->next) {
        notice->state = notice->state == NOTICE_HANDED ? NOTICE_KEPT : notice->state;
    }
    hand_over(n);
}

/* ---- the next process ---- */

enum kms_status kms_alarm_notices_restore(struct kms_alarm_notices *n, const char *name,
                                          const char *bytes, size_t len, struct kms_fault *fault)
{
    struct kms_alarm_news news;
    enum kms_status status = kms_alarm_news_read(bytes, len, &news, fault);
    if (status != KMS_OK) {
        return status;
    }
    char proper[NAME_SIZE];
    name_of(number_of(&news), proper);
    if (!kms_text_equal(proper, name)) {
        return kms_fault_set(fault, KMS_ESYNTAX, 0, "notice %s is about alarm %u", name,
                             (unsigned)news.alarm.index);
    }
    return append(n, &news, NOTICE_KEPT) ? KMS_OK : KMS_ENOMEM;
}

void kms_alarm_notices_refill(struct kms_alarm_notices *n)
{
    for (const struct notice *notice = n->first; notice; notice = notice->next) {
        (void)keep(n, notice);
    }
}

/* ---- */

enum kms_status kms_alarm_notices_set_limit(struct kms_alarm_notices *n, uint32_t per_minute)
{
    uint32_t limit = per_minute < 1                          ? 1
                     : per_minute > KMS_ALARM_PER_MINUTE_MAX ? KMS_ALARM_PER_MINUTE_MAX
                                                             : per_minute;
    if (n->told_us && limit == n->per_minute) {
        return KMS_OK;
    }
    int64_t *made = calloc(limit, sizeof *made);
    if (!made) {
        return KMS_ENOMEM;
    }
    /* The youngest of those that count; those left out begin at the oldest place. */
    uint32_t keep_count = n->told_us == NULL ? 0 : n->per_minute < limit ? n->per_minute : limit;
    for (uint32_t i = 0; i < keep_count; i++) {
        made[limit - 1 - i] = n->told_us[(n->told_at + n->per_minute - 1 - i) % n->per_minute];
    }
    free(n->told_us);
    n->told_us = made;
    n->told_at = 0;
    n->per_minute = limit;
    return KMS_OK;
}

struct kms_alarm_counts kms_alarm_notices_counts(const struct kms_alarm_notices *n)
{
    return (struct kms_alarm_counts){
        .sent = n->sent, .suppressed = n->suppressed, .waiting = n->count};
}

struct kms_alarm_notices *kms_alarm_notices_new(struct kms_loop *loop, const struct kms_log *log,
                                                const struct kms_alarm_memory *memory,
                                                uint32_t per_minute)
{
    struct kms_alarm_notices *n = calloc(1, sizeof *n);
    if (!n) {
        return NULL;
    }
    n->log = log;
    n->clock = kms_loop_clock(loop);
    n->memory = memory;
    n->last = &n->first;
    n->turn = kms_timer_new(loop, turn_due, n);
    n->retry = kms_timer_new(loop, retry_due, n);
    n->hang = kms_timer_new(loop, flush_hangs, n);
    if (!n->turn || !n->retry || !n->hang || kms_alarm_notices_set_limit(n, per_minute) != KMS_OK) {
        kms_alarm_notices_free(n);
        return NULL;
    }
    return n;
}

void kms_alarm_notices_free(struct kms_alarm_notices *n)
{
    if (!n) {
        return;
    }
    if (n->ticket) {
        n->memory->forget(n->ticket);
    }
    while (n->first) {
        discard(n, &n->first);
    }
    kms_timer_free(n->turn);
    kms_timer_free(n->retry);
    kms_timer_free(n->hang);
    free(n->told_us);
    free(n);
}
