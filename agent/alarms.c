/* From the board and the zones through the conditions to alarms, and from there to the store, the
 * log and the notices. */
#include "agent/alarms.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/alarm_asked.h"
#include "agent/alarm_conditions.h"
#include "base/text.h"
#include "base/texts.h"

#define META_NEXT "alarm-next"
#define NAME_SIZE 16
#define GONE_TEXT "no longer watched"
#define OFF_TEXT  "alarms of this type are switched off"

struct kms_agent_alarms {
    struct kms_agent_alarms_config config;
    struct kms_alarms *alarms;
    struct kms_alarm_notices *notices;
    struct kms_alarm_findings findings;
    bool held;
    uint64_t turnover; /* of the board, when what is gone was last cleared */
    bool changed;      /* somebody is to be told, once it is on the disk */
    bool is_full;      /* it was logged that there is no room */
};

/* ---- the store ---- */

/* By name they are in the order of their numbers. */
static void name_of(uint32_t index, char dst[NAME_SIZE])
{
    kms_text_format(dst, NAME_SIZE, "%010" PRIu32, index);
}

static void put(const struct kms_agent_alarms *a, enum kms_store_kind kind, const char *name,
                const struct kms_buf *buf)
{
    const struct kms_alarm_memory *memory = &a->config.memory;
    if (memory->put && memory->put(memory->arg, kind, name, buf->data, buf->len) != KMS_OK) {
        kms_log_write(a->config.log, KMS_LOG_ERROR, "alarms: %s cannot be kept: out of memory",
                      name);
    }
}

static void keep_next(const struct kms_agent_alarms *a)
{
    struct kms_buf buf;
    kms_buf_init(&buf, NAME_SIZE);
    if (kms_buf_addf(&buf, "%" PRIu32, kms_alarms_next(a->alarms)) == KMS_OK) {
        put(a, KMS_STORE_META, META_NEXT, &buf);
    }
    kms_buf_done(&buf);
}

static void keep_alarm(const struct kms_agent_alarms *a, uint32_t index)
{
    char name[NAME_SIZE];
    struct kms_buf buf;
    name_of(index, name);
    kms_buf_init(&buf, KMS_ALARM_RECORD_SIZE);
    if (kms_alarms_export(a->alarms, index, &buf) == KMS_OK) {
        put(a, KMS_STORE_ALARM, name, &buf);
    }
    kms_buf_done(&buf);
}

static void forget_alarm(const struct kms_agent_alarms *a, uint32_t index)
{
    const struct kms_alarm_memory *memory = &a->config.memory;
    char name[NAME_SIZE];
    name_of(index, name);
    if (memory->remove) {
        (void)memory->remove(memory->arg, KMS_STORE_ALARM, name);
    }
}

void kms_agent_alarms_refill(void *arg)
{
    struct kms_agent_alarms *a = arg;
    keep_next(a);
    for (size_t i = 0; i < kms_alarms_count(a->alarms); i++) {
        keep_alarm(a, kms_alarms_at(a->alarms, i)->index);
    }
    kms_alarm_notices_refill(a->notices);
}

/* ---- what was raised or cleared ---- */

static void log_news(const struct kms_agent_alarms *a, const struct kms_alarm_news *news)
{
    const struct kms_alarm *alarm = &news->alarm;
    kms_log_write(a->config.log, news->cleared ? KMS_LOG_INFO : KMS_LOG_WARNING,
                  "alarm %s: %s%s%s %s: %s%s", alarm->owner,
                  kms_word_label(kms_words_alarm_type(), (int)alarm->type),
                  alarm->object[0] ? " " : "", alarm->object, news->cleared ? "cleared" : "raised",
                  alarm->text, alarm->suppressed ? " (not notified)" : "");
}

static void lose(const struct kms_agent_alarms *a, const struct kms_alarm_news *news)
{
    kms_log_write(a->config.log, KMS_LOG_ERROR, "alarm %s: out of memory, nobody is notified",
                  news->alarm.owner);
}

