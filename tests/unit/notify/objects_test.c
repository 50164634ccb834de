/* The objects of the notifications against the MIB text, in both directions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "agent/notify_objects.h"

#define ALARMS_MAX    32
#define NOTIFICATIONS 0 /* kmsmonNotifications below the root */

static struct tree *notifications;

static struct tree *child_of(const struct tree *parent, unsigned long number)
{
    for (struct tree *child = parent->child_list; child != NULL; child = child->next_peer) {
        if (child->subid == number) {
            return child;
        }
    }
    return NULL;
}

static struct tree *all;

static int setup(void **state)
{
    (void)state;
    assert_int_equal(setenv("MIBS", "", 1), 0);
    (void)netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
    (void)netsnmp_ds_set_string(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_MIBDIRS, KMSMON_MIB_DIRS);
    netsnmp_init_mib();
    all = netsnmp_read_module("KMSMON-MIB");
    assert_non_null(all);
    size_t len;
    const oid *root = kms_mib_root(&len);
    struct tree *found = get_tree(root, len, all);
    assert_non_null(found);
    notifications = child_of(found, NOTIFICATIONS);
    assert_non_null(notifications);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    shutdown_mib();
    netsnmp_ds_shutdown();
    return 0;
}

/* What the MIB calls a column. */
static const char *label_of(const struct kms_notify_object *object)
{
    oid name[KMS_MIB_NAME_MAX], index[KMS_MIB_INDEX_MAX] = {0};
    const struct kms_mib_table *table = kms_mib_table_of(object->table);
    assert_non_null(table);
    size_t len = kms_mib_name(table, object->column, index, name) - table->index_len;
    const struct tree *found = get_tree(name, len, all);
    return found == NULL || found->subid != object->column ? NULL : found->label;
}

static size_t faults_of(const struct tree *node, const struct kms_notify_object *object,
                        size_t count)
{
    size_t faults = 0, i = 0;
    for (const struct varbind_list *said = node->varbinds; said != NULL; said = said->next, i++) {
        const char *ours = i < count ? label_of(&object[i]) : NULL;
        if (ours == NULL || !kms_text_equal(ours, said->vblabel)) {
            print_error("%s, object %zu: %s in the MIB text, %s in the table\n", node->label, i + 1,
                        said->vblabel, ours == NULL ? "none" : ours);
            faults++;
        }
    }
    if (i != count) {
        print_error("%s: %zu objects in the MIB text, %zu in the table\n", node->label, i, count);
        faults++;
    }
    return faults;
}

static struct kms_alarm_news news_of(int type, bool cleared)
{
    return (struct kms_alarm_news){.cleared = cleared,
                                   .alarm = {.type = (enum kms_alarm_type)type}};
}

static void every_alarm_has_the_objects_of_its_notifications(void **state)
{
    (void)state;
    size_t faults = 0, found = 0;
    for (int type = 0; type < ALARMS_MAX; type++) {
        for (int cleared = 0; cleared < 2; cleared++) {
            const struct kms_alarm_news news = news_of(type, cleared != 0);
            if (!kms_notify_exists(&news)) {
                continue;
            }
            const struct tree *node = child_of(notifications, kms_notify_number(&news));
            size_t count = 0;
            const struct kms_notify_object *object = kms_notify_objects(news.alarm.type, &count);
            assert_true(count <= KMS_NOTIFY_OBJECTS_MAX);
            if (node == NULL) {
                fail_msg("notification %u is not in the MIB text", kms_notify_number(&news));
                return;
            }
            faults += faults_of(node, object, count);
            found++;
        }
    }
    assert_int_equal(faults, 0);
    size_t said = 0;
    for (const struct tree *node = notifications->child_list; node; node = node->next_peer) {
        said++;
    }
    assert_int_equal(found, said);
}

static void every_kind_of_alarm_can_be_raised(void **state)
{
    (void)state;
    const struct kms_word_set *kinds = kms_words_alarm_type();
    for (int type = 1; type < ALARMS_MAX; type++) {
        const struct kms_alarm_news news = news_of(type, false);
        bool known = false;
        for (size_t i = 0; i < kinds->count; i++) {
            known = known || kinds->words[i].number == type;
        }
        assert_int_equal(kms_notify_exists(&news), known);
    }
}

static void a_raise_has_the_odd_number_before_its_clear(void **state)
{
    (void)state;
    const struct kms_alarm_news raised = news_of(KMS_ALARM_STALE, false),
                                cleared = news_of(KMS_ALARM_STALE, true);
    assert_int_equal(kms_notify_number(&raised), 17);
    assert_int_equal(kms_notify_number(&cleared), 18);
}

static void that_a_drift_is_over_is_not_told(void **state)
{
    (void)state;
    const struct kms_alarm_news raised = news_of(KMS_ALARM_DRIFT, false),
                                cleared = news_of(KMS_ALARM_DRIFT, true);
    assert_true(kms_notify_exists(&raised));
    assert_false(kms_notify_exists(&cleared));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_alarm_has_the_objects_of_its_notifications),
        cmocka_unit_test(every_kind_of_alarm_can_be_raised),
        cmocka_unit_test(a_raise_has_the_odd_number_before_its_clear),
        cmocka_unit_test(that_a_drift_is_over_is_not_told),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
