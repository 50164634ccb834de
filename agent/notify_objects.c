/* What a notification carries: the objects of each kind of alarm, with the values of its row. */
#include "agent/notify_objects.h"

#include <string.h>

/* Numbers of the MIB text. */
enum {
    HOST = 2,
    KEY = 3,
    CLASS = 4,
    DOMAIN = 5,
    SRV = 6,
    PUBLICATION = 7,
    SOURCE = 10,
    ALARM = 11
};
enum { NAME = 2, CLASS_KEY_INDEX = 3, ALARM_SEVERITY = 3, ALARM_TEXT = 7 };

#define OF_THE_ALARM         \
    {ALARM, ALARM_SEVERITY}, \
    {                        \
        ALARM, ALARM_TEXT    \
    }

/* Status, RpcState, ConsecutiveFailures. */
static const struct kms_notify_object unreachable[] = {
    {HOST, 2}, {HOST, 7}, {HOST, 11}, {HOST, 28}, OF_THE_ALARM};
/* Verdict, Required, Headroom; CurrentCount. */
static const struct kms_notify_object count_low[] = {
    {HOST, 2}, {CLASS, 2}, {CLASS, 6}, {CLASS, 4}, {CLASS, 5}, {KEY, 14}, OF_THE_ALARM};
/* LicenseStatus, Status, Reasons. */
static const struct kms_notify_object key_not_licensed[] = {{HOST, 2}, {KEY, 2},  {KEY, 10},
                                                            {KEY, 32}, {KEY, 33}, OF_THE_ALARM};
/* State, MissingFor. */
static const struct kms_notify_object publication_lost[] = {
    {HOST, 2}, {DOMAIN, 2}, {PUBLICATION, 2}, {PUBLICATION, 3}, OF_THE_ALARM};
/* FailedRate, FailedRatio, TotalRequests, FailedRequests. */
static const struct kms_notify_object failed_requests[] = {
    {HOST, 2}, {KEY, 2}, {KEY, 28}, {KEY, 29}, {KEY, 19}, {KEY, 20}, OF_THE_ALARM};
/* Status, ClockSkew. */
static const struct kms_notify_object clock_skew[] = {
    {HOST, 2}, {HOST, 7}, {HOST, 21}, OF_THE_ALARM};
/* Target, Port, State. */
static const struct kms_notify_object rogue_record[] = {
    {DOMAIN, 2}, {SRV, 3}, {SRV, 4}, {SRV, 8}, OF_THE_ALARM};
/* Status, Authenticity, Reasons. */
static const struct kms_notify_object suspicious_host[] = {
    {HOST, 2}, {HOST, 7}, {HOST, 25}, {HOST, 9}, OF_THE_ALARM};
/* Outcome, OutcomeText, Stale. */
static const struct kms_notify_object data_stale[] = {{HOST, 2},   {SOURCE, 2},  {SOURCE, 3},
                                                      {SOURCE, 4}, {SOURCE, 11}, OF_THE_ALARM};
/* Status, Reasons. */
static const struct kms_notify_object config_drift[] = {
    {HOST, 2}, {HOST, 7}, {HOST, 9}, OF_THE_ALARM};

static const struct {
    const struct kms_notify_object *object;
    size_t count;
} kinds[] = {
    [KMS_ALARM_UNREACHABLE] = {unreachable, KMS_COUNT_OF(unreachable)},
    [KMS_ALARM_COUNT_LOW] = {count_low, KMS_COUNT_OF(count_low)},
    [KMS_ALARM_KEY] = {key_not_licensed, KMS_COUNT_OF(key_not_licensed)},
    [KMS_ALARM_PUBLICATION] = {publication_lost, KMS_COUNT_OF(publication_lost)},
    [KMS_ALARM_REQUESTS] = {failed_requests, KMS_COUNT_OF(failed_requests)},
    [KMS_ALARM_CLOCK] = {clock_skew, KMS_COUNT_OF(clock_skew)},
    [KMS_ALARM_ROGUE] = {rogue_record, KMS_COUNT_OF(rogue_record)},
    [KMS_ALARM_SUSPICIOUS] = {suspicious_host, KMS_COUNT_OF(suspicious_host)},
    [KMS_ALARM_STALE] = {data_stale, KMS_COUNT_OF(data_stale)},
    [KMS_ALARM_DRIFT] = {config_drift, KMS_COUNT_OF(config_drift)},
};

const struct kms_notify_object *kms_notify_objects(enum kms_alarm_type type, size_t *ret_count)
{
    size_t at = (size_t)type;
    if (at >= KMS_COUNT_OF(kinds) || kinds[at].object == NULL) {
        return NULL;
    }
    *ret_count = kinds[at].count;
    return kinds[at].object;
}

