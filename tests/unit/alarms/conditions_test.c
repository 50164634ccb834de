/* What of a host or a domain becomes an alarm, what does not, and what cannot be told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "unit/alarms/stage.h"

static int setup(void **state)
{
    *state = stage_open();
    stage_bind(*state, 0, KMS_RPC_ACCEPTED);
    return 0;
}

static int teardown(void **state)
{
    stage_close(*state);
    return 0;
}

static size_t raised(const struct stage *stage)
{
    return kms_alarms_count(kms_agent_alarms_table(stage->alarms));
}

static void report_twice(struct stage *stage, int64_t count, int64_t license)
{
    stage_report(stage, 0, count, license);
    stage_report(stage, 0, count, license);
}

static void a_count_below_is_an_alarm_for_each_class_that_needs_more(void **state)
{
    struct stage *stage = *state;
    report_twice(stage, 10, KMS_LICENSE_LICENSED);
    const struct kms_alarm_view *alarm = NULL;
    assert_int_equal(stage_raised(stage, KMS_ALARM_COUNT_LOW, &alarm), 1);
    assert_int_equal(alarm->severity, KMS_STATE_CRITICAL);
    assert_string_equal(alarm->object, "class windowsClient");
    assert_string_equal(alarm->text, "windowsClient: count 10, required 25");
    assert_int_equal(alarm->row.table, 4);
    assert_int_equal(alarm->row.index[1], KMS_CLASS_CLIENT);
    report_twice(stage, 3, KMS_LICENSE_LICENSED);
    assert_int_equal(stage_raised(stage, KMS_ALARM_COUNT_LOW, NULL), 2);
    assert_int_equal(raised(stage), 2);
    report_twice(stage, 50, KMS_LICENSE_LICENSED);
    assert_int_equal(raised(stage), 0);
    assert_int_equal(stage->told_count, 4);
}

static void just_enough_is_no_alarm(void **state)
{
    struct stage *stage = *state;
    report_twice(stage, 25, KMS_LICENSE_LICENSED);
    assert_int_equal(kms_board_snapshot(stage->board, 0)->judgement.state, KMS_STATE_WARNING);
    assert_int_equal(raised(stage), 0);
    report_twice(stage, 24, KMS_LICENSE_LICENSED);
    assert_int_equal(stage_raised(stage, KMS_ALARM_COUNT_LOW, NULL), 1);
    report_twice(stage, 25, KMS_LICENSE_LICENSED); /* they activate again */
    assert_int_equal(raised(stage), 0);
}

static void a_key_that_is_not_licensed_is_an_alarm_and_its_count_waits(void **state)
{
    struct stage *stage = *state;
    report_twice(stage, 10, KMS_LICENSE_LICENSED);
    report_twice(stage, 50, KMS_LICENSE_NOTIFICATION);
    const struct kms_alarm_view *alarm = NULL;
    assert_int_equal(stage_raised(stage, KMS_ALARM_KEY, &alarm), 1);
    assert_int_equal(alarm->row.table, 3);
    assert_non_null(strstr(alarm->text, "notification"));
    assert_int_equal(stage_raised(stage, KMS_ALARM_COUNT_LOW, NULL), 1);
    report_twice(stage, 50, KMS_LICENSE_LICENSED);
    assert_int_equal(raised(stage), 0);
}

static void an_unreachable_host_freezes_what_hangs_on_it_from_the_first_poll(void **state)
{
    struct stage *stage = *state;
    report_twice(stage, 10, KMS_LICENSE_LICENSED);
    assert_int_equal(raised(stage), 1);
    stage_report(stage, 0, 50, KMS_LICENSE_LICENSED); /* the first poll that would clear */
    stage_bind(stage, 0, KMS_RPC_REFUSED);
    for (int i = 0; i < 4; i++) {
        stage_report(stage, 0, 50, KMS_LICENSE_NOTIFICATION);
        stage_fail(stage, 0, KMS_SOURCE_REPORT, KMS_OUTCOME_REPORT_MISSING);
        stage_fail(stage, 0, KMS_SOURCE_REPORT, KMS_OUTCOME_REPORT_MISSING);
    }
    assert_int_equal(stage_raised(stage, KMS_ALARM_COUNT_LOW, NULL), 1);
    assert_int_equal(raised(stage), 1);
    stage_bind(stage, 0, KMS_RPC_TIMEOUT);
    assert_int_equal(raised(stage), 2);
    assert_int_equal(stage_raised(stage, KMS_ALARM_UNREACHABLE, NULL), 1);
    stage_bind(stage, 0, KMS_RPC_ACCEPTED);
    stage_report(stage, 0, 50, KMS_LICENSE_LICENSED);
    assert_int_equal(stage_raised(stage, KMS_ALARM_COUNT_LOW, NULL), 1); /* judged afresh */
    stage_bind(stage, 0, KMS_RPC_ACCEPTED);
    stage_report(stage, 0, 50, KMS_LICENSE_LICENSED);
    assert_int_equal(raised(stage), 0);
    assert_int_equal(stage->told_count, 4);
}