static void take_raise(struct kms_agent_alarms *a, const struct kms_alarm_news *news)
{
    struct kms_alarm_news told = *news;
    uint32_t index = news->alarm.index;
    if (a->config.silent || !kms_alarm_notices_admit(a->notices)) {
        kms_alarms_suppress(a->alarms, index);
        told.alarm.suppressed = !a->config.silent;
    } else if (kms_alarm_notices_add(a->notices, news) != KMS_OK) {
        kms_alarms_suppress(a->alarms, index);
        lose(a, news);
    } else {
        a->changed = true;
    }
    log_news(a, &told);
    keep_next(a);
    keep_alarm(a, index);
}

/* A drift is told once and never that it is over. */
static void take_clear(struct kms_agent_alarms *a, const struct kms_alarm_news *news)
{
    forget_alarm(a, news->alarm.index);
    struct kms_alarm_news told = *news;
    told.alarm.suppressed = news->alarm.suppressed && !a->config.silent;
    log_news(a, &told);
    if (news->alarm.type == KMS_ALARM_DRIFT || a->config.silent) {
        return;
    }
    if (news->alarm.suppressed) {
        kms_alarm_notices_pass_over(a->notices);
    } else if (kms_alarm_notices_add(a->notices, news) != KMS_OK) {
        lose(a, news);
    } else {
        a->changed = true;
    }
}

static void take_news(void *arg, const struct kms_alarm_news *news)
{
    struct kms_agent_alarms *a = arg;
    if (news->cleared) {
        take_clear(a, news);
    } else {
        take_raise(a, news);
    }
}

/* The end of everything that may bring news. What nobody is told of is written with what else is:
 * when ten thousand hosts go at once, a transaction for each would cost the disk many times as
 * much. */
static void settle(struct kms_agent_alarms *a)
{
    if (a->changed) {
        a->changed = false;
        kms_alarm_notices_flush(a->notices);
    }
}

/* ---- what is watched ---- */

struct enlisted {
    char *subject;
    const struct kms_target *target; /* NULL: a domain */
};

struct roll {
    struct enlisted *row; /* by subject */
    size_t count;
};

static int compare_rows(const void *a, const void *b)
{
    const struct enlisted *x = a;
    const struct enlisted *y = b;
    return strcmp(x->subject, y->subject);
}

static int compare_with_row(const void *subject, const void *row)
{
    return strcmp(subject, ((const struct enlisted *)row)->subject);
}

/* Whether the subject is watched, and by a source that can tell how the object stands. */
static bool is_on_roll(void *arg, const char *subject, enum kms_alarm_type type, const char *object)
{
    const struct roll *roll = arg;
    const struct enlisted *row = bsearch(subject, roll->row, roll->count, sizeof *row,
                                         compare_with_row);
    return row && (!row->target || kms_alarm_is_asked(row->target, type, object));
}

static bool enlist(struct roll *roll, const char *kind, const char *name,
                   const struct kms_target *target)
{
    char subject[KMS_ALARM_SUBJECT_SIZE];
    kms_alarm_subject(subject, kind, name);
    roll->row[roll->count] = (struct enlisted){kms_text_dup(subject), target};
    return roll->row[roll->count++].subject != NULL;
}

static void free_roll(struct roll *roll)
{
    for (size_t i = 0; i < roll->count; i++) {
        free(roll->row[i].subject);
    }
    free(roll->row);
}

