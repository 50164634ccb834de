/* The blocking half of the keeper. */
#include "agent/keeper_desk.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define HOURS_MAX ((size_t)1 << 20)
#define HOUR_S    3600

void kms_keeper_desk_done(struct kms_keeper_desk *desk)
{
    kms_store_close(desk->store);
    kms_keeper_map_done(&desk->batch);
    kms_keeper_names_done(&desk->names);
    kms_keeper_broom_done(&desk->broom);
    free(desk->hour);
    desk->store = NULL;
    desk->hour = NULL;
}

/* The damaged file makes way for a new one with what can be read of it. Its hours follow later, a
 * part at a time: they may be many. */
static void rebuild(struct kms_keeper_desk *desk)
{
    struct kms_fault why = desk->fault;
    char aside[KMS_KEEPER_PATH_SIZE];
    desk->salvage = (struct kms_store_salvage){0};
    desk->status = kms_store_rebuild(desk->path, aside, sizeof aside, &desk->salvage, &desk->fault);
    if (desk->status == KMS_OK) {
        desk->status = kms_store_open(desk->path, &desk->store, &desk->fault);
    }
    if (desk->status == KMS_OK) {
        desk->rebuilt = true;
        desk->anew = true;
        kms_text_copy(desk->why, sizeof desk->why, why.text);
        kms_text_copy(desk->aside, sizeof desk->aside, aside);
        desk->aside_at_s = INT64_MIN;
    }
}

static void count_row(void *arg, const char *name, const char *bytes, size_t len)
{
    (void)name;
    (void)bytes;
    (void)len;
    (*(size_t *)arg)++;
}

/* The numbers that it has and those that were given meanwhile contradict each other, and its alarms
 * have the same numbers as those of now. It is kept whole for who wants it back. */
static void keep_unread(struct kms_keeper_desk *desk)
{
    size_t count = 0;
    char aside[KMS_KEEPER_PATH_SIZE];
    desk->status = kms_store_each(desk->store, KMS_STORE_NUMBER, count_row, &count, &desk->fault);
    if (desk->status != KMS_OK || count == 0) {
        return;
    }
    kms_store_close(desk->store);
    desk->store = NULL;
    desk->status = kms_store_set_aside(desk->path, aside, sizeof aside, &desk->fault);
    if (desk->status == KMS_OK) {
        desk->status = kms_store_open(desk->path, &desk->store, &desk->fault);
    }
    if (desk->status == KMS_OK) {
        desk->rebuilt = true;
        desk->salvage = (struct kms_store_salvage){0};
        kms_text_format(desk->why, sizeof desk->why, "%.120s: it could not be read at the start",
                        desk->path);
        kms_text_copy(desk->aside, sizeof desk->aside, aside);
        desk->aside_at_s = INT64_MIN;
    }
}

void kms_keeper_desk_open(struct kms_keeper_desk *desk)
{
    desk->status = kms_store_open(desk->path, &desk->store, &desk->fault);
    if (desk->status == KMS_OK && desk->unread) {
        keep_unread(desk);
    }
    desk->anew = desk->status == KMS_OK;
    if (desk->status == KMS_ESYNTAX) {
        kms_store_drop(desk->store);
        desk->store = NULL;
        rebuild(desk);
    }
}

bool kms_keeper_desk_can_read(struct kms_store *store)
{
    size_t count = 0;
    return store && kms_store_each(store, KMS_STORE_NUMBER, count_row, &count, NULL) == KMS_OK;
}

static enum kms_status write_batch(struct kms_keeper_desk *desk)
{
    enum kms_status status = kms_store_begin(desk->store, &desk->fault);
    static const enum kms_store_kind kinds[] = {KMS_STORE_NUMBER, KMS_STORE_ALARM,
                                                KMS_STORE_NOTICE};
    for (size_t i = 0; desk->wipe && status == KMS_OK && i < KMS_COUNT_OF(kinds); i++) {
        status = kms_store_wipe(desk->store, kinds[i], &desk->fault);
    }
    if (status == KMS_OK) {
        status = kms_keeper_map_write(&desk->batch, desk->store, &desk->fault);
    }
    if (status == KMS_OK) {
        return kms_store_commit(desk->store, &desk->fault);
    }
    kms_store_rollback(desk->store);
    return status;
}

