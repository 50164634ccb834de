/* The keeper's half on the loop: what waits, when it is written, who waits for it, and what is said
 * about it. */
#include "agent/keeper.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/keeper_desk.h"
#include "agent/keeper_held.h"
#include "agent/keeper_map.h"
#include "base/text.h"

#define EVERY_MS      1000
#define REST_MAX_MS   60000
#define HOURS_MAX     100000 /* waiting: what no store takes must not fill the memory */
#define AGAIN_US      INT64_C(10000000)
#define TRIM_EVERY_MS 3600000
#define HANGS_US      INT64_C(60000000)
#define HOUR_S        3600
#define CLOCK_SANE_S  INT64_C(1577836800) /* 2020: a machine without a clock starts before it */
#define AGED_HOURS    24                  /* given away at once, however old they seem */

struct kms_keeper_ticket {
    struct kms_keeper *keeper;
    struct kms_keeper_ticket *next;
    /* flush */
    kms_keeper_done_fn *done;
    uint64_t batch; /* that has to be on the disk */
    /* hours */
    kms_keeper_hours_fn *hours_done;
    kms_keeper_past_fn *past_done;
    char host[KMS_HISTORY_NAME_SIZE];
    int64_t from_s, to_s, span_s;
    struct kms_keeper_past past;
    struct kms_history_hour *hour;
    size_t hour_count;

    void *arg;
    enum kms_status status;
};

struct queue {
    struct kms_keeper_ticket *first;
};

struct kms_keeper {
    struct kms_keeper_config config;
    char path[KMS_KEEPER_PATH_SIZE];
    struct kms_store *store;  /* not while a job has it */
    struct kms_store *reader; /* a store that is not to be written, read at the start */
    struct kms_keeper_map pending;
    struct kms_keeper_held held;
    struct kms_keeper_broom broom; /* waits for its turn */
    uint64_t batch;                /* number of the last one that was begun */
    struct job *job;
    struct kms_timer *due, *answer;
    bool urgent;        /* somebody waits for what is pending */
    bool wipe;          /* the next batch holds all that is known */
    bool unread;        /* what the store holds could not be read at the start */
    bool more;          /* there is more to be trimmed */
    int64_t tried_us;   /* when a job began last */
    int64_t trimmed_us; /* 0: never */
    int64_t anew_us;    /* when the store was last opened anew; 0: never */
    int64_t rest_ms;    /* until the next try; 0: the store is well */
    enum kms_status status;
    char trouble[190];
    int64_t written_s;
    uint32_t rebuilt;
    int64_t rebuilt_s;
    char aside[KMS_KEEPER_PATH_SIZE];
    int64_t aside_at_s;
    struct kms_store_salvage salvage;
    struct queue waiting, reading, ready; /* for a batch, for a turn to read, for their answer */
};

struct job {
    struct kms_keeper *keeper;
    struct kms_job *handle;
    struct kms_keeper_ticket *reader; /* who asked; NULL: forgotten */
    uint64_t batch;
    size_t count;     /* records of the batch */
    int64_t begun_us; /* on the steady clock */
    struct kms_keeper_desk desk;
};

/* ---- queues ---- */

static void add_last(struct queue *queue, struct kms_keeper_ticket *ticket)
{
    struct kms_keeper_ticket **at = &queue->first;
    while (*at) {
        at = &(*at)->next;
    }
    ticket->next = NULL;
    *at = ticket;
}

static struct kms_keeper_ticket *take_first(struct queue *queue)
{
    struct kms_keeper_ticket *ticket = queue->first;
    if (ticket) {
        queue->first = ticket->next;
        ticket->next = NULL;
    }
    return ticket;
}

static bool take_out(struct queue *queue, const struct kms_keeper_ticket *ticket)
{
    for (struct kms_keeper_ticket **at = &queue->first; *at; at = &(*at)->next) {
        if (*at == ticket) {
            *at = ticket->next;
            return true;
        }
    }
    return false;
}

static void free_ticket(struct kms_keeper_ticket *ticket)
{
    if (ticket) {
        free(ticket->hour);
        free(ticket);
    }
}

static void free_queue(struct queue *queue)
{
    struct kms_keeper_ticket *ticket;
    while ((ticket = take_first(queue))) {
        free_ticket(ticket);
    }
}

/* ---- answers ---- */

