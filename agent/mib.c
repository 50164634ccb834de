/* The one handler behind every table: GET, GETNEXT and GETBULK by binary search over sorted rows
 * and the column rows. */
#include "agent/mib_table.h"

#include <stdlib.h>
#include <string.h>

#include "generated/kmsmon_root.h"

static const oid root[] = {KMSMON_MIB_ROOT};

#define BASE_MAX (KMS_COUNT_OF(root) + 3) /* root, objects, table, entry */
_Static_assert(KMS_COUNT_OF(root) + 3 + 1 + KMS_MIB_INDEX_MAX <= KMS_MIB_NAME_MAX,
               "the root is longer than names may be");

#define LAYOUT_SHARE 20 /* laying rows out takes no more than a part in so many of the time */

#define GAP_ROWS 64 /* shorter ones are found again as fast as they are looked up */

/* Rows of a column that have no instance, as they were in one second. */
struct gap {
    size_t from, to;
    uint64_t layout;
    int64_t at_s;
};

struct binding {
    struct kms_mib *mib;
    const struct kms_mib_table *table;
    netsnmp_handler_registration *registration; /* NULL: not registered */
    struct gap gap[KMS_MIB_COLUMN_MAX + 1];     /* the last one of each column */
};

struct kms_mib {
    const struct kms_board *board;
    const struct kms_zones *zones; /* NULL: none are watched */
    const struct kms_clock *clock;
    const struct kms_agent_facts *facts;
    struct kms_mib_layout *layout; /* NULL: none yet */
    uint64_t laid_out_shape, laid_out_zones_shape, laid_out_alarms_shape;
    uint64_t laid_out_turnover;
    int64_t laid_out_us; /* when */
    int64_t took_us;
    bool alarms_laid_out;
    struct kms_mib_alarms alarms;
    uint64_t layouts; /* how many there were */
    struct binding binding[KMS_MIB_TABLE_MAX + 1];
};

static const struct kms_mib_table *const tables[] = {
    &kms_mib_agent_table,  &kms_mib_host_table,   &kms_mib_key_table,         &kms_mib_class_table,
    &kms_mib_domain_table, &kms_mib_srv_table,    &kms_mib_publication_table, &kms_mib_fleet_table,
    &kms_mib_error_table,  &kms_mib_source_table, &kms_mib_alarm_table,
};

const struct kms_mib_table *const *kms_mib_tables(size_t *ret_count)
{
    *ret_count = KMS_COUNT_OF(tables);
    return tables;
}

const struct kms_mib_table *kms_mib_table_of(unsigned number)
{
    for (size_t i = 0; i < KMS_COUNT_OF(tables); i++) {
        if (tables[i]->number == number) {
            return tables[i];
        }
    }
    return NULL;
}

const struct kms_mib_column *kms_mib_column_of(const struct kms_mib_table *table, unsigned number)
{
    for (size_t i = 0; i < table->column_count; i++) {
        if (table->column[i].number == number) {
            return &table->column[i];
        }
    }
    return NULL;
}

const oid *kms_mib_root(size_t *ret_len)
{
    *ret_len = KMS_COUNT_OF(root);
    return root;
}

struct kms_mib *kms_mib_new(const struct kms_board *board, const struct kms_zones *zones,
                            const struct kms_clock *clock, const struct kms_agent_facts *facts)
{
    struct kms_mib *mib = calloc(1, sizeof *mib);
    if (mib == NULL) {
        return NULL;
    }
    mib->board = board;
    mib->zones = zones;
    mib->clock = clock;
    mib->facts = facts;
    return mib;
}

void kms_mib_free(struct kms_mib *mib)
{
    if (mib == NULL) {
        return;
    }
    kms_mib_layout_free(mib->layout);
    free(mib);
}

void kms_mib_set_alarms(struct kms_mib *mib, const struct kms_alarms *alarms,
                        struct kms_mib_notified (*notified)(void *arg), void *arg)
{
    mib->alarms = (struct kms_mib_alarms){.table = alarms, .notified = notified, .arg = arg};
    mib->alarms_laid_out = false;
}

