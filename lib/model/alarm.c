/* The life of alarms: from a condition that was seen wrong, over polls that confirm it, to the
 * raise, and the same way back. */
#include "model/alarm.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/alarm_text.h"

#define BUCKETS_MIN 64

struct subject;

/* Something that is raised, or was seen wrong by fewer polls than confirm it. */
struct entry {
    struct entry *next;    /* in its bucket */
    struct entry *sibling; /* of the same subject */
    struct subject *subject;
    uint64_t hash;
    uint64_t seen;   /* the last update that named it */
    uint32_t streak; /* polls in a row that disagree with what is told */
    bool raised;
    char *owner, *object, *text;
    struct kms_alarm_view shown; /* points to those */
};

/* There is one only while it has entries. */
struct subject {
    struct subject *next; /* in its bucket */
    uint64_t hash;
    char *name;
    struct entry *first;
};

struct kms_alarms {
    struct kms_alarm_policy policy;
    kms_alarm_news_fn *news;
    void *arg;
    struct entry **entry; /* buckets, as many as a power of two */
    size_t entry_buckets, entry_count;
    struct subject **subject;
    size_t subject_buckets, subject_count;
    struct entry **raised; /* by index; room for every entry */
    size_t raised_count, raised_cap;
    uint32_t next; /* 0: none are left */
    uint64_t round, shape;
};

/* ---- finding ---- */

static uint64_t mix(uint64_t hash, const char *text)
{
    for (; *text; text++) {
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    }
    return (hash ^ 0xff) * UINT64_C(1099511628211);
}

/* Names of hosts and domains are the same in any case. */
static uint64_t mix_name(uint64_t hash, const char *name)
{
    for (; *name; name++) {
        hash = (hash ^ (unsigned char)kms_text_lower(*name)) * UINT64_C(1099511628211);
    }
    return (hash ^ 0xff) * UINT64_C(1099511628211);
}

static uint64_t hash_of(const char *subject)
{
    return mix(UINT64_C(14695981039346656037), subject);
}

static size_t bucket_of(uint64_t hash, size_t buckets)
{
    return (size_t)(hash ^ (hash >> 32)) & (buckets - 1);
}

static struct subject *find_subject(const struct kms_alarms *a, const char *name)
{
    uint64_t hash = hash_of(name);
    struct subject *subject = a->subject[bucket_of(hash, a->subject_buckets)];
    while (subject && (subject->hash != hash || !kms_text_equal(subject->name, name))) {
        subject = subject->next;
    }
    return subject;
}

static uint64_t entry_hash(const char *subject, enum kms_alarm_type type, const char *owner,
                           const char *object)
{
    return mix(mix_name(hash_of(subject) + (uint64_t)type, owner), object);
}

static struct entry *find_entry(const struct kms_alarms *a, const char *subject,
                                enum kms_alarm_type type, const char *owner, const char *object)
{
    uint64_t hash = entry_hash(subject, type, owner, object);
    struct entry *entry = a->entry[bucket_of(hash, a->entry_buckets)];
    while (entry &&
           (entry->hash != hash || entry->shown.type != type ||
            !kms_text_equal(entry->object, object) || !kms_text_equal_nocase(entry->owner, owner) ||
            !kms_text_equal(entry->subject->name, subject))) {
        entry = entry->next;
    }
    return entry;
}

bool kms_alarms_tracks_any(const struct kms_alarms *a, const char *subject)
{
    return find_subject(a, subject) != NULL;
}

bool kms_alarms_tracks(const struct kms_alarms *a, const char *subject, enum kms_alarm_type type,
                       const char *owner, const char *object)
{
    return find_entry(a, subject, type, owner, object) != NULL;
}

/* ---- coming and going ---- */

/* More buckets make it faster; without memory it works all the same. */
static void spread_entries(struct kms_alarms *a)
{
    size_t buckets = a->entry_buckets * 2;
    struct entry **made = a->entry_count < buckets ? NULL : calloc(buckets, sizeof(struct entry *));
    if (!made) {
        return;
    }
    for (size_t i = 0; i < a->entry_buckets; i++) {
        for (struct entry *entry = a->entry[i], *next; entry; entry = next) {
            next = entry->next;
            struct entry **head = &made[bucket_of(entry->hash, buckets)];
            entry->next = *head;
            *head = entry;
        }
    }
    free(a->entry);
    a->entry = made;
    a->entry_buckets = buckets;
}