static void answer_later(struct kms_keeper *keeper, struct kms_keeper_ticket *ticket,
                         enum kms_status status)
{
    ticket->status = status;
    add_last(&keeper->ready, ticket);
    kms_timer_set(keeper->answer, 0);
}

static void answer_all(void *arg)
{
    struct kms_keeper *keeper = arg;
    struct kms_keeper_ticket *ticket;
    while ((ticket = take_first(&keeper->ready))) {
        if (ticket->past_done) {
            ticket->past_done(ticket->arg, ticket->status, &ticket->past, ticket->hour,
                              ticket->hour_count);
        } else if (ticket->hours_done) {
            ticket->hours_done(ticket->arg, ticket->status, ticket->hour, ticket->hour_count);
        } else {
            ticket->done(ticket->arg, ticket->status);
        }
        free_ticket(ticket);
    }
}

static void answer_waiting(struct kms_keeper *keeper, uint64_t batch, enum kms_status status)
{
    struct queue kept = {NULL};
    struct kms_keeper_ticket *ticket;
    while ((ticket = take_first(&keeper->waiting))) {
        if (ticket->batch <= batch) {
            answer_later(keeper, ticket, status);
        } else {
            add_last(&kept, ticket);
        }
    }
    keeper->waiting = kept;
}

/* ---- what is said ---- */

enum kms_store_state kms_keeper_state_of(enum kms_status status)
{
    switch (status) {
    case KMS_OK:
        return KMS_STORE_STATE_OK;
    case KMS_EFULL:
        return KMS_STORE_STATE_FULL;
    case KMS_EDENIED:
        return KMS_STORE_STATE_DENIED;
    case KMS_EBUSY:
        return KMS_STORE_STATE_LOCKED;
    case KMS_EINVAL:
        return KMS_STORE_STATE_NEWER;
    case KMS_ESYNTAX:
        return KMS_STORE_STATE_DAMAGED;
    case KMS_ENOMEM:
        return KMS_STORE_STATE_NO_MEMORY;
    case KMS_EIO:
    case KMS_ETOOBIG:
    case KMS_ENOTFOUND:
        break;
    }
    return KMS_STORE_STATE_FAILS;
}

const char *kms_keeper_advice(enum kms_store_state state)
{
    switch (state) {
    case KMS_STORE_STATE_OK:
        return "";
    case KMS_STORE_STATE_FULL:
        return "free space on the disk of state-dir";
    case KMS_STORE_STATE_DENIED:
        return "let the user of kmsmond write to the files in state-dir";
    case KMS_STORE_STATE_LOCKED:
        return "end the program that has it open";
    case KMS_STORE_STATE_NEWER:
        return "run the newer release again, or move the file away";
    case KMS_STORE_STATE_FAILS:
        return "see to state-dir and its disk";
    case KMS_STORE_STATE_HANGS:
        return "see to the disk of state-dir: it does not answer";
    case KMS_STORE_STATE_DAMAGED:
        return "look at the disk of state-dir, and at what else writes there";
    case KMS_STORE_STATE_NO_MEMORY:
        return "give the machine more memory";
    }
    return "";
}

/* A disk takes its time however quick the clock is. */
static int64_t real_us(const struct kms_keeper *keeper, int64_t us)
{
    return us * kms_loop_speed(keeper->config.loop);
}

static void trouble(struct kms_keeper *keeper, enum kms_status status,
                    const struct kms_fault *fault)
{
    bool told = keeper->rest_ms > 0 && keeper->status == status;
    keeper->rest_ms = keeper->rest_ms == 0 ? EVERY_MS : keeper->rest_ms * 2;
    keeper->rest_ms = keeper->rest_ms > REST_MAX_MS ? REST_MAX_MS : keeper->rest_ms;
    keeper->status = status;
    kms_text_copy(keeper->trouble, sizeof keeper->trouble, fault->text);
    if (!told) {
        kms_log_write(keeper->config.log, KMS_LOG_WARNING,
                      "store: %s; what is new is kept in memory; %s", fault->text,
                      kms_keeper_advice(kms_keeper_state_of(status)));
    }
}

static void well(struct kms_keeper *keeper)
{
    if (keeper->rest_ms > 0) {
        kms_log_write(keeper->config.log, KMS_LOG_INFO, "store: written again");
    }
    keeper->rest_ms = 0;
    keeper->status = KMS_OK;
    keeper->trouble[0] = '\0';
}