static void a_stale_source_is_an_alarm_of_its_own_and_freezes_what_rests_on_it(void **state)
{
    struct stage *stage = *state;
    report_twice(stage, 10, KMS_LICENSE_LICENSED);
    stage_fail(stage, 0, KMS_SOURCE_REPORT, KMS_OUTCOME_REPORT_MISSING);
    assert_int_equal(stage_raised(stage, KMS_ALARM_STALE, NULL), 0);
    stage_fail(stage, 0, KMS_SOURCE_REPORT, KMS_OUTCOME_REPORT_MISSING);
    const struct kms_alarm_view *alarm = NULL;
    assert_int_equal(stage_raised(stage, KMS_ALARM_STALE, &alarm), 1);
    assert_int_equal(alarm->severity, KMS_STATE_UNKNOWN);
    assert_int_equal(alarm->row.table, 10);
    assert_int_equal(alarm->row.index[1], KMS_SOURCE_REPORT);
    assert_string_equal(alarm->text, "report: report-missing: made up");
    assert_int_equal(stage_raised(stage, KMS_ALARM_COUNT_LOW, NULL), 1);
    for (int i = 0; i < 5; i++) { /* polls of another source tell nothing of it */
        stage_bind(stage, 0, KMS_RPC_ACCEPTED);
    }
    assert_int_equal(raised(stage), 2);
    report_twice(stage, 50, KMS_LICENSE_LICENSED);
    assert_int_equal(raised(stage), 0);
}

static void a_host_whose_port_was_not_asked_yet_is_not_judged(void **state)
{
    struct stage *stage = *state;
    size_t slot = stage_add_host(stage, "kms2", KMS_CLASS_BIT(KMS_CLASS_SERVER));
    for (int i = 0; i < 4; i++) {
        stage_report(stage, slot, 1, KMS_LICENSE_NOTIFICATION);
    }
    for (int i = 0; i < 4; i++) {
        stage_report(stage, slot, 1, KMS_LICENSE_LICENSED);
    }
    assert_int_equal(raised(stage), 0);
    stage_bind(stage, slot, KMS_RPC_ACCEPTED);
    stage_report(stage, slot, 1, KMS_LICENSE_NOTIFICATION);
    stage_report(stage, slot, 1, KMS_LICENSE_NOTIFICATION);
    assert_int_equal(stage_raised(stage, KMS_ALARM_KEY, NULL), 1);
}

static void publish_key(struct stage *stage, int64_t port, int64_t expires, bool key_is_there)
{
    struct kms_result result;
    kms_result_init(&result, KMS_SOURCE_REPORT);
    result.outcome = KMS_OUTCOME_OK;
    result.wall_s = stage->now_us / 1000000;
    result.data_s = result.data_s_min = result.data_s_max = result.wall_s;
    if (port) {
        kms_facts_set_number(&result.host, KMS_FACT_LISTENING_PORT, port);
    }
    struct kms_facts *key = kms_result_add_key(&result);
    assert_non_null(key);
    kms_facts_set_text(key, KMS_FACT_APPLICATION_ID, key_is_there ? STAGE_WINDOWS : STAGE_OFFICE);
    kms_facts_set_text(key, KMS_FACT_ACTIVATION_ID, key_is_there ? "c99b641f" : "d");
    kms_facts_set_number(key, KMS_FACT_LICENSE_STATUS, KMS_LICENSE_LICENSED);
    kms_facts_set_number(key, KMS_FACT_CURRENT_COUNT, 50);
    if (expires) {
        kms_facts_set_number(key, KMS_FACT_LICENSE_EXPIRES, expires);
    }
    stage_publish(stage, 0, &result);
    kms_result_done(&result);
}