/* While thousands of hosts show their first keys, rows come with every answer, and laying all out
 * again for each of them would keep managers waiting. What has another owner now is never kept. */
static bool may_wait(const struct kms_mib *mib, int64_t now_us)
{
    return mib->layout != NULL && mib->laid_out_turnover == kms_board_turnover(mib->board) &&
           now_us - mib->laid_out_us < mib->took_us * LAYOUT_SHARE;
}

/* Makes new rows when the set of rows of the hosts or of the domains changed. Without memory the
 * old ones stay: a row that is gone is noticed when its value is looked up, and the next request
 * tries again. */
static void refresh_rows(struct kms_mib *mib)
{
    uint64_t shape = kms_board_shape(mib->board);
    uint64_t zones_shape = mib->zones == NULL ? 0 : kms_zones_shape(mib->zones);
    if (mib->layout != NULL && mib->laid_out_shape == shape &&
        mib->laid_out_zones_shape == zones_shape) {
        return;
    }
    int64_t now_us = kms_clock_mono_us(mib->clock);
    if (may_wait(mib, now_us)) {
        return;
    }
    struct kms_mib_layout *layout = kms_mib_layout_new(mib->board, mib->zones);
    if (layout == NULL) {
        return;
    }
    mib->laid_out_us = kms_clock_mono_us(mib->clock);
    mib->took_us = mib->laid_out_us - now_us;
    mib->laid_out_turnover = kms_board_turnover(mib->board);
    kms_mib_layout_free(mib->layout);
    mib->layout = layout;
    mib->layouts++;
    mib->laid_out_shape = shape;
    mib->laid_out_zones_shape = zones_shape;
    mib->alarms_laid_out = false;
}

static void refresh_alarms(struct kms_mib *mib)
{
    uint64_t shape = mib->alarms.table == NULL ? 0 : kms_alarms_shape(mib->alarms.table);
    if (mib->layout == NULL || (mib->alarms_laid_out && mib->laid_out_alarms_shape == shape)) {
        return;
    }
    if (kms_mib_layout_alarms(mib->layout, mib->alarms.table)) {
        mib->alarms_laid_out = true;
        mib->laid_out_alarms_shape = shape;
    }
}

static void refresh(struct kms_mib *mib)
{
    refresh_rows(mib);
    refresh_alarms(mib);
}

/* One table while a PDU's requests to it are answered. */
struct lookup {
    struct kms_mib *mib;
    const struct kms_mib_table *table;
    struct kms_mib_rows rows;
    int64_t now_s, mono_us;
    oid base[BASE_MAX];
    size_t base_len;
};

size_t kms_mib_table_name(const struct kms_mib_table *table, oid *dst)
{
    size_t len = KMS_COUNT_OF(root);
    memcpy(dst, root, sizeof root);
    dst[len++] = KMS_MIB_OBJECTS;
    dst[len++] = table->number;
    return len;
}

/* Of the columns, or of the scalars themselves. */
static size_t column_base(const struct kms_mib_table *table, oid *dst)
{
    size_t len = kms_mib_table_name(table, dst);
    if (!table->scalars) {
        dst[len++] = 1; /* the entry */
    }
    return len;
}

size_t kms_mib_name(const struct kms_mib_table *table, unsigned column, const oid *index,
                    oid dst[KMS_MIB_NAME_MAX])
{
    size_t len = column_base(table, dst);
    dst[len++] = column;
    for (size_t i = 0; i < table->index_len; i++) {
        dst[len++] = index[i];
    }
    return len;
}

static struct lookup lookup_start(struct kms_mib *mib, const struct kms_mib_table *table)
{
    struct lookup lookup = {.mib = mib, .table = table};
    refresh(mib);
    if (mib->layout != NULL) {
        lookup.rows = mib->layout->table[table->number];
    }
    lookup.now_s = kms_clock_wall_s(mib->clock);
    lookup.mono_us = kms_clock_mono_us(mib->clock);
    lookup.base_len = column_base(table, lookup.base);
    return lookup;
}