static void tell_rebuilt(struct kms_keeper *keeper, const struct kms_keeper_desk *desk)
{
    const uint64_t *record = desk->salvage.record;
    keeper->rebuilt++;
    keeper->rebuilt_s = kms_clock_wall_s(kms_loop_clock(keeper->config.loop));
    kms_log_write(keeper->config.log, KMS_LOG_WARNING,
                  "store: %s; it is set aside as %s, and a new one was made with %" PRIu64
                  " row numbers, %" PRIu64 " results and %" PRIu64 " alarms that it still told",
                  desk->why, desk->aside, record[KMS_STORE_NUMBER], record[KMS_STORE_RESULT],
                  record[KMS_STORE_ALARM]);
    if (desk->unread) {
        kms_log_write(keeper->config.log, KMS_LOG_WARNING,
                      "store: rows and alarms have new numbers; to have the old ones again, stop "
                      "kmsmond and rename %s to %s",
                      desk->aside, keeper->path);
    }
}

/* What a desk says of a damaged store, whoever worked at it. */
static void take_news(struct kms_keeper *keeper, const struct kms_keeper_desk *desk)
{
    if (desk->rebuilt) {
        tell_rebuilt(keeper, desk);
    }
    keeper->unread = keeper->unread && !desk->anew;
    bool salvaged = keeper->aside[0] != '\0' && desk->aside_at_s == INT64_MAX;
    if (salvaged && desk->salvage.hours > 0) {
        kms_log_write(keeper->config.log, KMS_LOG_INFO,
                      "store: %" PRIu64 " hours of history were taken over from %s",
                      desk->salvage.hours, desk->aside);
    }
    kms_text_copy(keeper->aside, sizeof keeper->aside, salvaged ? "" : desk->aside);
    keeper->aside_at_s = desk->aside_at_s;
    keeper->salvage = desk->salvage;
}

/* ---- jobs ---- */

static void plan(struct kms_keeper *keeper);

static void free_job(void *data)
{
    struct job *job = data;
    kms_keeper_desk_done(&job->desk);
    free(job);
}

static void run_desk(void *data)
{
    struct job *job = data;
    kms_keeper_desk_work(&job->desk);
}

static void answer_reader(struct kms_keeper *keeper, struct job *job)
{
    if (!job->reader) {
        return;
    }
    job->reader->past = job->desk.past;
    job->reader->hour = job->desk.hour;
    job->reader->hour_count = job->desk.read_status == KMS_OK ? job->desk.hour_count : 0;
    job->desk.hour = NULL;
    answer_later(keeper, job->reader, job->desk.read_status);
    job->reader = NULL;
}

/* The store was opened again, so everybody puts all once more; what waits for a batch waits for the
 * one that holds it. */
static void refill(struct kms_keeper *keeper)
{
    keeper->urgent = true;
    if (keeper->config.refill) {
        keeper->wipe = true;
        keeper->config.refill(keeper->config.arg);
    }
}

static const struct kms_fault spoilt = {
    .text = "it has to be made anew again and again: what is written there changes by itself"};

static bool is_needed(void *arg, const struct kms_keeper_item *removal)
{
    const struct kms_keeper *keeper = arg;
    return kms_keeper_held_may(&keeper->held, removal->kind, removal->hash);
}

/* What was not written waits again, but for what was removed meanwhile. */
static void take_batch(struct kms_keeper *keeper, struct kms_keeper_desk *desk)
{
    kms_keeper_held_back(&keeper->held, desk->written);
    kms_keeper_map_merge(&keeper->pending, &desk->batch, is_needed, keeper);
    kms_keeper_held_forget(&keeper->held, desk->swept.hash, desk->swept.count);
    if (desk->listed) {
        kms_keeper_held_replace(&keeper->held, &desk->names);
    }
}

/* What is not swept yet is swept with the next batch, but for a later broom. */
static void take_broom(struct kms_keeper *keeper, struct kms_keeper_desk *desk)
{
    if (desk->swept.count > 0) {
        kms_log_write(keeper->config.log, KMS_LOG_INFO,
                      "store: %zu results and request windows that are a month old were dropped",
                      desk->swept.count);
    }
    if (!keeper->broom.is_over) {
        keeper->broom = desk->broom;
        desk->broom = (struct kms_keeper_broom){0};
    }
}