static void the_end_of_a_key_and_that_it_has_come_are_two_alarms(void **state)
{
    struct stage *stage = *state;
    const struct kms_alarm_view *alarm = NULL;
    publish_key(stage, 0, 60 * 24 * 20, true);
    publish_key(stage, 0, 60 * 24 * 20, true);
    assert_int_equal(stage_raised(stage, KMS_ALARM_KEY, &alarm), 1);
    assert_int_equal(alarm->severity, KMS_STATE_WARNING);
    publish_key(stage, 0, 60 * 24 * 2, true);
    assert_int_equal(alarm->severity, KMS_STATE_CRITICAL);
    assert_int_equal(stage->told_count, 1);
    report_twice(stage, 50, KMS_LICENSE_NOTIFICATION);
    assert_int_equal(stage_raised(stage, KMS_ALARM_KEY, NULL), 2);
    assert_int_equal(stage->told_count, 2);
    report_twice(stage, 50, KMS_LICENSE_LICENSED);
    assert_int_equal(raised(stage), 0);
    assert_int_equal(stage->told_count, 4);
}

static void a_key_that_is_gone_clears_and_leaves_its_class_unserved(void **state)
{
    struct stage *stage = *state;
    report_twice(stage, 50, KMS_LICENSE_NOTIFICATION);
    assert_int_equal(stage_raised(stage, KMS_ALARM_KEY, NULL), 1);
    publish_key(stage, 0, 0, false);
    publish_key(stage, 0, 0, false);
    const struct kms_alarm_view *alarm = NULL;
    assert_int_equal(stage_raised(stage, KMS_ALARM_KEY, &alarm), 2);
    assert_int_equal(alarm->row.table, 4);
    assert_non_null(strstr(alarm->text, "no installed host key serves it"));
    bool is_cleared = false;
    for (size_t i = 0; i < stage->told_count; i++) {
        is_cleared = is_cleared ||
                     (stage->told[i].news.cleared && stage->told[i].news.alarm.row.table == 3);
    }
    assert_true(is_cleared);
}

/* An answer to an activation request shows one key of all that the host has. */
static void a_key_is_not_gone_while_the_source_that_may_know_it_is_silent(void **state)
{
    struct stage *stage = *state;
    char name[] = "kms4";
    struct kms_target target = {.name = name, .port = KMS_DEFAULT_PORT};
    target.source[KMS_SOURCE_REPORT].enabled = true;
    target.source[KMS_SOURCE_ACTIVATION].enabled = true;
    struct kms_result answer;
    kms_result_init(&answer, KMS_SOURCE_ACTIVATION);
    answer.outcome = KMS_OUTCOME_OK;
    answer.wall_s = answer.data_s = STAGE_START;
    struct kms_facts *key = kms_result_add_key(&answer);
    assert_non_null(key);
    kms_facts_set_text(key, KMS_FACT_APPLICATION_ID, STAGE_OFFICE);
    kms_facts_set_number(key, KMS_FACT_CURRENT_COUNT, 50);
    size_t slot;
    assert_int_equal(kms_board_add(stage->board, &target, 40, &slot), KMS_OK);
    stage_publish(stage, slot, &answer);
    stage_report(stage, slot, 50, KMS_LICENSE_NOTIFICATION);
    stage_report(stage, slot, 50, KMS_LICENSE_NOTIFICATION);
    assert_int_equal(stage_raised(stage, KMS_ALARM_KEY, NULL), 1);
    struct kms_alarm_view before = *kms_alarms_at(kms_agent_alarms_table(stage->alarms), 0);
    /* Taken off the board and put there again, it has no report yet, as after a restart. */
    kms_agent_alarms_hold(stage->alarms, true);
    assert_int_equal(kms_board_retire(stage->board, slot), KMS_OK);
    assert_int_equal(kms_board_add(stage->board, &target, 40, &slot), KMS_OK);
    kms_agent_alarms_hold(stage->alarms, false);
    for (int i = 0; i < 4; i++) {
        stage_publish(stage, slot, &answer);
    }
    assert_int_equal(stage_raised(stage, KMS_ALARM_KEY, NULL), 1);
    assert_int_equal(kms_alarms_at(kms_agent_alarms_table(stage->alarms), 0)->index, before.index);
    stage_report(stage, slot, 50, KMS_LICENSE_LICENSED);
    stage_report(stage, slot, 50, KMS_LICENSE_LICENSED);
    assert_int_equal(raised(stage), 0);
    kms_result_done(&answer);
}