/* Whether the host or the domain of the row is still there. */
static bool view_owner(const struct lookup *lookup, size_t owner, struct kms_mib_view *view)
{
    const struct kms_zones *zones = lookup->mib->zones;
    if (lookup->table->scalars || lookup->table->alarms) {
        return true;
    }
    if (lookup->table->lay_out_zone != NULL) {
        if (zones == NULL || owner >= kms_zones_count(zones)) {
            return false;
        }
        view->zone = kms_zones_get(zones, owner);
        view->now_s = kms_zones_now_s(zones, lookup->mono_us);
        return true;
    }
    if (owner >= kms_board_count(view->board)) {
        return false;
    }
    view->snapshot = kms_board_snapshot(view->board, owner);
    view->now_s = kms_snapshot_now_s(view->snapshot, lookup->mono_us);
    return true;
}

static bool value_of(const struct lookup *lookup, const struct kms_mib_column *column,
                     const struct kms_mib_row *row, struct kms_mib_value *ret)
{
    if (column->get == NULL) {
        return false;
    }
    struct kms_mib_view view = {.board = lookup->mib->board,
                                .agent = lookup->mib->facts,
                                .alarms = &lookup->mib->alarms,
                                .now_s = lookup->now_s,
                                .index = row->index,
                                .position = row->position};
    if (!view_owner(lookup, row->owner, &view)) {
        return false;
    }
    if (lookup->table->find != NULL && !lookup->table->find(&view)) {
        return false;
    }
    return column->get(&view, column->what, ret);
}