/* Damage shows when a page is met. */
static void mend(struct kms_keeper_desk *desk)
{
    if (desk->status == KMS_ESYNTAX) {
        kms_store_drop(desk->store);
        desk->store = NULL;
        rebuild(desk);
    }
}

static void write(struct kms_keeper_desk *desk)
{
    desk->status = write_batch(desk);
    desk->written = desk->status == KMS_OK;
    mend(desk);
    if (desk->anew) {
        return;
    }
    if (desk->status == KMS_OK) {
        kms_keeper_map_done(&desk->batch);
    }
    if (desk->status == KMS_OK && desk->trim) {
        desk->status = kms_store_trim(desk->store, &desk->limits, &desk->more, &desk->fault);
        mend(desk);
    }
}

static void salvage(struct kms_keeper_desk *desk)
{
    desk->status = kms_store_salvage_hours(desk->store, desk->aside, &desk->aside_at_s,
                                           &desk->salvage, &desk->fault);
    mend(desk);
}

static enum kms_status add_hour(void *arg, const struct kms_history_hour *hour)
{
    struct kms_keeper_desk *desk = arg;
    if (desk->hour_count == desk->hour_cap) {
        size_t cap = desk->hour_cap == 0 ? 256 : desk->hour_cap * 2;
        struct kms_history_hour *grown = cap > HOURS_MAX ? NULL
                                                         : realloc(desk->hour, cap * sizeof *grown);
        if (!grown) {
            return KMS_ENOMEM;
        }
        desk->hour = grown;
        desk->hour_cap = cap;
    }
    desk->hour[desk->hour_count++] = *hour;
    return KMS_OK;
}

/* The time that ends with the last hour of the host that is meant. */
static enum kms_status find_past(struct kms_keeper_desk *desk, struct kms_fault *fault)
{
    enum kms_status status = kms_keeper_past_find(desk->store, desk->host, &desk->past, fault);
    bool found = status == KMS_OK && desk->past.host[0] != '\0';
    kms_text_copy(desk->host, sizeof desk->host, desk->past.host);
    desk->to_s = found ? desk->past.last_s + HOUR_S : 0;
    desk->from_s = desk->to_s - desk->span_s;
    return status;
}

static void read_hours(struct kms_keeper_desk *desk)
{
    struct kms_fault fault = {0};
    desk->read_status = desk->span_s > 0 ? find_past(desk, &fault) : KMS_OK;
    if (desk->read_status == KMS_OK && desk->host[0] != '\0') {
        desk->read_status = kms_store_hours(desk->store, desk->host, desk->from_s, desk->to_s,
                                            add_hour, desk, &fault);
    }
    if (desk->read_status == KMS_ESYNTAX) {
        desk->status = KMS_ESYNTAX;
        desk->fault = fault;
        mend(desk);
    }
}

static void sweep(struct kms_keeper_desk *desk)
{
    desk->status = kms_keeper_sweep_store(&desk->broom, desk->store, &desk->swept, &desk->fault);
    if (desk->status == KMS_OK && desk->swept.count < KMS_KEEPER_SWEEP_MAX) {
        kms_keeper_broom_done(&desk->broom);
    }
    mend(desk);
}

static bool is_well(const struct kms_keeper_desk *desk)
{
    return desk->store && !desk->anew && desk->status == KMS_OK;
}

/* What was opened is listed once nothing can set it aside any more. */
static void list_names(struct kms_keeper_desk *desk)
{
    desk->listed = desk->store && (desk->list || desk->anew);
    if (desk->listed) {
        kms_keeper_names_read(&desk->names, desk->store);
    }
}

void kms_keeper_desk_work(struct kms_keeper_desk *desk)
{
    desk->status = KMS_OK;
    desk->read_status = KMS_EIO;
    if (desk->store && kms_store_is_touched(desk->store)) {
        kms_store_drop(desk->store);
        desk->store = NULL;
    }
    if (!desk->store) {
        kms_keeper_desk_open(desk);
    }
    if (desk->store && desk->read) {
        read_hours(desk);
    }
    /* What was opened again waits for all that is in memory. */
    if (desk->store && !desk->anew) {
        write(desk);
    }
    if (is_well(desk) && desk->aside[0] != '\0') {
        salvage(desk);
    }
    if (is_well(desk) && desk->broom.is_over) {
        sweep(desk);
    }
    list_names(desk);
}