static void a_drift_is_told_once_and_leaves_without_a_word(void **state)
{
    struct stage *stage = *state;
    publish_key(stage, 1688, 0, true);
    publish_key(stage, 1689, 0, true);
    publish_key(stage, 1689, 0, true);
    const struct kms_alarm_view *alarm = NULL;
    assert_int_equal(stage_raised(stage, KMS_ALARM_DRIFT, &alarm), 1);
    assert_string_equal(alarm->text, "port 1688 became 1689");
    assert_int_equal(stage->told_count, 1);
    stage->now_us += INT64_C(86400000000); /* it is drift for a day */
    publish_key(stage, 1689, 0, true);
    assert_int_equal(raised(stage), 1);
    publish_key(stage, 1689, 0, true);
    assert_int_equal(raised(stage), 0);
    assert_int_equal(stage->told_count, 1);
    assert_int_equal(stage_records(stage, KMS_STORE_ALARM), 0);
}

static void publish_skew(struct stage *stage, int64_t skew_s)
{
    struct kms_result result;
    kms_result_init(&result, KMS_SOURCE_REPORT);
    result.outcome = KMS_OUTCOME_OK;
    result.wall_s = stage->now_us / 1000000;
    result.data_s = result.data_s_min = result.data_s_max = result.wall_s;
    kms_facts_set_number(&result.host, KMS_FACT_CLOCK_SKEW, skew_s);
    stage_publish(stage, 0, &result);
    kms_result_done(&result);
}

static void a_clock_that_differs_is_an_alarm(void **state)
{
    struct stage *stage = *state;
    publish_skew(stage, -5400);
    publish_skew(stage, -5400);
    const struct kms_alarm_view *alarm = NULL;
    assert_int_equal(stage_raised(stage, KMS_ALARM_CLOCK, &alarm), 1);
    assert_int_equal(alarm->severity, KMS_STATE_WARNING);
    assert_string_equal(alarm->text, "the host's clock is 90 min slow");
    for (int i = 0; i < 3; i++) { /* says nothing of the clock */
        stage_bind(stage, 0, KMS_RPC_ACCEPTED);
    }
    assert_int_equal(stage_raised(stage, KMS_ALARM_CLOCK, NULL), 1);
    publish_skew(stage, 4);
    publish_skew(stage, 4);
    assert_int_equal(stage_raised(stage, KMS_ALARM_CLOCK, NULL), 0);
}

/* ---- domains ---- */

static enum kms_rpc_state answers(void *arg, const struct kms_zone_record *record)
{
    (void)arg;
    (void)record;
    return KMS_RPC_ACCEPTED;
}

static void look_up(struct stage *stage, enum kms_outcome outcome, const char *const target[],
                    size_t count)
{
    struct kms_zone_record record[4] = {0};
    for (size_t i = 0; i < count; i++) {
        kms_text_copy(record[i].target, sizeof record[i].target, target[i]);
        record[i].port = 1688;
        record[i].resolution = KMS_ZONE_RESOLVES;
        kms_text_format(record[i].address[0], sizeof record[i].address[0], "192.0.2.%zu", i + 1);
        record[i].address_count = 1;
    }
    const struct kms_zone_lookup lookup = {.outcome = outcome,
                                           .wall_s = stage->now_us / 1000000,
                                           .record = record,
                                           .record_count = count};
    assert_int_equal(kms_zones_publish(stage->zones, 0, &lookup), KMS_OK);
    while (stage->flushed) {
        stage_flush(stage);
    }
    stage->now_us += 1000000;
}

static size_t add_published_host(struct stage *stage)
{
    char name[] = "kms9.example.com";
    struct kms_target target = {.name = name, .port = KMS_DEFAULT_PORT};
    target.source[KMS_SOURCE_DNS].enabled = true;
    target.source[KMS_SOURCE_RPC].enabled = true;
    size_t slot;
    assert_int_equal(kms_board_add(stage->board, &target, 99, &slot), KMS_OK);
    return slot;
}