static void spread_subjects(struct kms_alarms *a)
{
    size_t buckets = a->subject_buckets * 2;
    struct subject **made = a->subject_count < buckets ? NULL
                                                       : calloc(buckets, sizeof(struct subject *));
    if (!made) {
        return;
    }
    for (size_t i = 0; i < a->subject_buckets; i++) {
        for (struct subject *subject = a->subject[i], *next; subject; subject = next) {
            next = subject->next;
            struct subject **head = &made[bucket_of(subject->hash, buckets)];
            subject->next = *head;
            *head = subject;
        }
    }
    free(a->subject);
    a->subject = made;
    a->subject_buckets = buckets;
}

static struct subject *need_subject(struct kms_alarms *a, const char *name)
{
    struct subject *subject = find_subject(a, name);
    if (subject) {
        return subject;
    }
    subject = calloc(1, sizeof *subject);
    char *copy = kms_text_dup(name);
    if (!subject || !copy) {
        free(copy);
        free(subject);
        return NULL;
    }
    *subject = (struct subject){.hash = hash_of(name), .name = copy};
    struct subject **head = &a->subject[bucket_of(subject->hash, a->subject_buckets)];
    subject->next = *head;
    *head = subject;
    a->subject_count++;
    spread_subjects(a);
    return subject;
}

static void drop_subject(struct kms_alarms *a, struct subject *subject)
{
    struct subject **at = &a->subject[bucket_of(subject->hash, a->subject_buckets)];
    while (*at != subject) {
        at = &(*at)->next;
    }
    *at = subject->next;
    a->subject_count--;
    free(subject->name);
    free(subject);
}

static void free_entry(struct entry *entry)
{
    free(entry->owner);
    free(entry->object);
    free(entry->text);
    free(entry);
}

/* So that no raise fails later. */
static bool room_to_raise(struct kms_alarms *a)
{
    if (a->entry_count < a->raised_cap) {
        return true;
    }
    size_t cap = a->raised_cap ? a->raised_cap * 2 : 16;
    struct entry **grown = realloc(a->raised, cap * sizeof(struct entry *));
    if (!grown) {
        return false;
    }
    a->raised = grown;
    a->raised_cap = cap;
    return true;
}

/* A copy that fits the contract's sizes. */
static char *dup_cut(const char *text, size_t size)
{
    char cut[KMS_ALARM_NAME_SIZE];
    (void)kms_text_copy(cut, size < sizeof cut ? size : sizeof cut, text);
    return kms_text_dup(cut);
}

static enum kms_status add_entry(struct kms_alarms *a, const char *subject_name,
                                 const struct kms_alarm_condition *of, struct entry **ret)
{
    if (a->entry_count == KMS_ALARMS_MAX) {
        return KMS_ETOOBIG;
    }
    struct entry *entry = room_to_raise(a) ? calloc(1, sizeof *entry) : NULL;
    if (!entry) {
        return KMS_ENOMEM;
    }
    entry->owner = kms_text_dup(of->owner);
    entry->object = kms_text_dup(of->object);
    entry->text = dup_cut(of->text, KMS_ALARM_TEXT_SIZE);
    struct subject *subject = entry->owner && entry->object && entry->text
                                  ? need_subject(a, subject_name)
                                  : NULL;
    if (!subject) {
        free_entry(entry);
        return KMS_ENOMEM;
    }
    entry->hash = entry_hash(subject_name, of->type, of->owner, of->object);
    entry->subject = subject;
    entry->sibling = subject->first;
    subject->first = entry;
    entry->shown = (struct kms_alarm_view){.type = of->type,
                                           .severity = of->severity,
                                           .owner = entry->owner,
                                           .object = entry->object,
                                           .text = entry->text,
                                           .row = of->row};
    struct entry **head = &a->entry[bucket_of(entry->hash, a->entry_buckets)];
    entry->next = *head;
    *head = entry;
    a->entry_count++;
    spread_entries(a);
    *ret = entry;
    return KMS_OK;
}

