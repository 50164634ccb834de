/* The rows of every table, sorted by their index: laid out as a whole whenever a row comes or goes.
 */
#include "agent/mib_table.h"

#include <stdlib.h>

#define NEAR_ROWS 16

void kms_mib_layout_free(struct kms_mib_layout *layout)
{
    if (layout == NULL) {
        return;
    }
    for (size_t i = 0; i < KMS_COUNT_OF(layout->table); i++) {
        free(layout->table[i].row);
    }
    free(layout);
}

static int row_compare(const void *a, const void *b)
{
    const struct kms_mib_row *left = a, *right = b;
    for (size_t i = 0; i < KMS_MIB_INDEX_MAX; i++) {
        if (left->index[i] != right->index[i]) {
            return left->index[i] < right->index[i] ? -1 : 1;
        }
    }
    return 0;
}

/* Rows come nearly in order: hosts do, and the keys of one host are few. */
static void put_in_order(struct kms_mib_rows *rows, const struct kms_mib_row *row)
{
    size_t at = rows->count++;
    size_t least = at > NEAR_ROWS ? at - NEAR_ROWS : 0;
    while (at > least && row_compare(&rows->row[at - 1], row) > 0) {
        rows->row[at] = rows->row[at - 1];
        at--;
    }
    rows->row[at] = *row;
    rows->unsorted |= at > 0 && row_compare(&rows->row[at - 1], row) > 0;
}

void kms_mib_rows_add(struct kms_mib_rows *rows, size_t owner, size_t position, uint32_t index,
                      uint32_t sub)
{
    if (index == 0) { /* no stable number yet, because memory ran out; 0 is no index */
        return;
    }
    if (rows->count == rows->cap) {
        size_t cap = rows->cap == 0 ? 16 : rows->cap * 2;
        struct kms_mib_row *row = realloc(rows->row, cap * sizeof *row);
        if (row == NULL) {
            rows->failed = true;
            return;
        }
        rows->row = row;
        rows->cap = cap;
    }
    put_in_order(rows, &(struct kms_mib_row){.index = {index, sub},
                                             .owner = (uint32_t)owner,
                                             .position = (uint32_t)position});
}

static bool lay_out_scalars(struct kms_mib_rows *rows)
{
    rows->row = calloc(1, sizeof *rows->row);
    rows->count = rows->row == NULL ? 0 : 1;
    return rows->row != NULL;
}

static void lay_out_hosts(const struct kms_board *board, const struct kms_mib_table *table,
                          struct kms_mib_rows *rows)
{
    for (size_t slot = 0; slot < kms_board_count(board); slot++) {
        table->lay_out(kms_board_snapshot(board, slot), slot, rows);
    }
}

static void lay_out_zones(const struct kms_board *board, const struct kms_zones *zones,
                          const struct kms_mib_table *table, struct kms_mib_rows *rows)
{
    size_t count = zones == NULL ? 0 : kms_zones_count(zones);
    for (size_t zone = 0; zone < count; zone++) {
        table->lay_out_zone(board, kms_zones_get(zones, zone), zone, rows);
    }
}

static bool lay_out_table(const struct kms_board *board, const struct kms_zones *zones,
                          const struct kms_mib_table *table, struct kms_mib_rows *rows)
{
    if (table->scalars) {
        return lay_out_scalars(rows);
    }
    if (table->lay_out != NULL) {
        lay_out_hosts(board, table, rows);
    } else if (table->lay_out_zone != NULL) {
        lay_out_zones(board, zones, table, rows);
    }
    if (rows->unsorted) {
        qsort(rows->row, rows->count, sizeof *rows->row, row_compare);
    }
    return !rows->failed;
}

bool kms_mib_layout_alarms(struct kms_mib_layout *layout, const struct kms_alarms *alarms)
{
    struct kms_mib_rows rows = {0};
    size_t count = alarms == NULL ? 0 : kms_alarms_count(alarms);
    for (size_t i = 0; i < count; i++) { /* in the order of their numbers */
        kms_mib_rows_add(&rows, 0, i, kms_alarms_at(alarms, i)->index, 0);
    }
    if (rows.failed) {
        free(rows.row);
        return false;
    }
    struct kms_mib_rows *shown = &layout->table[kms_mib_alarm_table.number];
    free(shown->row);
    *shown = rows;
    return true;
}

struct kms_mib_layout *kms_mib_layout_new(const struct kms_board *board,
                                          const struct kms_zones *zones)
{
    struct kms_mib_layout *layout = calloc(1, sizeof *layout);
    if (layout == NULL) {
        return NULL;
    }
    size_t count;
    const struct kms_mib_table *const *tables = kms_mib_tables(&count);
    for (size_t i = 0; i < count; i++) {
        if (!lay_out_table(board, zones, tables[i], &layout->table[tables[i]->number])) {
            kms_mib_layout_free(layout);
            return NULL;
        }
    }
    return layout;
}