static bool call_roll(const struct kms_agent_alarms *a, struct roll *ret)
{
    size_t hosts = kms_board_count(a->config.board);
    size_t zones = a->config.zones ? kms_zones_count(a->config.zones) : 0;
    ret->row = calloc(hosts + zones + 1, sizeof *ret->row);
    bool whole = ret->row != NULL;
    for (size_t slot = 0; whole && slot < hosts; slot++) {
        const struct kms_snapshot *snapshot = kms_board_snapshot(a->config.board, slot);
        whole = snapshot->retired || enlist(ret, "host", snapshot->target->name, snapshot->target);
    }
    for (size_t zone = 0; whole && zone < zones; zone++) {
        whole = enlist(ret, "domain", kms_zones_get(a->config.zones, zone)->name, NULL);
    }
    return whole;
}

/* A host that left a domain is no publication of the next lookup, so nothing is to be done there.
 */
void kms_agent_alarms_sweep(struct kms_agent_alarms *a)
{
    struct roll roll = {0};
    if (call_roll(a, &roll)) {
        qsort(roll.row, roll.count, sizeof *roll.row, compare_rows);
        kms_alarms_sweep(a->alarms, is_on_roll, &roll, GONE_TEXT);
        a->turnover = kms_board_turnover(a->config.board);
    } /* without memory the next publish tries again */
    free_roll(&roll);
    settle(a);
}

void kms_agent_alarms_hold(struct kms_agent_alarms *a, bool held)
{
    a->held = held;
}

static void update(struct kms_agent_alarms *a, struct kms_alarm_update *with)
{
    with->now_s = kms_clock_wall_s(kms_loop_clock(a->config.loop));
    enum kms_status status = kms_alarms_update(a->alarms, with);
    if (status != KMS_OK && !a->is_full) {
        kms_log_write(a->config.log, KMS_LOG_ERROR,
                      "alarms: no room for all of %s: %s; further ones are not logged",
                      with->subject, kms_status_text(status));
        a->is_full = true;
    }
    settle(a);
}

static void host_published(void *arg, size_t slot, enum kms_source source)
{
    struct kms_agent_alarms *a = arg;
    if (!a->held && kms_board_turnover(a->config.board) != a->turnover) {
        kms_agent_alarms_sweep(a);
    }
    struct kms_alarm_update with;
    if (kms_alarm_find_host(&a->findings, a->alarms, kms_board_snapshot(a->config.board, slot),
                            source, &with)) {
        update(a, &with);
    }
}

static void zone_published(void *arg, const struct kms_zone *zone)
{
    struct kms_agent_alarms *a = arg;
    struct kms_alarm_update with;
    const struct kms_alarm_lookup lookup = {
        .board = a->config.board,
        .zone = zone,
        .strangers_are_asked = kms_zones_know_strangers(a->config.zones)};
    if (kms_alarm_find_zone(&a->findings, a->alarms, &lookup, &with)) {
        update(a, &with);
    }
}

/* ---- what an earlier process knew ---- */

/* Records that cannot be read: they are removed when all were looked at. */
struct recall {
    struct kms_agent_alarms *alarms;
    enum kms_store_kind kind;
    struct kms_texts bad;
};

static void leave_out(struct recall *recall, const char *name, const struct kms_fault *fault)
{
    char shown[64];
    kms_text_clean(shown, sizeof shown, name, strlen(name));
    kms_log_write(recall->alarms->config.log, KMS_LOG_WARNING,
                  "alarms: record '%s' of the store is left out: %s", shown, fault->text);
    (void)kms_texts_add(&recall->bad, name);
}

static void recall_row(void *arg, const char *name, const char *bytes, size_t len)
{
    struct recall *recall = arg;
    struct kms_agent_alarms *a = recall->alarms;
    struct kms_fault fault = {0};
    enum kms_status status = recall->kind == KMS_STORE_ALARM
                                 ? kms_alarms_import(a->alarms, bytes, len, &fault)
                                 : kms_alarm_notices_restore(a->notices, name, bytes, len, &fault);
    if (status != KMS_OK) {
        leave_out(recall, name, &fault);
    }
}

