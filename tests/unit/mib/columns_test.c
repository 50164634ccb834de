/* The column rows against the MIB text, in both directions: what is missing on which side, and
 * types that differ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "agent/mib_table.h"

static struct tree *objects;

static struct tree *child_of(const struct tree *parent, unsigned long number)
{
    for (struct tree *child = parent->child_list; child != NULL; child = child->next_peer) {
        if (child->subid == number) {
            return child;
        }
    }
    return NULL;
}

static int setup(void **state)
{
    (void)state;
    assert_int_equal(setenv("MIBS", "", 1), 0);
    (void)netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
    (void)netsnmp_ds_set_string(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_MIBDIRS, KMSMON_MIB_DIRS);
    netsnmp_init_mib();
    struct tree *all = netsnmp_read_module("KMSMON-MIB");
    assert_non_null(all);
    size_t len;
    const oid *root = kms_mib_root(&len);
    struct tree *found = get_tree(root, len, all);
    assert_non_null(found);
    assert_string_equal(found->label, "kmsmonMIB");
    objects = child_of(found, KMS_MIB_OBJECTS);
    assert_non_null(objects);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    shutdown_mib();
    netsnmp_ds_shutdown();
    return 0;
}

/* What the types of the MIB text are on the wire. */
static int wire_type(int mib_type)
{
    switch (mib_type) {
    case TYPE_INTEGER:
    case TYPE_INTEGER32:
        return ASN_INTEGER;
    case TYPE_OCTETSTR:
    case TYPE_BITSTRING:
        return ASN_OCTET_STR;
    case TYPE_GAUGE:
    case TYPE_UNSIGNED32:
        return ASN_GAUGE;
    case TYPE_COUNTER:
        return ASN_COUNTER;
    case TYPE_OBJID:
        return ASN_OBJECT_ID;
    default:
        return -1;
    }
}

static const struct tree *columns_of(const struct kms_mib_table *table)
{
    const struct tree *node = child_of(objects, table->number);
    if (node == NULL) {
        print_error("object group %u is not in the MIB text\n", table->number);
        return NULL;
    }
    return table->scalars ? node : child_of(node, 1);
}

static size_t faults_of_rows(const struct kms_mib_table *table, const struct tree *columns)
{
    size_t faults = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        const struct kms_mib_column *column = &table->column[i];
        const struct tree *node = child_of(columns, column->number);
        if (node == NULL) {
            print_error("%s.%u: the MIB text has no such column\n", columns->label, column->number);
            faults++;
        } else if (wire_type(node->type) != column->type) {
            print_error("%s: type %d in the MIB text, ASN type 0x%02x in the column row\n",
                        node->label, node->type, column->type);
            faults++;
        }
        if (i > 0 && column->number <= table->column[i - 1].number) {
            print_error("%s.%u: column rows are out of order\n", columns->label, column->number);
            faults++;
        }
    }
    return faults;
}

static size_t faults_of_text(const struct kms_mib_table *table, const struct tree *columns)
{
    size_t faults = 0;
    for (const struct tree *node = columns->child_list; node != NULL; node = node->next_peer) {
        bool found = false;
        for (size_t i = 0; i < table->column_count; i++) {
            found = found || table->column[i].number == node->subid;
        }
        bool readable = node->access == MIB_ACCESS_READONLY;
        if (found != readable) {
            print_error("%s: %s\n", node->label,
                        readable ? "there is no column row" : "is not accessible, but has a row");
            faults++;
        }
    }
    return faults;
}

static void column_rows_and_mib_text_agree(void **state)
{
    (void)state;
    size_t count, faults = 0;
    const struct kms_mib_table *const *tables = kms_mib_tables(&count);
    for (size_t i = 0; i < count; i++) {
        const struct tree *columns = columns_of(tables[i]);
        if (columns == NULL) {
            faults++;
            continue;
        }
        faults += faults_of_rows(tables[i], columns) + faults_of_text(tables[i], columns);
    }
    assert_int_equal(faults, 0);
}

static void every_object_group_of_the_mib_text_is_served(void **state)
{
    (void)state;
    size_t count;
    const struct kms_mib_table *const *tables = kms_mib_tables(&count);
    for (const struct tree *node = objects->child_list; node != NULL; node = node->next_peer) {
        bool found = false;
        for (size_t i = 0; i < count; i++) {
            found = found || tables[i]->number == node->subid;
        }
        if (!found) {
            fail_msg("%s is not served", node->label);
        }
    }
}

static void no_column_has_a_higher_number_than_there_may_be(void **state)
{
    (void)state;
    size_t count;
    const struct kms_mib_table *const *tables = kms_mib_tables(&count);
    for (size_t t = 0; t < count; t++) {
        assert_true(tables[t]->column_count <= KMS_MIB_COLUMN_MAX);
        for (size_t c = 0; c < tables[t]->column_count; c++) {
            assert_true(tables[t]->column[c].number <= KMS_MIB_COLUMN_MAX);
        }
    }
}

static void indexes_have_as_many_parts_as_the_mib_text_says(void **state)
{
    (void)state;
    size_t count;
    const struct kms_mib_table *const *tables = kms_mib_tables(&count);
    for (size_t i = 0; i < count; i++) {
        const struct tree *entry = columns_of(tables[i]);
        if (tables[i]->scalars || entry == NULL) {
            continue;
        }
        size_t parts = 0;
        for (const struct index_list *index = entry->indexes; index != NULL; index = index->next) {
            parts++;
        }
        if (parts != tables[i]->index_len) {
            fail_msg("%s: INDEX has %zu parts", entry->label, parts);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(column_rows_and_mib_text_agree),
        cmocka_unit_test(every_object_group_of_the_mib_text_is_served),
        cmocka_unit_test(no_column_has_a_higher_number_than_there_may_be),
        cmocka_unit_test(indexes_have_as_many_parts_as_the_mib_text_says),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
