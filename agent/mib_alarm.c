/* kmsmonAlarmTable: one row per alarm that is raised. */
#include "agent/mib_table.h"

enum told { TYPE, SEVERITY, HOST, OBJECT, SINCE, TEXT };

/* The first column of the row that the alarm is about. */
static bool get_object(const struct kms_alarm_view *alarm, struct kms_mib_value *ret)
{
    const struct kms_mib_table *table = kms_mib_table_of(alarm->row.table);
    if (table == NULL || table->scalars || table->index_len != alarm->row.len) {
        return false; /* of a store that another release wrote */
    }
    const oid index[KMS_MIB_INDEX_MAX] = {alarm->row.index[0], alarm->row.index[1]};
    oid name[KMS_MIB_NAME_MAX];
    size_t len = kms_mib_name(table, table->column[0].number, index, name);
    return kms_mib_oid(ret, name, len);
}

static bool get_told(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    const struct kms_alarm_view *alarm = view->alarm;
    switch ((enum told)what) {
    case TYPE:
        return kms_mib_number(ret, alarm->type);
    case SEVERITY:
        return kms_mib_number(ret, alarm->severity);
    case HOST:
        return kms_mib_text(ret, alarm->owner);
    case OBJECT:
        return get_object(alarm, ret);
    case SINCE:
        return kms_mib_time(ret, alarm->since_s);
    case TEXT:
        return kms_mib_text(ret, alarm->text);
    }
    return false;
}

static const struct kms_mib_column columns[] = {
    {2, ASN_INTEGER, TYPE, get_told},    {3, ASN_INTEGER, SEVERITY, get_told},
    {4, ASN_OCTET_STR, HOST, get_told},  {5, ASN_OBJECT_ID, OBJECT, get_told},
    {6, ASN_OCTET_STR, SINCE, get_told}, {7, ASN_OCTET_STR, TEXT, get_told},
};

static bool find(struct kms_mib_view *view)
{
    view->alarm = view->alarms->table == NULL
                      ? NULL
                      : kms_alarms_find(view->alarms->table, (uint32_t)view->index[0]);
    return view->alarm != NULL;
}

const struct kms_mib_table kms_mib_alarm_table = {.number = 11,
                                                  .alarms = true,
                                                  .index_len = 1,
                                                  .column = columns,
                                                  .column_count = KMS_COUNT_OF(columns),
                                                  .find = find};