static void a_lost_publication_and_a_rogue_record_are_alarms_of_the_lookups(void **state)
{
    struct stage *stage = *state;
    kms_zones_set_strangers(stage->zones, answers, NULL);
    size_t slot = add_published_host(stage);
    stage_bind(stage, slot, KMS_RPC_REFUSED); /* a dead host hides nothing that DNS tells */
    static const char *const others[] = {"evil.example.com"};
    static const char *const both[] = {"evil.example.com", "kms9.example.com"};
    static const char *const good[] = {"kms9.example.com"};
    look_up(stage, KMS_OUTCOME_OK, others, 1);
    assert_int_equal(raised(stage), 0);
    look_up(stage, KMS_OUTCOME_OK, others, 1);
    const struct kms_alarm_view *alarm = NULL;
    assert_int_equal(stage_raised(stage, KMS_ALARM_PUBLICATION, &alarm), 1);
    assert_string_equal(alarm->owner, "kms9.example.com");
    assert_string_equal(alarm->object, "domain example.com");
    assert_int_equal(alarm->row.table, 7);
    assert_int_equal(alarm->row.index[0], 99);
    assert_int_equal(alarm->row.index[1], 1);
    assert_int_equal(stage_raised(stage, KMS_ALARM_ROGUE, &alarm), 1);
    assert_string_equal(alarm->owner, "example.com");
    assert_string_equal(alarm->object, "record evil.example.com:1688");
    assert_int_equal(alarm->row.table, 6);
    for (int i = 0; i < 4; i++) { /* an outage of DNS tells nothing of records */
        look_up(stage, KMS_OUTCOME_DNS_SERVFAIL, NULL, 0);
    }
    assert_int_equal(raised(stage), 3);
    assert_int_equal(stage_raised(stage, KMS_ALARM_STALE, &alarm), 1); /* but of itself */
    look_up(stage, KMS_OUTCOME_OK, both, 2);
    look_up(stage, KMS_OUTCOME_OK, both, 2);
    assert_int_equal(stage_raised(stage, KMS_ALARM_PUBLICATION, NULL), 0);
    assert_int_equal(stage_raised(stage, KMS_ALARM_ROGUE, NULL), 1);
    look_up(stage, KMS_OUTCOME_OK, good, 1);
    look_up(stage, KMS_OUTCOME_OK, good, 1);
    assert_int_equal(raised(stage), 0);
    assert_int_equal(stage->told_count, 6);
}

static void silent_dns_is_one_alarm_of_the_domain_however_many_hosts_it_has(void **state)
{
    struct stage *stage = *state;
    size_t slot = add_published_host(stage);
    stage_bind(stage, slot, KMS_RPC_ACCEPTED);
    look_up(stage, KMS_OUTCOME_DNS_TIMEOUT, NULL, 0);
    assert_int_equal(raised(stage), 0);
    look_up(stage, KMS_OUTCOME_DNS_TIMEOUT, NULL, 0);
    for (int i = 0; i < 3; i++) { /* what the hosts hear of it */
        stage_fail(stage, slot, KMS_SOURCE_DNS, KMS_OUTCOME_DNS_TIMEOUT);
    }
    for (int i = 0; i < 3; i++) { /* and who wants their addresses */
        stage_fail(stage, slot, KMS_SOURCE_RPC, KMS_OUTCOME_DNS_UNREACHABLE);
    }
    const struct kms_alarm_view *alarm = NULL;
    assert_int_equal(raised(stage), 1);
    assert_int_equal(stage_raised(stage, KMS_ALARM_STALE, &alarm), 1);
    assert_string_equal(alarm->owner, "example.com");
    assert_string_equal(alarm->object, "lookup");
    assert_int_equal(alarm->severity, KMS_STATE_UNKNOWN);
    assert_int_equal(alarm->row.table, 5);
    assert_int_equal(alarm->row.index[0], 1);
    look_up(stage, KMS_OUTCOME_DNS_NXDOMAIN, NULL, 0); /* an answer, if no good one */
    assert_int_equal(stage_raised(stage, KMS_ALARM_STALE, NULL), 1);
    look_up(stage, KMS_OUTCOME_DNS_NXDOMAIN, NULL, 0);
    assert_int_equal(stage_raised(stage, KMS_ALARM_STALE, NULL), 0);
}

static void a_name_that_alone_cannot_be_looked_up_is_an_alarm_of_its_host(void **state)
{
    struct stage *stage = *state;
    static const char *const record[] = {"kms9.example.com"};
    size_t slot = add_published_host(stage);
    const struct kms_alarm_view *alarm = NULL;
    stage_bind(stage, slot, KMS_RPC_ACCEPTED);
    for (int i = 0; i < 3; i++) { /* its domain may be as silent, and was not asked since */
        stage_fail(stage, slot, KMS_SOURCE_RPC, KMS_OUTCOME_DNS_TIMEOUT);
    }
    assert_int_equal(raised(stage), 0);
    look_up(stage, KMS_OUTCOME_OK, record, 1);
    stage_fail(stage, slot, KMS_SOURCE_DNS, KMS_OUTCOME_OK);
    for (int i = 0; i < 2; i++) {
        stage_fail(stage, slot, KMS_SOURCE_RPC, KMS_OUTCOME_DNS_TIMEOUT);
    }
    assert_int_equal(stage_raised(stage, KMS_ALARM_STALE, &alarm), 1);
    assert_string_equal(alarm->owner, "kms9.example.com");
    assert_string_equal(alarm->object, "source rpc");
}

