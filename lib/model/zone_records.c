/* Merges the records of a lookup into those seen before: identity is target and port. */
#include "model/zone_records.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "model/zone_share.h"

struct merge {
    struct kms_zone_record_view *view;
    size_t count;
    struct kms_zone_numbers *numbers;
    uint32_t zone_index;
    int64_t wall_s;
    bool is_new_row;
};

static bool same_record(const struct kms_zone_record *a, const struct kms_zone_record *b)
{
    return a->port == b->port && kms_text_equal_nocase(a->target, b->target);
}

static void take_off_dot(char *name)
{
    size_t len = strlen(name);
    if (len > 1 && name[len - 1] == '.') {
        name[len - 1] = '\0';
    }
}

/* A number is kept for good, so that records that are new at every lookup must not have them
 * without end: beyond the bound it is 0. False: out of memory. */
static bool number_of(struct merge *merge, const struct kms_zone_record *record, uint32_t *ret)
{
    struct kms_zone_numbers *numbers = merge->numbers;
    if (numbers->given >= KMS_ZONE_NUMBERS_MAX) {
        numbers->is_short = true;
        *ret = 0;
        return true;
    }
    numbers->given++;
    if (!numbers->number) {
        *ret = numbers->given;
        return true;
    }
    char space[32];
    char name[KMS_ZONE_NAME_SIZE + 8];
    kms_text_format(space, sizeof space, "record/%u", (unsigned)merge->zone_index);
    kms_text_format(name, sizeof name, "%s:%u", record->target, (unsigned)record->port);
    for (size_t i = 0; name[i]; i++) {
        name[i] = kms_text_lower(name[i]);
    }
    *ret = numbers->number(numbers->arg, space, name);
    return *ret != 0;
}

/* What clients can use first, then in the order in which they try. */
static int compare_records(const struct kms_zone_record *a, const struct kms_zone_record *b)
{
    int order = (a->priority > b->priority) - (a->priority < b->priority);
    order = order ? order : (a->weight < b->weight) - (a->weight > b->weight);
    order = order ? order : strcasecmp(a->target, b->target);
    return order ? order : (a->port > b->port) - (a->port < b->port);
}