static void take_outcome(struct kms_keeper *keeper, struct job *job)
{
    struct kms_keeper_desk *desk = &job->desk;
    bool wrote = desk->status == KMS_OK && !desk->anew;
    keeper->store = desk->store;
    desk->store = NULL;
    take_batch(keeper, desk);
    take_broom(keeper, desk);
    take_news(keeper, desk);
    answer_reader(keeper, job);
    keeper->more = wrote && desk->more;
    if (desk->anew && desk->status == KMS_OK) {
        bool again = keeper->anew_us != 0 &&
                     job->begun_us - keeper->anew_us < real_us(keeper, AGAIN_US);
        keeper->anew_us = job->begun_us;
        refill(keeper);
        if (again) { /* a disk that spoils whatever is written to it must not keep us busy */
            trouble(keeper, KMS_ESYNTAX, &spoilt);
        }
        return;
    }
    if (wrote) {
        keeper->wipe = false;
        well(keeper);
        if (job->count > 0) {
            keeper->written_s = kms_clock_wall_s(kms_loop_clock(keeper->config.loop));
        }
    } else {
        trouble(keeper, desk->status, &desk->fault);
    }
    answer_waiting(keeper, job->batch, desk->status);
}

static void desk_done(void *data)
{
    struct job *job = data;
    struct kms_keeper *keeper = job->keeper;
    keeper->job = NULL;
    take_outcome(keeper, job);
    free_job(job);
    plan(keeper);
}

static void set_limits(struct kms_keeper *keeper, struct kms_keeper_desk *desk)
{
    const struct kms_clock *clock = kms_loop_clock(keeper->config.loop);
    int64_t now_us = kms_clock_mono_us(clock);
    int64_t now_s = kms_clock_wall_s(clock);
    int64_t keep_s = keeper->config.history_ms / 1000;
    bool is_due = keeper->trimmed_us == 0 || (now_us - keeper->trimmed_us) / 1000 >= TRIM_EVERY_MS;
    desk->trim = is_due || keeper->more;
    desk->limits = (struct kms_store_limits){
        .oldest_s = now_s - keep_s,
        .future_s = now_s + keep_s,
        .hours_max = is_due && now_s > CLOCK_SANE_S ? AGED_HOURS : 0,
        .size_max = keeper->config.size_max};
    keeper->trimmed_us = is_due ? now_us : keeper->trimmed_us;
}

/* Hands over all that the desk needs. */
static void load_desk(struct kms_keeper *keeper, struct kms_keeper_desk *desk)
{
    kms_text_copy(desk->path, sizeof desk->path, keeper->path);
    desk->store = keeper->store;
    keeper->store = NULL;
    desk->batch = keeper->pending;
    keeper->pending = (struct kms_keeper_map){0};
    desk->list = keeper->held.disk.blind;
    kms_keeper_held_send(&keeper->held, &desk->batch);
    desk->broom = keeper->broom;
    keeper->broom = (struct kms_keeper_broom){0};
    desk->wipe = keeper->wipe;
    desk->unread = keeper->unread;
    kms_text_copy(desk->aside, sizeof desk->aside, keeper->aside);
    desk->aside_at_s = keeper->aside_at_s;
    desk->salvage = keeper->salvage;
    set_limits(keeper, desk);
    kms_store_close(keeper->reader);
    keeper->reader = NULL;
}

static void load_reader(struct kms_keeper *keeper, struct job *job)
{
    job->reader = take_first(&keeper->reading);
    if (job->reader) {
        job->desk.read = true;
        kms_text_copy(job->desk.host, sizeof job->desk.host, job->reader->host);
        job->desk.from_s = job->reader->from_s;
        job->desk.to_s = job->reader->to_s;
        job->desk.span_s = job->reader->span_s;
    }
}

static void begin(struct kms_keeper *keeper)
{
    static const struct kms_fault full = {.text = "no memory, or no thread to be had"};
    struct job *job = calloc(1, sizeof *job);
    keeper->tried_us = kms_clock_mono_us(kms_loop_clock(keeper->config.loop));
    keeper->urgent = false;
    if (!job) {
        trouble(keeper, KMS_ENOMEM, &full);
        return;
    }
    job->keeper = keeper;
    job->batch = keeper->batch + 1;
    job->count = keeper->pending.count;
    job->begun_us = keeper->tried_us;
    load_desk(keeper, &job->desk);
    load_reader(keeper, job);
    job->handle = kms_worker_submit(keeper->config.worker, run_desk, desk_done, job);
    if (job->handle) {
        keeper->batch = job->batch;
        keeper->job = job;
        return;
    }
    job->desk.status = KMS_ENOMEM;
    job->desk.read_status = KMS_ENOMEM;
    job->desk.fault = full;
    take_outcome(keeper, job);
    free_job(job);
}