/* The first row at or after the index (after it: also when equal). */
static size_t row_at(const struct lookup *lookup, const oid *index, size_t len, bool after)
{
    size_t low = 0, high = lookup->rows.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = snmp_oid_compare(lookup->rows.row[middle].index, lookup->table->index_len,
                                     index, len);
        if (order < 0 || (order == 0 && after)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static const struct kms_mib_row *row_find(const struct lookup *lookup, const oid *index, size_t len)
{
    size_t at = row_at(lookup, index, len, false);
    if (lookup->rows.row == NULL || at >= lookup->rows.count) {
        return NULL;
    }
    const struct kms_mib_row *row = &lookup->rows.row[at];
    bool same = snmp_oid_compare(row->index, lookup->table->index_len, index, len) == 0;
    return same ? row : NULL;
}

/* The first column at or after the number; column_count when there is none. */
static size_t column_at(const struct kms_mib_table *table, oid number)
{
    size_t at = 0;
    while (at < table->column_count && table->column[at].number < number) {
        at++;
    }
    return at;
}

bool kms_mib_put(netsnmp_variable_list *var, uint8_t type, const struct kms_mib_value *value)
{
    if (type == ASN_OCTET_STR || type == ASN_OBJECT_ID) {
        return snmp_set_var_typed_value(var, type, value->octet, value->len) == 0;
    }
    /* Counters wrap at 32 bits; signed values come as they are. */
    long number = type == ASN_INTEGER ? (long)value->number
                                      : (long)((uint64_t)value->number & UINT32_MAX);
    return snmp_set_var_typed_integer(var, type, number) == 0;
}

static void put(netsnmp_request_info *request, netsnmp_agent_request_info *info, uint8_t type,
                const struct kms_mib_value *value)
{
    if (!kms_mib_put(request->requestvb, type, value)) {
        netsnmp_set_request_error(info, request, SNMP_ERR_RESOURCEUNAVAILABLE);
    }
}

static void answer_get(const struct lookup *lookup, netsnmp_agent_request_info *info,
                       netsnmp_request_info *request)
{
    const oid *name = request->requestvb->name;
    size_t len = request->requestvb->name_length;
    size_t base_len = lookup->base_len;
    if (len <= base_len || snmp_oid_compare(name, base_len, lookup->base, base_len) != 0) {
        netsnmp_set_request_error(info, request, SNMP_NOSUCHOBJECT);
        return;
    }
    size_t at = column_at(lookup->table, name[base_len]);
    if (at == lookup->table->column_count || lookup->table->column[at].number != name[base_len]) {
        netsnmp_set_request_error(info, request, SNMP_NOSUCHOBJECT);
        return;
    }
    const struct kms_mib_row *row = row_find(lookup, name + base_len + 1, len - base_len - 1);
    struct kms_mib_value value = {0};
    if (row == NULL || !value_of(lookup, &lookup->table->column[at], row, &value)) {
        netsnmp_set_request_error(info, request, SNMP_NOSUCHINSTANCE);
        return;
    }
    put(request, info, lookup->table->column[at].type, &value);
}

static void put_instance(const struct lookup *lookup, netsnmp_agent_request_info *info,
                         netsnmp_request_info *request, const struct kms_mib_column *column,
                         const struct kms_mib_row *row, const struct kms_mib_value *value)
{
    oid name[KMS_MIB_NAME_MAX];
    size_t len = kms_mib_name(lookup->table, column->number, row->index, name);
    if (snmp_set_var_objid(request->requestvb, name, len) != 0) {
        netsnmp_set_request_error(info, request, SNMP_ERR_RESOURCEUNAVAILABLE);
        return;
    }
    put(request, info, column->type, value);
}

/* The first row from this one on that has an instance of the column, with its value; the count of
 * rows when none has. A manager that reads all columns in one PDU asks for an empty one with every
 * row, and would have thousands of rows looked through each time. So a gap is remembered for the
 * rest of the second: what appears in it meanwhile is shown by the next walk. */
static size_t find_instance(const struct lookup *lookup, size_t column, size_t row,
                            struct kms_mib_value *ret)
{
    struct gap *gap = &lookup->mib->binding[lookup->table->number].gap[column];
    bool known = gap->layout == lookup->mib->layouts && gap->at_s == lookup->now_s;
    size_t start = row;
    while (row < lookup->rows.count) {
        if (known && row >= gap->from && row < gap->to) {
            row = gap->to;
        } else if (value_of(lookup, &lookup->table->column[column], &lookup->rows.row[row], ret)) {
            break;
        } else {
            row++;
        }
    }
    bool inside = known && start >= gap->from && row == gap->to;
    if (row - start >= GAP_ROWS && !inside) {
        *gap = (struct gap){start, row, lookup->mib->layouts, lookup->now_s};
    }
    return row;
}

/* Leaves the varbind as it is when nothing of this table follows: Net-SNMP goes on with the next
 * one. */
static void answer_getnext(const struct lookup *lookup, netsnmp_agent_request_info *info,
                           netsnmp_request_info *request)
{
    const oid *name = request->requestvb->name;
    size_t len = request->requestvb->name_length;
    size_t base_len = lookup->base_len;
    size_t column = 0, row = 0;
    if (len > base_len && snmp_oid_compare(name, base_len, lookup->base, base_len) == 0) {
        column = column_at(lookup->table, name[base_len]);
        if (column < lookup->table->column_count &&
            lookup->table->column[column].number == name[base_len]) {
            row = row_at(lookup, name + base_len + 1, len - base_len - 1, !request->inclusive);
        }
    } else if (snmp_oid_compare(name, len, lookup->base, base_len) > 0) {
        return;
    }
    for (; column < lookup->table->column_count; column++, row = 0) {
        const struct kms_mib_column *candidate = &lookup->table->column[column];
        if (candidate->get == NULL) {
            continue;
        }
        struct kms_mib_value value = {0};
        row = find_instance(lookup, column, row, &value);
        if (row < lookup->rows.count) {
            put_instance(lookup, info, request, candidate, &lookup->rows.row[row], &value);
            return;
        }
    }
}

/* Moves on to the next repetition of a GETBULK, which Net-SNMP chained behind the varbind. False:
 * none is wanted, or this table has no more that Net-SNMP would take. */
static bool next_repetition(netsnmp_agent_request_info *info, netsnmp_request_info *request)
{
    const netsnmp_variable_list *answered = request->requestvb;
    netsnmp_variable_list *next = answered->next_variable;
    if (request->repeat <= 0 || next == NULL || request->status != SNMP_ERR_NOERROR ||
        answered->type == ASN_NULL) {
        return false;
    }
    if (request->range_end != NULL &&
        snmp_oid_compare(answered->name, answered->name_length, request->range_end,
                         request->range_end_len) >= 0) {
        return false;
    }
    if (snmp_set_var_objid(next, answered->name, answered->name_length) != 0) {
        netsnmp_set_request_error(info, request, SNMP_ERR_RESOURCEUNAVAILABLE);
        return false;
    }
    next->type = ASN_NULL; /* if it stays so, Net-SNMP goes on with the next table */
    request->requestvb = next;
    request->repeat--;
    request->inclusive = 0; /* its name is the last answer */
    return true;
}

/* Without this Net-SNMP's own helper would come by once for each repetition. */
static void answer_getbulk(const struct lookup *lookup, netsnmp_agent_request_info *info,
                           netsnmp_request_info *request)
{
    do {
        answer_getnext(lookup, info, request);
    } while (next_repetition(info, request));
}

bool kms_mib_read(struct kms_mib *mib, const struct kms_mib_table *table, unsigned column,
                  const oid *index, struct kms_mib_value *ret)
{
    const struct kms_mib_column *found = kms_mib_column_of(table, column);
    if (found == NULL) {
        return false;
    }
    mib->took_us = 0; /* a notification is about what has just come */
    struct lookup lookup = lookup_start(mib, table);
    const struct kms_mib_row *row = row_find(&lookup, index, table->index_len);
    struct kms_mib_value value = {0};
    if (row == NULL || !value_of(&lookup, found, row, &value)) {
        return false;
    }
    *ret = value;
    return true;
}

int kms_mib_answer(struct kms_mib *mib, const struct kms_mib_table *table,
                   netsnmp_agent_request_info *info, netsnmp_request_info *requests)
{
    struct lookup lookup = lookup_start(mib, table);
    for (netsnmp_request_info *request = requests; request != NULL; request = request->next) {
        if (request->processed) {
            continue;
        }
        if (info->mode == MODE_GET) {
            answer_get(&lookup, info, request);
        } else if (info->mode == MODE_GETNEXT) {
            answer_getnext(&lookup, info, request);
        } else if (info->mode == MODE_GETBULK) {
            answer_getbulk(&lookup, info, request);
        }
    }
    return SNMP_ERR_NOERROR;
}

static int handle(netsnmp_mib_handler *handler, netsnmp_handler_registration *registration,
                  netsnmp_agent_request_info *info, netsnmp_request_info *requests)
{
    (void)registration;
    const struct binding *binding = handler->myvoid;
    return kms_mib_answer(binding->mib, binding->table, info, requests);
}

static bool register_table(struct kms_mib *mib, const struct kms_mib_table *table)
{
    oid name[KMS_MIB_NAME_MAX];
    size_t len = kms_mib_table_name(table, name);
    struct binding *binding = &mib->binding[table->number];
    netsnmp_handler_registration *registration = netsnmp_create_handler_registration(
        "kmsmon", handle, name, len, HANDLER_CAN_RONLY | HANDLER_CAN_GETBULK);
    if (registration == NULL) {
        return false;
    }
    binding->mib = mib;
    binding->table = table;
    registration->handler->myvoid = binding;
    if (netsnmp_register_handler(registration) != MIB_REGISTERED_OK) {
        return false; /* Net-SNMP freed the registration */
    }
    binding->registration = registration;
    return true;
}

bool kms_mib_register(struct kms_mib *mib)
{
    for (size_t i = 0; i < KMS_COUNT_OF(tables); i++) {
        if (!register_table(mib, tables[i])) {
            kms_mib_unregister(mib);
            return false;
        }
    }
    return true;
}

void kms_mib_unregister(struct kms_mib *mib)
{
    for (size_t i = 0; i < KMS_COUNT_OF(mib->binding); i++) {
        if (mib->binding[i].registration != NULL) {
            (void)netsnmp_unregister_handler(mib->binding[i].registration);
            mib->binding[i].registration = NULL;
        }
    }
}