/* Those that are gone come last, the longest gone at the very end. */
static int compare_views(const void *a, const void *b)
{
    const struct kms_zone_record_view *x = a;
    const struct kms_zone_record_view *y = b;
    if (x->present != y->present) {
        return x->present ? -1 : 1;
    }
    int order = 0;
    if (!x->present) {
        order = (x->last_seen_s < y->last_seen_s) - (x->last_seen_s > y->last_seen_s);
    }
    order = order ? order : compare_records(&x->record, &y->record);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* An address that cannot be looked up for once is what it was. */
static void keep_addresses(struct kms_zone_record *now, const struct kms_zone_record *was)
{
    if (now->resolution == KMS_ZONE_RESOLUTION_UNKNOWN && now->address_count == 0) {
        memcpy(now->address, was->address, sizeof now->address);
        now->address_count = was->address_count;
    }
}

/* Of two records for one target and port the better is shown. */
static bool is_better(const struct kms_zone_record *a, const struct kms_zone_record *b)
{
    if ((a->flaw == NULL) != (b->flaw == NULL)) {
        return a->flaw == NULL;
    }
    return compare_records(a, b) < 0;
}

static struct kms_zone_record_view *find(struct merge *merge, const struct kms_zone_record *record)
{
    for (size_t i = 0; i < merge->count; i++) {
        if (same_record(&merge->view[i].record, record)) {
            return &merge->view[i];
        }
    }
    return NULL;
}

static void add_draw(struct kms_zone_record_view *view, const struct kms_zone_record *record)
{
    if (!record->flaw && view->draw_count < KMS_ZONE_DRAWS_MAX) {
        view->draw[view->draw_count++] = (struct kms_zone_draw){.priority = record->priority,
                                                                .weight = record->weight};
    }
}

static bool take(struct merge *merge, const struct kms_zone_record *from, uint32_t share,
                 uint32_t share_uniform)
{
    struct kms_zone_record record = *from;
    take_off_dot(record.target);
    struct kms_zone_record_view *view = find(merge, &record);
    if (!view) {
        uint32_t index;
        if (!number_of(merge, &record, &index)) {
            return false;
        }
        merge->is_new_row = merge->is_new_row || index != 0;
        view = &merge->view[merge->count++];
        *view = (struct kms_zone_record_view){
            .index = index, .record = record, .first_seen_s = merge->wall_s};
    } else if (!view->present || is_better(&record, &view->record)) {
        keep_addresses(&record, &view->record);
        view->record = record;
    }
    view->present = true;
    view->last_seen_s = merge->wall_s;
    view->last_kept = false;
    view->share += share;
    view->share_uniform += share_uniform;
    add_draw(view, &record);
    return true;
}

static bool take_all(struct merge *merge, const struct kms_zone_record *record, size_t count)
{
    struct kms_zone_choice *choice = calloc(count + 1, sizeof *choice);
    uint32_t *share = calloc((count + 1) * 2, sizeof *share);
    bool is_whole = choice && share;
    for (size_t i = 0; is_whole && i < count; i++) {
        choice[i] = (struct kms_zone_choice){
            .priority = record[i].priority, .weight = record[i].weight, .usable = !record[i].flaw};
    }
    if (is_whole) {
        kms_zone_choice_shares(choice, count, KMS_ZONE_CLIENTS_RFC, share);
        kms_zone_choice_shares(choice, count, KMS_ZONE_CLIENTS_UNIFORM, share + count);
    }
    for (size_t i = 0; is_whole && i < count; i++) {
        is_whole = take(merge, &record[i], share[i], share[count + i]);
    }
    free(share);
    free(choice);
    return is_whole;
}

/* Those seen before, all of them gone until the lookup shows them. */
static size_t keep_old(const struct kms_zone *zone, struct kms_zone_record_view *view)
{
    for (size_t i = 0; i < zone->record_count; i++) {
        view[i] = zone->record[i];
        view[i].present = false;
        view[i].share = view[i].share_uniform = 0;
        view[i].draw_count = 0;
    }
    return zone->record_count;
}

/* Leaves out what is gone and was last seen then or before; returns whether there was any. */
static bool forget(struct merge *merge, int64_t then_s)
{
    size_t all = merge->count;
    merge->count = 0;
    for (size_t i = 0; i < all; i++) {
        merge->view[merge->count] = merge->view[i];
        merge->count += merge->view[i].present || merge->view[i].last_seen_s > then_s ? 1 : 0;
    }
    return merge->count < all;
}

/* Sorts and bounds the list, and hands it to the zone. */
static void finish(struct merge *merge, struct kms_zone *zone, bool has_lost_rows, bool *ret_rows)
{
    qsort(merge->view, merge->count, sizeof *merge->view, compare_views);
    bool too_many = merge->count > KMS_ZONE_RECORDS_MAX;
    zone->record = merge->view;
    zone->record_count = too_many ? KMS_ZONE_RECORDS_MAX : merge->count;
    *ret_rows = merge->is_new_row || too_many || has_lost_rows;
}

enum kms_status kms_zone_records_merge(struct kms_zone *zone, const struct kms_zone_lookup *lookup,
                                       int64_t forget_after_s, struct kms_zone_numbers *numbers,
                                       bool *ret_rows)
{
    size_t count = lookup->outcome == KMS_OUTCOME_OK ? lookup->record_count : 0;
    size_t left_out = lookup->left_out;
    if (count > KMS_ZONE_RECORDS_MAX) {
        left_out += count - KMS_ZONE_RECORDS_MAX;
        count = KMS_ZONE_RECORDS_MAX;
    }
    struct merge merge = {.view = calloc(zone->record_count + count + 1, sizeof *merge.view),
                          .numbers = numbers,
                          .zone_index = zone->index,
                          .wall_s = lookup->wall_s};
    if (!merge.view) {
        return KMS_ENOMEM;
    }
    merge.count = keep_old(zone, merge.view);
    if (!take_all(&merge, lookup->record, count)) {
        free(merge.view);
        return KMS_ENOMEM;
    }
    bool has_lost_rows = forget_after_s > 0 && forget(&merge, lookup->wall_s - forget_after_s);
    finish(&merge, zone, has_lost_rows, ret_rows);
    size_t present = 0;
    while (present < zone->record_count && zone->record[present].present) {
        present++;
    }
    zone->records = (uint32_t)(present + (lookup->outcome == KMS_OUTCOME_OK ? left_out : 0));
    return KMS_OK;
}

static bool recall(struct merge *merge, const struct kms_zone_past *past, int64_t from_s)
{
    struct kms_zone_record record = past->record;
    take_off_dot(record.target);
    uint32_t index;
    if (find(merge, &record) || merge->count >= KMS_ZONE_RECORDS_MAX) {
        return true;
    }
    if (!number_of(merge, &record, &index)) {
        return false;
    }
    merge->is_new_row = merge->is_new_row || index != 0;
    merge->view[merge->count++] = (struct kms_zone_record_view){
        .index = index,
        .record = record,
        .first_seen_s = past->first_seen_s,
        .last_seen_s = past->last_seen_s,
        .first_kept = past->first_seen_s < from_s,
        .last_kept = past->last_seen_s < from_s};
    return true;
}

enum kms_status kms_zone_records_recall(struct kms_zone *zone, const struct kms_zone_past *past,
                                        size_t count, int64_t from_s,
                                        struct kms_zone_numbers *numbers, bool *ret_rows)
{
    struct merge merge = {.view = calloc(zone->record_count + count + 1, sizeof *merge.view),
                          .count = zone->record_count,
                          .numbers = numbers,
                          .zone_index = zone->index};
    bool is_whole = merge.view != NULL;
    if (is_whole && zone->record_count > 0) {
        memcpy(merge.view, zone->record, zone->record_count * sizeof *merge.view);
    }
    for (size_t i = 0; is_whole && i < count; i++) {
        is_whole = recall(&merge, &past[i], from_s);
    }
    if (!is_whole) {
        free(merge.view);
        return KMS_ENOMEM;
    }
    finish(&merge, zone, false, ret_rows);
    return KMS_OK;
}