static bool has_work(const struct kms_keeper *keeper)
{
    return keeper->pending.count > 0 || keeper->waiting.first || keeper->reading.first ||
           keeper->more || keeper->aside[0] != '\0' || keeper->rest_ms > 0 || keeper->wipe ||
           keeper->broom.is_over;
}

static int64_t since_ms(const struct kms_keeper *keeper)
{
    return (kms_clock_mono_us(kms_loop_clock(keeper->config.loop)) - keeper->tried_us) /
           real_us(keeper, 1000);
}

static void plan(struct kms_keeper *keeper)
{
    if (keeper->job || !has_work(keeper)) {
        return;
    }
    int64_t wait_ms = keeper->rest_ms > 0 ? keeper->rest_ms : EVERY_MS;
    bool at_once = keeper->tried_us == 0 ||
                   (keeper->rest_ms == 0 && (keeper->urgent || keeper->reading.first));
    int64_t left_ms = at_once ? 0 : wait_ms - since_ms(keeper);
    kms_timer_set_real(keeper->due, left_ms > 0 ? left_ms : 0);
}

static void time_has_come(void *arg)
{
    struct kms_keeper *keeper = arg;
    if (!keeper->job && has_work(keeper)) {
        begin(keeper);
        plan(keeper);
    }
}

/* ---- the contract ---- */

/* Whatever is wrong is told, and what can be read is read. */
static void open_store(struct kms_keeper *keeper)
{
    struct kms_keeper_desk *desk = calloc(1, sizeof *desk);
    static const struct kms_fault full = {.text = "out of memory"};
    if (!desk) {
        trouble(keeper, KMS_ENOMEM, &full);
        return;
    }
    kms_text_copy(desk->path, sizeof desk->path, keeper->path);
    kms_keeper_desk_open(desk);
    keeper->store = desk->store;
    desk->store = NULL;
    take_news(keeper, desk);
    if (desk->status != KMS_OK) {
        trouble(keeper, desk->status, &desk->fault);
        (void)kms_store_open_to_read(keeper->path, &keeper->reader, NULL);
        keeper->unread = !kms_keeper_desk_can_read(keeper->reader);
        if (keeper->unread) { /* nobody else is to wait for it in vain */
            kms_store_close(keeper->reader);
            keeper->reader = NULL;
        }
    }
    struct kms_store *known = keeper->store ? keeper->store : keeper->reader;
    if (known) {
        kms_keeper_names_read(&keeper->held.disk, known);
    }
    kms_keeper_desk_done(desk);
    free(desk);
}

struct kms_keeper *kms_keeper_open(const struct kms_keeper_config *config)
{
    struct kms_keeper *keeper = calloc(1, sizeof *keeper);
    if (!keeper) {
        return NULL;
    }
    keeper->config = *config;
    keeper->due = kms_timer_new(config->loop, time_has_come, keeper);
    keeper->answer = kms_timer_new(config->loop, answer_all, keeper);
    if (!keeper->due || !keeper->answer ||
        !kms_text_copy(keeper->path, sizeof keeper->path, config->path)) {
        kms_keeper_close(keeper, 0);
        return NULL;
    }
    open_store(keeper);
    keeper->tried_us = kms_clock_mono_us(kms_loop_clock(config->loop));
    plan(keeper);
    return keeper;
}

void kms_keeper_each(struct kms_keeper *keeper, enum kms_store_kind kind, kms_keeper_row_fn *row,
                     void *arg)
{
    struct kms_store *store = keeper->store ? keeper->store : keeper->reader;
    struct kms_fault fault = {0};
    if (store && kms_store_each(store, kind, row, arg, &fault) != KMS_OK) {
        kms_log_write(keeper->config.log, KMS_LOG_WARNING, "store: some of it is left out: %s",
                      fault.text);
    }
}