bool kms_notify_exists(const struct kms_alarm_news *news)
{
    size_t count;
    return kms_notify_objects(news->alarm.type, &count) != NULL &&
           (news->alarm.type != KMS_ALARM_DRIFT || !news->cleared);
}

uint32_t kms_notify_number(const struct kms_alarm_news *news)
{
    uint32_t type = (uint32_t)news->alarm.type;
    return news->cleared ? 2 * type : 2 * type - 1;
}

/* Every row but those of domains and their records begins with the host. */
static bool index_of_host(const struct kms_alarm_row *row, oid *index)
{
    index[0] = row->index[0];
    return row->len > 0 && row->table != DOMAIN && row->table != SRV;
}

static bool index_of_domain(const struct kms_alarm_row *row, oid *index)
{
    index[0] = row->table == PUBLICATION ? row->index[1] : row->index[0];
    return row->table == PUBLICATION || row->table == DOMAIN || row->table == SRV;
}

/* A class is about the key that its row names. */
static bool index_of_key(struct kms_mib *mib, const struct kms_alarm_row *row, oid *index)
{
    const oid cls[] = {row->index[0], row->index[1]};
    struct kms_mib_value key;
    if (row->table != CLASS ||
        !kms_mib_read(mib, kms_mib_table_of(CLASS), CLASS_KEY_INDEX, cls, &key)) {
        return false;
    }
    index[0] = row->index[0];
    index[1] = (oid)key.number;
    return true;
}

/* Which row of the table belongs to the row of the alarm; false: none. */
static bool index_in(struct kms_mib *mib, uint8_t table, const struct kms_alarm_row *row,
                     oid index[KMS_MIB_INDEX_MAX])
{
    if (table == row->table) {
        index[0] = row->index[0];
        index[1] = row->index[1];
        return true;
    }
    switch (table) {
    case HOST:
        return index_of_host(row, index);
    case DOMAIN:
        return index_of_domain(row, index);
    case KEY:
        return index_of_key(mib, row, index);
    default:
        return false;
    }
}

static bool value_in_mib(struct kms_mib *mib, const struct kms_mib_table *table,
                         const struct kms_notify_object *object, const struct kms_alarm_row *row,
                         oid index[KMS_MIB_INDEX_MAX], struct kms_mib_value *ret)
{
    return index_in(mib, object->table, row, index) &&
           kms_mib_read(mib, table, object->column, index, ret);
}

/* Its row is gone when it is cleared, so it speaks for itself. */
static bool value_of_alarm(const struct kms_alarm *alarm, const struct kms_notify_object *object,
                           oid index[KMS_MIB_INDEX_MAX], struct kms_mib_value *ret)
{
    index[0] = alarm->index;
    return object->column == ALARM_SEVERITY ? kms_mib_number(ret, alarm->severity)
                                            : kms_mib_text(ret, alarm->text);
}

/* The row of what is no longer watched is gone, too; the alarm knows its name. */
static bool name_by_alarm(const struct kms_alarm *alarm, const struct kms_notify_object *object,
                          oid index[KMS_MIB_INDEX_MAX], struct kms_mib_value *ret)
{
    bool is_domain = alarm->row.table == DOMAIN || alarm->row.table == SRV;
    bool is_owner = object->column == NAME && object->table == (is_domain ? DOMAIN : HOST);
    return is_owner &&
           (is_domain ? index_of_domain(&alarm->row, index) : index_of_host(&alarm->row, index)) &&
           kms_mib_text(ret, alarm->owner);
}

size_t kms_notify_collect(struct kms_mib *mib, const struct kms_alarm_news *news,
                          struct kms_notify_varbind dst[KMS_NOTIFY_OBJECTS_MAX])
{
    const struct kms_alarm *alarm = &news->alarm;
    size_t objects = 0, count = 0;
    const struct kms_notify_object *object = kms_notify_objects(alarm->type, &objects);
    for (size_t i = 0; i < objects; i++) {
        const struct kms_mib_table *table = kms_mib_table_of(object[i].table);
        struct kms_notify_varbind *varbind = &dst[count];
        oid index[KMS_MIB_INDEX_MAX] = {0};
        memset(&varbind->value, 0, sizeof varbind->value);
        bool known = object[i].table == ALARM
                         ? value_of_alarm(alarm, &object[i], index, &varbind->value)
                         : value_in_mib(mib, table, &object[i], &alarm->row, index,
                                        &varbind->value) ||
                               name_by_alarm(alarm, &object[i], index, &varbind->value);
        if (known) {
            varbind->type = kms_mib_column_of(table, object[i].column)->type;
            varbind->name_len = kms_mib_name(table, object[i].column, index, varbind->name);
            count++;
        }
    }
    return count;
}