static void a_publication_that_is_not_expected_any_more_clears(void **state)
{
    struct stage *stage = *state;
    size_t slot = add_published_host(stage);
    look_up(stage, KMS_OUTCOME_DNS_NXDOMAIN, NULL, 0);
    look_up(stage, KMS_OUTCOME_DNS_NXDOMAIN, NULL, 0);
    assert_int_equal(stage_raised(stage, KMS_ALARM_PUBLICATION, NULL), 1);
    assert_int_equal(kms_board_retire(stage->board, slot), KMS_OK);
    look_up(stage, KMS_OUTCOME_DNS_NXDOMAIN, NULL, 0);
    look_up(stage, KMS_OUTCOME_DNS_NXDOMAIN, NULL, 0);
    assert_int_equal(stage_raised(stage, KMS_ALARM_PUBLICATION, NULL), 0);
}

/* Where only activation requests are sent, they tell whether the host is there; where only Windows
 * is asked, Windows does. */
static void without_a_bind_probe_another_source_tells_of_the_port(void **state)
{
    struct stage *stage = *state;
    char name[] = "kms3";
    struct kms_target target = {.name = name, .port = KMS_DEFAULT_PORT};
    target.source[KMS_SOURCE_ACTIVATION].enabled = true;
    size_t slot;
    assert_int_equal(kms_board_add(stage->board, &target, 30, &slot), KMS_OK);
    stage_fail(stage, slot, KMS_SOURCE_ACTIVATION, KMS_OUTCOME_RPC_TIMEOUT);
    stage_fail(stage, slot, KMS_SOURCE_ACTIVATION, KMS_OUTCOME_RPC_REFUSED);
    assert_int_equal(stage_raised(stage, KMS_ALARM_UNREACHABLE, NULL), 1);
    stage_fail(stage, slot, KMS_SOURCE_ACTIVATION, KMS_OUTCOME_NO_MEMORY); /* ours */
    stage_fail(stage, slot, KMS_SOURCE_ACTIVATION, KMS_OUTCOME_NO_MEMORY);
    stage_fail(stage, slot, KMS_SOURCE_ACTIVATION, KMS_OUTCOME_NO_MEMORY);
    assert_int_equal(stage_raised(stage, KMS_ALARM_UNREACHABLE, NULL), 1);
    stage_fail(stage, slot, KMS_SOURCE_ACTIVATION, KMS_OUTCOME_ACTIVATION_REFUSED);
    stage_fail(stage, slot, KMS_SOURCE_ACTIVATION, KMS_OUTCOME_ACTIVATION_REFUSED);
    assert_int_equal(stage_raised(stage, KMS_ALARM_UNREACHABLE, NULL), 0);
}

int main(void)
{
#define STAGED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        STAGED(a_count_below_is_an_alarm_for_each_class_that_needs_more),
        STAGED(just_enough_is_no_alarm),
        STAGED(a_key_that_is_not_licensed_is_an_alarm_and_its_count_waits),
        STAGED(an_unreachable_host_freezes_what_hangs_on_it_from_the_first_poll),
        STAGED(a_stale_source_is_an_alarm_of_its_own_and_freezes_what_rests_on_it),
        STAGED(a_host_whose_port_was_not_asked_yet_is_not_judged),
        STAGED(the_end_of_a_key_and_that_it_has_come_are_two_alarms),
        STAGED(a_key_that_is_gone_clears_and_leaves_its_class_unserved),
        STAGED(a_key_is_not_gone_while_the_source_that_may_know_it_is_silent),
        STAGED(a_drift_is_told_once_and_leaves_without_a_word),
        STAGED(a_clock_that_differs_is_an_alarm),
        STAGED(a_lost_publication_and_a_rogue_record_are_alarms_of_the_lookups),
        STAGED(silent_dns_is_one_alarm_of_the_domain_however_many_hosts_it_has),
        STAGED(a_name_that_alone_cannot_be_looked_up_is_an_alarm_of_its_host),
        STAGED(a_publication_that_is_not_expected_any_more_clears),
        STAGED(without_a_bind_probe_another_source_tells_of_the_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