static enum kms_status put(struct kms_keeper *keeper, enum kms_store_kind kind, const char *name,
                           const void *bytes, size_t len, bool removed)
{
    if (strlen(name) > KMS_STORE_NAME_MAX || len > KMS_STORE_BYTES_MAX) {
        return KMS_ETOOBIG;
    }
    if (removed && !kms_keeper_held_may(&keeper->held, kind, kms_keeper_map_hash(kind, name))) {
        kms_keeper_map_drop(&keeper->pending, kind, name); /* the disk never had it */
        return KMS_OK;
    }
    enum kms_status status = kms_keeper_map_put(&keeper->pending, kind, name, bytes, len, removed);
    plan(keeper);
    return status;
}

enum kms_status kms_keeper_put(struct kms_keeper *keeper, enum kms_store_kind kind,
                               const char *name, const void *bytes, size_t len)
{
    return put(keeper, kind, name, bytes, len, false);
}

enum kms_status kms_keeper_remove(struct kms_keeper *keeper, enum kms_store_kind kind,
                                  const char *name)
{
    return put(keeper, kind, name, NULL, 0, true);
}

enum kms_status kms_keeper_put_hour(struct kms_keeper *keeper, const struct kms_history_hour *hour)
{
    if (hour->hour_s < CLOCK_SANE_S || hour->hour_s % HOUR_S != 0) {
        return KMS_EINVAL;
    }
    if (keeper->pending.hours >= HOURS_MAX) {
        return KMS_ETOOBIG;
    }
    enum kms_status status = kms_keeper_map_put_hour(&keeper->pending, hour);
    plan(keeper);
    return status;
}

struct kms_keeper_ticket *kms_keeper_flush(struct kms_keeper *keeper, kms_keeper_done_fn *done,
                                           void *arg)
{
    struct kms_keeper_ticket *ticket = calloc(1, sizeof *ticket);
    if (!ticket) {
        return NULL;
    }
    ticket->keeper = keeper;
    ticket->done = done;
    ticket->arg = arg;
    ticket->batch = keeper->batch + (keeper->pending.count > 0 ? 1 : 0);
    bool is_written = keeper->pending.count == 0 && !keeper->job;
    if (is_written || keeper->rest_ms > 0) {
        answer_later(keeper, ticket, is_written ? KMS_OK : keeper->status);
        return ticket;
    }
    add_last(&keeper->waiting, ticket);
    keeper->urgent = true;
    plan(keeper);
    return ticket;
}

/* A name that no host can have is found nowhere. */
static struct kms_keeper_ticket *
read_later(struct kms_keeper *keeper, const struct kms_keeper_ticket *wanted, const char *host)
{
    struct kms_keeper_ticket *ticket = calloc(1, sizeof *ticket);
    if (!ticket) {
        return NULL;
    }
    *ticket = *wanted;
    ticket->keeper = keeper;
    if (!kms_text_copy(ticket->host, sizeof ticket->host, host) || keeper->rest_ms > 0) {
        answer_later(keeper, ticket, keeper->rest_ms > 0 ? keeper->status : KMS_OK);
        return ticket;
    }
    add_last(&keeper->reading, ticket);
    plan(keeper);
    return ticket;
}

struct kms_keeper_ticket *kms_keeper_hours(struct kms_keeper *keeper, const char *host,
                                           int64_t from_s, int64_t to_s, kms_keeper_hours_fn *done,
                                           void *arg)
{
    const struct kms_keeper_ticket wanted = {
        .hours_done = done, .arg = arg, .from_s = from_s, .to_s = to_s};
    return read_later(keeper, &wanted, host);
}

struct kms_keeper_ticket *kms_keeper_past_hours(struct kms_keeper *keeper, const char *name,
                                                int64_t span_s, kms_keeper_past_fn *done, void *arg)
{
    const struct kms_keeper_ticket wanted = {.past_done = done, .arg = arg, .span_s = span_s};
    return read_later(keeper, &wanted, name);
}

void kms_keeper_forget(struct kms_keeper_ticket *ticket)
{
    struct kms_keeper *keeper = ticket->keeper;
    if (keeper->job && keeper->job->reader == ticket) {
        keeper->job->reader = NULL;
    } else if (!take_out(&keeper->waiting, ticket) && !take_out(&keeper->reading, ticket)) {
        (void)take_out(&keeper->ready, ticket);
    }
    free_ticket(ticket);
}

void kms_keeper_sweep(struct kms_keeper *keeper, const struct kms_keeper_broom *broom)
{
    kms_keeper_broom_done(&keeper->broom);
    keeper->broom = *broom;
    plan(keeper);
}