/* The position of the index among those that are raised, or where it would stand. */
static size_t position_of(const struct kms_alarms *a, uint32_t index)
{
    size_t low = 0;
    size_t high = a->raised_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (a->raised[middle]->shown.index < index) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void list_raised(struct kms_alarms *a, struct entry *entry)
{
    size_t at = position_of(a, entry->shown.index);
    memmove(&a->raised[at + 1], &a->raised[at], (a->raised_count - at) * sizeof(struct entry *));
    a->raised[at] = entry;
    a->raised_count++;
    a->shape++;
    entry->raised = true;
}

static void unlist_raised(struct kms_alarms *a, struct entry *entry)
{
    size_t at = position_of(a, entry->shown.index);
    a->raised_count--;
    memmove(&a->raised[at], &a->raised[at + 1], (a->raised_count - at) * sizeof(struct entry *));
    a->shape++;
    entry->raised = false;
}

/* Its subject goes with the last of its entries. */
static void drop_entry(struct kms_alarms *a, struct entry *entry)
{
    struct entry **at = &a->entry[bucket_of(entry->hash, a->entry_buckets)];
    while (*at != entry) {
        at = &(*at)->next;
    }
    *at = entry->next;
    struct subject *subject = entry->subject;
    at = &subject->first;
    while (*at != entry) {
        at = &(*at)->sibling;
    }
    *at = entry->sibling;
    a->entry_count--;
    free_entry(entry);
    if (!subject->first) {
        drop_subject(a, subject);
    }
}

/* ---- raising and clearing ---- */

static void fill(const struct entry *entry, struct kms_alarm *ret)
{
    const struct kms_alarm_view *shown = &entry->shown;
    *ret = (struct kms_alarm){.index = shown->index,
                              .type = shown->type,
                              .severity = shown->severity,
                              .row = shown->row,
                              .since_s = shown->since_s,
                              .suppressed = shown->suppressed};
    (void)kms_text_copy(ret->owner, sizeof ret->owner, shown->owner);
    (void)kms_text_copy(ret->object, sizeof ret->object, shown->object);
    (void)kms_text_copy(ret->text, sizeof ret->text, shown->text);
}

static void tell(const struct kms_alarms *a, const struct kms_alarm_news *news)
{
    if (a->news) {
        a->news(a->arg, news);
    }
}

static void raise_alarm(struct kms_alarms *a, struct entry *entry, int64_t now_s)
{
    if (a->next == 0) {
        return;
    }
    entry->shown.index = a->next++;
    entry->shown.since_s = now_s;
    entry->streak = 0;
    list_raised(a, entry);
    struct kms_alarm_news news = {.cleared = false};
    fill(entry, &news.alarm);
    tell(a, &news);
}

/* The entry is gone afterwards. */
static void clear_alarm(struct kms_alarms *a, struct entry *entry, const char *text)
{
    struct kms_alarm_news news = {.cleared = true};
    fill(entry, &news.alarm);
    news.alarm.severity = KMS_STATE_OK;
    (void)kms_text_copy(news.alarm.text, sizeof news.alarm.text, text);
    unlist_raised(a, entry);
    drop_entry(a, entry);
    tell(a, &news);
}

static void show(struct entry *entry, const struct kms_alarm_condition *now)
{
    entry->shown.severity = now->severity;
    entry->shown.row = now->row;
    if (kms_text_equal(entry->text, now->text)) {
        return;
    }
    char *text = dup_cut(now->text, KMS_ALARM_TEXT_SIZE);
    if (text) { /* else the old one stays */
        free(entry->text);
        entry->text = text;
        entry->shown.text = text;
    }
}

/* The name may have another case than it had. */
static void rename_owner(struct entry *entry, const char *owner)
{
    char *copy = kms_text_equal(entry->owner, owner) ? NULL : kms_text_dup(owner);
    if (copy) { /* else the old one stays */
        free(entry->owner);
        entry->owner = copy;
        entry->shown.owner = copy;
    }
}

/* What cannot be told takes back what was not confirmed. */
static void freeze(struct kms_alarms *a, struct entry *entry)
{
    entry->streak = 0;
    if (!entry->raised) {
        drop_entry(a, entry);
    }
}

static uint32_t confirm_of(const struct kms_alarms *a, enum kms_alarm_type type)
{
    uint32_t confirm = a->policy.type[type].confirm;
    return confirm > 0 ? confirm : 1;
}

static void found_wrong(struct kms_alarms *a, struct entry *entry,
                        const struct kms_alarm_condition *now, int64_t now_s)
{
    show(entry, now);
    if (!now->polled) {
        return;
    }
    if (entry->raised) {
        entry->streak = 0;
    } else if (++entry->streak >= confirm_of(a, now->type)) {
        entry->streak--; /* where there is no number left, the next poll asks again */
        raise_alarm(a, entry, now_s);
    }
}

/* The entry may be gone afterwards. */
static void found_right(struct kms_alarms *a, struct entry *entry, bool polled, const char *text)
{
    if (!polled) {
        return;
    }
    if (!entry->raised) {
        drop_entry(a, entry);
    } else if (++entry->streak >= confirm_of(a, entry->shown.type)) {
        clear_alarm(a, entry, text);
    }
}

static bool is_known(const struct kms_alarms *a, enum kms_alarm_type type)
{
    return type >= 1 && (int)type <= KMS_ALARM_TYPE_MAX && a->policy.type[type].enabled;
}

static enum kms_status take_in(struct kms_alarms *a, const struct kms_alarm_update *update,
                               const struct kms_alarm_condition *now)
{
    struct entry *entry = find_entry(a, update->subject, now->type, now->owner, now->object);
    if (!entry) {
        if (now->severity == KMS_STATE_OK || now->frozen || !now->polled) {
            return KMS_OK;
        }
        enum kms_status status = add_entry(a, update->subject, now, &entry);
        if (status != KMS_OK) {
            return status;
        }
    }
    entry->seen = a->round;
    rename_owner(entry, now->owner);
    if (now->frozen) {
        freeze(a, entry);
    } else if (now->severity == KMS_STATE_OK) {
        found_right(a, entry, now->polled, now->text);
    } else {
        found_wrong(a, entry, now, update->now_s);
    }
    return KMS_OK;
}

/* An object that the update does not name. */
static void miss(struct kms_alarms *a, const struct kms_alarm_update *update, struct entry *entry)
{
    uint32_t bit = KMS_ALARM_TYPE_BIT(entry->shown.type);
    if (!(update->types & bit)) {
        return;
    }
    if (update->unsure & bit) {
        freeze(a, entry);
    } else {
        found_right(a, entry, (update->polled & bit) != 0, "no longer there");
    }
}

enum kms_status kms_alarms_update(struct kms_alarms *a, const struct kms_alarm_update *update)
{
    enum kms_status worst = KMS_OK;
    a->round++;
    for (size_t i = 0; i < update->count; i++) {
        const struct kms_alarm_condition *now = &update->condition[i];
        enum kms_status status = is_known(a, now->type) ? take_in(a, update, now) : KMS_OK;
        worst = worst == KMS_OK ? status : worst;
    }
    struct subject *subject = find_subject(a, update->subject);
    for (struct entry *entry = subject ? subject->first : NULL, *next; entry; entry = next) {
        next = entry->sibling;
        if (entry->seen != a->round) {
            miss(a, update, entry);
        }
    }
    return worst;
}

/* ---- what is not watched any more ---- */

static void end_entry(struct kms_alarms *a, struct entry *entry, const char *text)
{
    if (entry->raised) {
        clear_alarm(a, entry, text);
    } else {
        drop_entry(a, entry);
    }
}

static void end_subject(struct kms_alarms *a, struct subject *subject, const char *text)
{
    for (struct entry *entry = subject->first, *next; entry; entry = next) {
        next = entry->sibling; /* the subject goes with the last one */
        end_entry(a, entry, text);
    }
}

void kms_alarms_drop(struct kms_alarms *a, const char *name, const char *text)
{
    struct subject *subject = find_subject(a, name);
    if (subject) {
        end_subject(a, subject, text);
    }
}

void kms_alarms_sweep(struct kms_alarms *a, kms_alarm_told_fn *is_told, void *arg, const char *text)
{
    for (size_t i = 0; i < a->entry_buckets; i++) {
        for (struct entry *entry = a->entry[i], *next; entry; entry = next) {
            next = entry->next;
            if (!is_told(arg, entry->subject->name, entry->shown.type, entry->object)) {
                end_entry(a, entry, text);
            }
        }
    }
}

void kms_alarms_set_policy(struct kms_alarms *a, const struct kms_alarm_policy *policy,
                           const char *text)
{
    a->policy = *policy;
    for (size_t i = 0; i < a->entry_buckets; i++) {
        for (struct entry *entry = a->entry[i], *next; entry; entry = next) {
            next = entry->next;
            if (!policy->type[entry->shown.type].enabled) {
                end_entry(a, entry, text);
            }
        }
    }
}

/* ---- what is raised ---- */

size_t kms_alarms_count(const struct kms_alarms *a)
{
    return a->raised_count;
}

const struct kms_alarm_view *kms_alarms_at(const struct kms_alarms *a, size_t position)
{
    return &a->raised[position]->shown;
}

static struct entry *find_raised(const struct kms_alarms *a, uint32_t index)
{
    size_t at = position_of(a, index);
    return at < a->raised_count && a->raised[at]->shown.index == index ? a->raised[at] : NULL;
}

const struct kms_alarm_view *kms_alarms_find(const struct kms_alarms *a, uint32_t index)
{
    const struct entry *entry = find_raised(a, index);
    return entry ? &entry->shown : NULL;
}

uint64_t kms_alarms_shape(const struct kms_alarms *a)
{
    return a->shape;
}

void kms_alarms_suppress(struct kms_alarms *a, uint32_t index)
{
    struct entry *entry = find_raised(a, index);
    if (entry) {
        entry->shown.suppressed = true;
    }
}

/* ---- the next process ---- */

uint32_t kms_alarms_next(const struct kms_alarms *a)
{
    return a->next;
}

void kms_alarms_begin_at(struct kms_alarms *a, uint32_t next)
{
    if (a->next != 0 && (next == 0 || next > a->next)) {
        a->next = next;
    }
}

enum kms_status kms_alarms_export(const struct kms_alarms *a, uint32_t index, struct kms_buf *buf)
{
    const struct entry *entry = find_raised(a, index);
    if (!entry) {
        return KMS_ENOTFOUND;
    }
    struct kms_alarm_record record = {.cleared = false};
    fill(entry, &record.alarm);
    (void)kms_text_copy(record.subject, sizeof record.subject, entry->subject->name);
    return kms_alarm_record_write(&record, buf);
}

enum kms_status kms_alarms_import(struct kms_alarms *a, const char *bytes, size_t len,
                                  struct kms_fault *fault)
{
    struct kms_alarm_record record;
    enum kms_status status = kms_alarm_record_read(bytes, len, &record, fault);
    if (status != KMS_OK) {
        return status;
    }
    const struct kms_alarm *alarm = &record.alarm;
    if (record.cleared || !record.subject[0]) {
        return kms_fault_set(fault, KMS_ESYNTAX, 0, "not an alarm that is raised");
    }
    if (find_raised(a, alarm->index) ||
        find_entry(a, record.subject, alarm->type, alarm->owner, alarm->object)) {
        return kms_fault_set(fault, KMS_ESYNTAX, 0, "there already");
    }
    const struct kms_alarm_condition of = {.type = alarm->type,
                                           .owner = alarm->owner,
                                           .object = alarm->object,
                                           .row = alarm->row,
                                           .severity = alarm->severity,
                                           .text = alarm->text};
    struct entry *entry;
    status = add_entry(a, record.subject, &of, &entry);
    if (status != KMS_OK) {
        return kms_fault_set(fault, status, 0, "%s", kms_status_text(status));
    }
    entry->shown.index = alarm->index;
    entry->shown.since_s = alarm->since_s;
    entry->shown.suppressed = alarm->suppressed;
    list_raised(a, entry);
    kms_alarms_begin_at(a, alarm->index + 1);
    return KMS_OK;
}

/* ---- */

struct kms_alarms *kms_alarms_new(const struct kms_alarm_policy *policy, kms_alarm_news_fn *news,
                                  void *arg)
{
    struct kms_alarms *a = calloc(1, sizeof *a);
    if (!a) {
        return NULL;
    }
    *a = (struct kms_alarms){.policy = *policy,
                             .news = news,
                             .arg = arg,
                             .entry_buckets = BUCKETS_MIN,
                             .subject_buckets = BUCKETS_MIN,
                             .next = 1};
    a->entry = calloc(BUCKETS_MIN, sizeof(struct entry *));
    a->subject = calloc(BUCKETS_MIN, sizeof(struct subject *));
    if (!a->entry || !a->subject) {
        kms_alarms_free(a);
        return NULL;
    }
    return a;
}

void kms_alarms_free(struct kms_alarms *a)
{
    if (!a) {
        return;
    }
    for (size_t i = 0; a->entry && i < a->entry_buckets; i++) {
        for (struct entry *entry = a->entry[i], *next; entry; entry = next) {
            next = entry->next;
            free_entry(entry);
        }
    }
    for (size_t i = 0; a->subject && i < a->subject_buckets; i++) {
        for (struct subject *subject = a->subject[i], *next; subject; subject = next) {
            next = subject->next;
            free(subject->name);
            free(subject);
        }
    }
    free(a->entry);
    free(a->subject);
    free(a->raised);
    free(a);
}