static void recall_next(void *arg, const char *name, const char *bytes, size_t len)
{
    struct recall *recall = arg;
    uint64_t next;
    if (!kms_text_equal(name, META_NEXT)) {
        return;
    }
    if (kms_text_u64_len(bytes, len, &next) && next <= UINT32_MAX) {
        kms_alarms_begin_at(recall->alarms->alarms, (uint32_t)next);
        return;
    }
    struct kms_fault fault = {.text = "not a number"};
    leave_out(recall, name, &fault);
}

static void recall_kind(struct kms_agent_alarms *a, enum kms_store_kind kind,
                        kms_keeper_row_fn *row)
{
    const struct kms_alarm_memory *memory = &a->config.memory;
    struct recall recall = {.alarms = a, .kind = kind};
    if (memory->each) {
        memory->each(memory->arg, kind, row, &recall);
    }
    for (size_t i = 0; i < recall.bad.count; i++) {
        (void)memory->remove(memory->arg, kind, recall.bad.text[i]);
    }
    kms_texts_done(&recall.bad);
}

static void recall_all(struct kms_agent_alarms *a)
{
    recall_kind(a, KMS_STORE_META, recall_next);
    recall_kind(a, KMS_STORE_ALARM, recall_row);
    recall_kind(a, KMS_STORE_NOTICE, recall_row);
    kms_alarms_set_policy(a->alarms, &a->config.policy.rules, OFF_TEXT);
    kms_agent_alarms_sweep(a);
}

/* ---- */

const struct kms_alarms *kms_agent_alarms_table(const struct kms_agent_alarms *a)
{
    return a->alarms;
}

struct kms_alarm_counts kms_agent_alarms_counts(const struct kms_agent_alarms *a)
{
    return kms_alarm_notices_counts(a->notices);
}

bool kms_agent_alarms_is_silent(const struct kms_agent_alarms *a)
{
    return a->config.silent;
}

void kms_agent_alarms_set_teller(struct kms_agent_alarms *a, const struct kms_alarm_teller *teller)
{
    kms_alarm_notices_set_teller(a->notices, teller);
}

void kms_agent_alarms_confirmed(void *arg, uint64_t notice, bool taken)
{
    struct kms_agent_alarms *a = arg;
    kms_alarm_notices_confirmed(a->notices, notice, taken);
}

enum kms_status kms_agent_alarms_set_policy(struct kms_agent_alarms *a,
                                            const struct kms_agent_alarms_policy *policy)
{
    enum kms_status status = kms_alarm_notices_set_limit(a->notices, policy->per_minute);
    if (status != KMS_OK) {
        return status;
    }
    a->config.policy = *policy;
    kms_alarms_set_policy(a->alarms, &policy->rules, OFF_TEXT);
    settle(a);
    return KMS_OK;
}

struct kms_agent_alarms *kms_agent_alarms_new(const struct kms_agent_alarms_config *config)
{
    struct kms_agent_alarms *a = calloc(1, sizeof *a);
    if (!a) {
        return NULL;
    }
    a->config = *config;
    a->alarms = kms_alarms_new(&config->policy.rules, take_news, a);
    a->notices = kms_alarm_notices_new(config->loop, config->log, &a->config.memory,
                                       config->policy.per_minute);
    if (!a->alarms || !a->notices) {
        kms_agent_alarms_free(a);
        return NULL;
    }
    recall_all(a);
    kms_board_watch(config->board, host_published, a);
    if (config->zones) {
        kms_zones_watch(config->zones, zone_published, a);
    }
    return a;
}

void kms_agent_alarms_free(struct kms_agent_alarms *a)
{
    if (!a) {
        return;
    }
    kms_board_watch(a->config.board, NULL, NULL);
    if (a->config.zones) {
        kms_zones_watch(a->config.zones, NULL, NULL);
    }
    kms_alarm_findings_done(&a->findings);
    kms_alarm_notices_free(a->notices);
    kms_alarms_free(a->alarms);
    free(a);
}