struct kms_keeper_view kms_keeper_view(const struct kms_keeper *keeper)
{
    struct kms_keeper_view view = {.state = KMS_STORE_STATE_OK,
                                   .written_s = keeper->written_s,
                                   .waiting = keeper->pending.count,
                                   .rebuilt = keeper->rebuilt,
                                   .rebuilt_s = keeper->rebuilt_s};
    int64_t now_us = kms_clock_mono_us(kms_loop_clock(keeper->config.loop));
    if (keeper->rest_ms > 0) {
        view.state = kms_keeper_state_of(keeper->status);
        kms_text_format(view.trouble, sizeof view.trouble, "%s%s", keeper->trouble,
                        keeper->unread ? "; it was not read, so rows have new numbers" : "");
    }
    if (keeper->job) {
        view.waiting += keeper->job->count;
    }
    /* Whatever was wrong before, nothing else can be said until it comes back. */
    if (keeper->job && now_us - keeper->job->begun_us > real_us(keeper, HANGS_US)) {
        view.state = KMS_STORE_STATE_HANGS;
        kms_text_format(view.trouble, sizeof view.trouble, "%.120s: writing it hangs",
                        keeper->path);
    }
    view.advice = kms_keeper_advice(view.state);
    return view;
}

/* ---- the end ---- */

/* The loop has ended: it turns a little longer for the job that runs. */
static void wait_for_job(struct kms_keeper *keeper, int64_t grace_ms)
{
    const struct kms_clock *clock = kms_loop_clock(keeper->config.loop);
    int64_t until_us = kms_clock_mono_us(clock) + real_us(keeper, grace_ms * 1000);
    kms_timer_stop(keeper->due);
    for (;;) {
        int64_t left_ms = (until_us - kms_clock_mono_us(clock)) / real_us(keeper, 1000);
        if (!keeper->job || left_ms <= 0) {
            return;
        }
        kms_loop_once(keeper->config.loop, left_ms);
        kms_timer_stop(keeper->due);
    }
}

/* A store that is made anew in it is written in a second round. */
static void write_rest(struct kms_keeper *keeper)
{
    kms_keeper_broom_done(&keeper->broom); /* there is another day */
    for (int round = 0; round < 2 && (keeper->pending.count > 0 || keeper->wipe); round++) {
        struct job *job = calloc(1, sizeof *job);
        if (!job) {
            return;
        }
        job->batch = ++keeper->batch;
        job->begun_us = kms_clock_mono_us(kms_loop_clock(keeper->config.loop));
        load_desk(keeper, &job->desk);
        job->desk.trim = false;
        kms_keeper_desk_work(&job->desk);
        take_outcome(keeper, job);
        free_job(job);
    }
    if (keeper->pending.count > 0) {
        kms_log_write(keeper->config.log, KMS_LOG_WARNING,
                      "store: %zu record%s could not be written and %s lost", keeper->pending.count,
                      kms_text_plural(keeper->pending.count),
                      keeper->pending.count == 1 ? "is" : "are");
    }
}

void kms_keeper_settle(struct kms_keeper *keeper, int64_t grace_ms)
{
    if (keeper && keeper->job) {
        wait_for_job(keeper, grace_ms);
    }
    if (keeper) {
        keeper->config.refill = NULL;
    }
}

void kms_keeper_close(struct kms_keeper *keeper, int64_t grace_ms)
{
    if (!keeper) {
        return;
    }
    if (keeper->job) {
        wait_for_job(keeper, grace_ms);
    }
    if (keeper->job) {
        kms_log_write(keeper->config.log, KMS_LOG_WARNING,
                      "store: writing it hangs; what is new is lost");
        free_ticket(keeper->job->reader);
        kms_job_abandon(keeper->job->handle, free_job);
    } else if (keeper->due) {
        write_rest(keeper);
    }
    kms_store_close(keeper->store);
    kms_store_close(keeper->reader);
    kms_keeper_map_done(&keeper->pending);
    kms_keeper_held_done(&keeper->held);
    kms_keeper_broom_done(&keeper->broom);
    free_queue(&keeper->waiting);
    free_queue(&keeper->reading);
    free_queue(&keeper->ready);
    if (keeper->due) {
        kms_timer_free(keeper->due);
    }
    if (keeper->answer) {
        kms_timer_free(keeper->answer);
    }
    free(keeper);
}
