/* Alarms and who tells of them: a source that is silent ends nothing, one that is not asked any
 * more ends all that it alone could tell, and what Windows says against a port that answers counts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "unit/alarms/stage.h"

#define RPC        KMS_BIT(KMS_SOURCE_RPC)
#define WSMAN      KMS_BIT(KMS_SOURCE_WSMAN)
#define REPORT     KMS_BIT(KMS_SOURCE_REPORT)
#define ACTIVATION KMS_BIT(KMS_SOURCE_ACTIVATION)
#define CLIENTS    KMS_CLASS_BIT(KMS_CLASS_CLIENT)
#define SERVERS    KMS_CLASS_BIT(KMS_CLASS_SERVER)
#define DAY_US     INT64_C(86400000000)

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

static const struct kms_alarms *table_of(const struct stage *stage)
{
    return kms_agent_alarms_table(stage->alarms);
}

static size_t raised(const struct stage *stage)
{
    return kms_alarms_count(table_of(stage));
}

static void begin(const struct stage *stage, enum kms_source source, struct kms_result *ret)
{
    kms_result_init(ret, source);
    ret->outcome = KMS_OUTCOME_OK;
    ret->wall_s = stage->now_us / 1000000;
    ret->data_s = ret->data_s_min = ret->data_s_max = ret->wall_s;
}

static void end(struct stage *stage, struct kms_result *result)
{
    stage_publish(stage, 0, result);
    kms_result_done(result);
}

static struct kms_facts *add_key(struct kms_result *result, const char *epid, int64_t license)
{
    struct kms_facts *key = kms_result_add_key(result);
    assert_non_null(key);
    kms_facts_set_text(key, KMS_FACT_APPLICATION_ID, STAGE_WINDOWS);
    kms_facts_set_text(key, KMS_FACT_ACTIVATION_ID, "c99b641f");
    if (epid) {
        kms_facts_set_text(key, KMS_FACT_EPID, epid);
    }
    kms_facts_set_number(key, KMS_FACT_LICENSE_STATUS, license);
    return key;
}

/* What Windows says: a key, a clock, and a service. */
static void say(struct stage *stage, int64_t count, int64_t license, int64_t skew_s,
                int64_t service)
{
    struct kms_result result;
    begin(stage, KMS_SOURCE_WSMAN, &result);
    kms_facts_set_number(add_key(&result, NULL, license), KMS_FACT_CURRENT_COUNT, count);
    kms_facts_set_number(&result.host, KMS_FACT_CLOCK_SKEW, skew_s);
    kms_facts_set_number(&result.host, KMS_FACT_SERVICE_STATE, service);
    end(stage, &result);
}

static void say_twice(struct stage *stage, int64_t count, int64_t license, int64_t skew_s,
                      int64_t service)
{
    say(stage, count, license, skew_s, service);
    say(stage, count, license, skew_s, service);
}

static void well(struct stage *stage)
{
    say_twice(stage, 50, KMS_LICENSE_LICENSED, 1, KMS_SERVICE_RUNNING);
}

static void deny(struct stage *stage) /* twice */
{
    stage_fail(stage, 0, KMS_SOURCE_WSMAN, KMS_OUTCOME_WSMAN_NOT_A_HOST);
    stage_fail(stage, 0, KMS_SOURCE_WSMAN, KMS_OUTCOME_WSMAN_NOT_A_HOST);
}

static void bind_often(struct stage *stage)
{
    for (int i = 0; i < 5; i++) {
        stage_bind(stage, 0, KMS_RPC_ACCEPTED);
    }
}

/* Requests of which more fail than the limits allow. */
static void fail_requests(struct stage *stage)
{
    for (int i = 0; i < 4; i++) {
        struct kms_result result;
        begin(stage, KMS_SOURCE_WSMAN, &result);
        struct kms_facts *key = add_key(&result, NULL, KMS_LICENSE_LICENSED);
        kms_facts_set_number(key, KMS_FACT_CURRENT_COUNT, 50);
        kms_facts_set_number(key, KMS_FACT_TOTAL_REQUESTS, 1000 + INT64_C(400) * i);
        kms_facts_set_number(key, KMS_FACT_FAILED_REQUESTS, INT64_C(350) * i);
        end(stage, &result);
        stage->now_us += INT64_C(300000000);
    }
}

/* The last that were told. */
static void assert_cleared(const struct stage *stage, size_t count, const char *text)
{
    assert_true(stage->told_count >= count);
    for (size_t i = stage->told_count - count; i < stage->told_count; i++) {
        assert_true(stage->told[i].news.cleared);
        assert_string_equal(stage->told[i].news.alarm.text, text);
    }
}

/* ---- nobody is asked any more ---- */

static void what_nobody_is_asked_any_more_is_cleared_with_the_next_poll(void **state)
{
    struct stage *stage = *state;
    stage_retarget(stage, 0, "kms1", RPC | WSMAN, CLIENTS | SERVERS);
    fail_requests(stage);
    assert_int_equal(stage_raised(stage, KMS_ALARM_REQUESTS, NULL), 1);
    say_twice(stage, 3, KMS_LICENSE_LICENSED, -5400, KMS_SERVICE_RUNNING);
    say_twice(stage, 3, KMS_LICENSE_NOTIFICATION, -5400, KMS_SERVICE_RUNNING);
    stage_fail(stage, 0, KMS_SOURCE_WSMAN, KMS_OUTCOME_WSMAN_TIMEOUT);
    stage_fail(stage, 0, KMS_SOURCE_WSMAN, KMS_OUTCOME_WSMAN_TIMEOUT);
    assert_int_equal(stage_raised(stage, KMS_ALARM_COUNT_LOW, NULL), 2);
    assert_int_equal(stage_raised(stage, KMS_ALARM_KEY, NULL), 1);
    assert_int_equal(stage_raised(stage, KMS_ALARM_CLOCK, NULL), 1);
    assert_int_equal(stage_raised(stage, KMS_ALARM_STALE, NULL), 1);
    bind_often(stage); /* it is silent, and is asked */
    size_t before = raised(stage);
    assert_int_equal(before, 6);
    stage_retarget(stage, 0, "kms1", RPC, CLIENTS | SERVERS);
    assert_int_equal(raised(stage), before);
    stage_bind(stage, 0, KMS_RPC_ACCEPTED);
    assert_int_equal(raised(stage), 0);
    assert_cleared(stage, before, "no longer watched");
    assert_int_equal(stage_records(stage, KMS_STORE_ALARM), 0);
    size_t told = stage->told_count;
    bind_often(stage);
    assert_int_equal(stage->told_count, told);
}

static void what_was_switched_off_while_nobody_looked_is_cleared_at_the_start(void **state)
{
    struct stage *stage = *state;
    stage_report(stage, 0, 3, KMS_LICENSE_LICENSED);
    stage_report(stage, 0, 3, KMS_LICENSE_LICENSED);
    stage_bind(stage, 0, KMS_RPC_REFUSED);
    stage_bind(stage, 0, KMS_RPC_REFUSED);
    assert_int_equal(stage_raised(stage, KMS_ALARM_COUNT_LOW, NULL), 2);
    assert_int_equal(stage_raised(stage, KMS_ALARM_UNREACHABLE, NULL), 1);
    stage_stop(stage);
    stage->without_reports = true;
    stage_start(stage);
    stage_tell(stage, true);
    assert_int_equal(stage_raised(stage, KMS_ALARM_COUNT_LOW, NULL), 0);
    assert_int_equal(stage_raised(stage, KMS_ALARM_UNREACHABLE, NULL), 1);
    assert_cleared(stage, 2, "no longer watched");
    assert_int_equal(stage_records(stage, KMS_STORE_ALARM), 1);
}

static void what_another_source_may_tell_waits_for_it(void **state)
{
    struct stage *stage = *state;
    stage_report(stage, 0, 3, KMS_LICENSE_LICENSED);
    stage_report(stage, 0, 3, KMS_LICENSE_LICENSED);
    stage_retarget(stage, 0, "kms1", RPC | WSMAN, CLIENTS | SERVERS);
    bind_often(stage);
    assert_int_equal(stage_raised(stage, KMS_ALARM_COUNT_LOW, NULL), 2);
    stage_fail(stage, 0, KMS_SOURCE_WSMAN, KMS_OUTCOME_WSMAN_TIMEOUT);
    bind_often(stage);
    assert_int_equal(stage_raised(stage, KMS_ALARM_COUNT_LOW, NULL), 2);
    well(stage);
    assert_int_equal(raised(stage), 0);
}

/* A report tells keys, and no clock. */
static void what_the_sources_that_are_left_cannot_tell_is_cleared_and_the_rest_stays(void **state)
{
    struct stage *stage = *state;
    stage_retarget(stage, 0, "kms1", RPC | WSMAN | REPORT, CLIENTS);
    say_twice(stage, 3, KMS_LICENSE_LICENSED, -5400, KMS_SERVICE_STOPPED);
    assert_int_equal(stage_raised(stage, KMS_ALARM_COUNT_LOW, NULL), 1);
    assert_int_equal(stage_raised(stage, KMS_ALARM_CLOCK, NULL), 1);
    assert_int_equal(stage_raised(stage, KMS_ALARM_UNREACHABLE, NULL), 1);
    stage_retarget(stage, 0, "kms1", RPC | REPORT, CLIENTS);
    stage_bind(stage, 0, KMS_RPC_ACCEPTED);
    assert_int_equal(raised(stage), 1);
    assert_int_equal(stage_raised(stage, KMS_ALARM_COUNT_LOW, NULL), 1);
    assert_cleared(stage, 2, "no longer watched");
    stage_report(stage, 0, 50, KMS_LICENSE_LICENSED);
    stage_report(stage, 0, 50, KMS_LICENSE_LICENSED);
    assert_int_equal(raised(stage), 0);
}

/* ---- genuine or not ---- */

/* Contradicts its platform, and says that its key was made on day 0. */
static const char forged[] = "55041-00206-271-123456-03-1033-9600.0000-0002013";
static const char forged_in_part[] = "06401-00206-271-123456-03-1033-9600.0000-0002013";
static const char genuine[] = "06401-00206-271-123456-03-1033-9600.0000-0502013";

static void report_epid(struct stage *stage, const char *epid)
{
    struct kms_result result;
    begin(stage, KMS_SOURCE_REPORT, &result);
    kms_facts_set_number(add_key(&result, epid, KMS_LICENSE_LICENSED), KMS_FACT_CURRENT_COUNT, 50);
    end(stage, &result);
}

static void a_host_that_is_genuine_again_is_suspicious_no_more(void **state)
{
    struct stage *stage = *state;
    report_epid(stage, forged);
    report_epid(stage, forged);
    assert_int_equal(stage_raised(stage, KMS_ALARM_SUSPICIOUS, NULL), 1);
    for (int i = 0; i < 4; i++) { /* nobody knows what it tells now */
        stage_fail(stage, 0, KMS_SOURCE_REPORT, KMS_OUTCOME_REPORT_MISSING);
        bind_often(stage);
    }
    assert_int_equal(stage_raised(stage, KMS_ALARM_SUSPICIOUS, NULL), 1);
    stage_stop(stage);
    stage_start(stage);
    stage_tell(stage, true);
    bind_often(stage);
    assert_int_equal(stage_raised(stage, KMS_ALARM_SUSPICIOUS, NULL), 1);
    report_epid(stage, genuine);
    assert_int_equal(stage_raised(stage, KMS_ALARM_SUSPICIOUS, NULL), 1);
    report_epid(stage, genuine);
    assert_int_equal(raised(stage), 0);
    bool is_told = false;
    for (size_t i = 0; i < stage->told_count; i++) {
        const struct kms_alarm_news *news = &stage->told[i].news;
        is_told = is_told ||
                  (news->cleared && news->alarm.type == KMS_ALARM_SUSPICIOUS &&
                   kms_text_equal(news->alarm.text, "nothing speaks against a genuine host"));
    }
    assert_true(is_told);
}

static void a_change_that_was_suspicious_is_so_for_a_day(void **state)
{
    struct stage *stage = *state;
    report_epid(stage, genuine);
    report_epid(stage, forged_in_part);
    report_epid(stage, forged_in_part);
    assert_int_equal(stage_raised(stage, KMS_ALARM_SUSPICIOUS, NULL), 1);
    stage->now_us += DAY_US;
    report_epid(stage, forged_in_part);
    report_epid(stage, forged_in_part);
    assert_int_equal(stage_raised(stage, KMS_ALARM_SUSPICIOUS, NULL), 0);
    assert_int_equal(stage_raised(stage, KMS_ALARM_DRIFT, NULL), 0);
}

static void what_the_wire_showed_waits_for_the_wire(void **state)
{
    struct stage *stage = *state;
    stage_retarget(stage, 0, "kms1", RPC | REPORT | ACTIVATION, 0);
    report_epid(stage, genuine);
    for (int i = 0; i < 2; i++) {
        struct kms_result result;
        begin(stage, KMS_SOURCE_ACTIVATION, &result);
        kms_facts_set_number(&result.host, KMS_FACT_HINTS,
                             KMS_BIT(KMS_HINT_IV_REUSED) | KMS_BIT(KMS_HINT_HARDWARE_ID));
        end(stage, &result);
    }
    assert_int_equal(stage_raised(stage, KMS_ALARM_SUSPICIOUS, NULL), 1);
    for (int i = 0; i < 4; i++) {
        stage_fail(stage, 0, KMS_SOURCE_ACTIVATION, KMS_OUTCOME_ACTIVATION_REFUSED);
        report_epid(stage, genuine);
    }
    assert_int_equal(stage_raised(stage, KMS_ALARM_SUSPICIOUS, NULL), 1);
    stage_retarget(stage, 0, "kms1", RPC | REPORT, 0);
    report_epid(stage, genuine);
    report_epid(stage, genuine);
    assert_int_equal(stage_raised(stage, KMS_ALARM_SUSPICIOUS, NULL), 0);
}

/* Whoever takes over the address of a host answers no login. */
static void forge_on_the_wire(struct stage *stage)
{
    for (int i = 0; i < 2; i++) {
        struct kms_result result;
        begin(stage, KMS_SOURCE_ACTIVATION, &result);
        kms_facts_set_number(&result.host, KMS_FACT_HINTS,
                             KMS_BIT(KMS_HINT_IV_REUSED) | KMS_BIT(KMS_HINT_HARDWARE_ID));
        end(stage, &result);
    }
}

static void that_another_source_is_silent_hides_no_suspicion(void **state)
{
    struct stage *stage = *state;
    stage_retarget(stage, 0, "kms1", RPC | WSMAN | ACTIVATION, 0);
    stage_fail(stage, 0, KMS_SOURCE_WSMAN, KMS_OUTCOME_WSMAN_TIMEOUT); /* it never answered */
    forge_on_the_wire(stage);
    assert_int_equal(stage_raised(stage, KMS_ALARM_SUSPICIOUS, NULL), 1);
}

static void nor_does_one_that_spoke_before(void **state)
{
    struct stage *stage = *state;
    stage_retarget(stage, 0, "kms1", RPC | WSMAN | ACTIVATION, 0);
    well(stage);
    stage_fail(stage, 0, KMS_SOURCE_WSMAN, KMS_OUTCOME_WSMAN_TIMEOUT);
    forge_on_the_wire(stage);
    assert_int_equal(stage_raised(stage, KMS_ALARM_SUSPICIOUS, NULL), 1);
}

/* ---- what Windows says against a port that answers ---- */

static void a_host_that_windows_denies_is_one_alarm_and_has_no_keys(void **state)
{
    struct stage *stage = *state;
    stage_retarget(stage, 0, "kms1", RPC | WSMAN, CLIENTS | SERVERS);
    say_twice(stage, 3, KMS_LICENSE_LICENSED, 1, KMS_SERVICE_RUNNING);
    say_twice(stage, 3, KMS_LICENSE_NOTIFICATION, 1, KMS_SERVICE_RUNNING);
    assert_int_equal(stage_raised(stage, KMS_ALARM_KEY, NULL), 1);
    assert_int_equal(stage_raised(stage, KMS_ALARM_COUNT_LOW, NULL), 2);
    stage_fail(stage, 0, KMS_SOURCE_WSMAN, KMS_OUTCOME_WSMAN_NOT_A_HOST);
    bind_often(stage); /* say nothing of that */
    assert_int_equal(raised(stage), 3);
    stage_fail(stage, 0, KMS_SOURCE_WSMAN, KMS_OUTCOME_WSMAN_NOT_A_HOST);
    const struct kms_alarm_view *alarm = NULL;
    assert_int_equal(raised(stage), 1);
    assert_int_equal(stage_raised(stage, KMS_ALARM_UNREACHABLE, &alarm), 1);
    assert_int_equal(alarm->severity, KMS_STATE_CRITICAL);
    assert_string_equal(alarm->object, "windows");
    assert_string_equal(alarm->text,
                        "the KMS port answers, but Windows says that it is no KMS host");
    assert_int_equal(alarm->row.table, 2);
    const struct kms_judgement *judgement = &kms_board_snapshot(stage->board, 0)->judgement;
    assert_int_equal(judgement->state, KMS_STATE_CRITICAL);
    assert_int_equal(judgement->cls[KMS_CLASS_CLIENT].verdict, KMS_VERDICT_NOT_SERVED);
    deny(stage);
    stage_fail(stage, 0, KMS_SOURCE_WSMAN, KMS_OUTCOME_WSMAN_TIMEOUT);
    bind_often(stage); /* Windows is silent: nothing is told */
    assert_int_equal(raised(stage), 1);
    well(stage);
    assert_int_equal(raised(stage), 0);
    assert_cleared(stage, 1, "Windows says nothing against it");
}

static void a_host_that_never_was_one_is_an_alarm_too(void **state)
{
    struct stage *stage = *state;
    stage_retarget(stage, 0, "kms1", RPC | WSMAN, 0);
    deny(stage);
    assert_int_equal(raised(stage), 1);
    assert_int_equal(stage_raised(stage, KMS_ALARM_UNREACHABLE, NULL), 1);
    stage_retarget(stage, 0, "kms1", RPC, 0);
    stage_bind(stage, 0, KMS_RPC_REFUSED); /* nobody says it any more, whatever the port does */
    assert_int_equal(raised(stage), 0);
    assert_cleared(stage, 1, "no longer watched");
}

static void where_windows_alone_is_asked_it_is_the_alarm_of_the_port(void **state)
{
    struct stage *stage = *state;
    stage_retarget(stage, 0, "kms1", WSMAN, CLIENTS);
    say_twice(stage, 3, KMS_LICENSE_NOTIFICATION, 1, KMS_SERVICE_RUNNING);
    assert_int_equal(stage_raised(stage, KMS_ALARM_KEY, NULL), 1);
    deny(stage);
    const struct kms_alarm_view *alarm = NULL;
    assert_int_equal(raised(stage), 1);
    assert_int_equal(stage_raised(stage, KMS_ALARM_UNREACHABLE, &alarm), 1);
    assert_string_equal(alarm->object, "");
    assert_string_equal(alarm->text, "Windows says that it is no KMS host");
    well(stage);
    assert_int_equal(raised(stage), 0);
}

static void while_the_port_is_silent_what_windows_says_is_no_alarm_of_its_own(void **state)
{
    struct stage *stage = *state;
    stage_retarget(stage, 0, "kms1", RPC | WSMAN, CLIENTS);
    stage_bind(stage, 0, KMS_RPC_REFUSED);
    deny(stage);
    assert_int_equal(raised(stage), 0);
    stage_bind(stage, 0, KMS_RPC_REFUSED);
    const struct kms_alarm_view *alarm = NULL;
    assert_int_equal(raised(stage), 1);
    assert_int_equal(stage_raised(stage, KMS_ALARM_UNREACHABLE, &alarm), 1);
    assert_string_equal(alarm->object, "");
    bind_often(stage);
    deny(stage);
    assert_int_equal(stage_raised(stage, KMS_ALARM_UNREACHABLE, &alarm), 1);
    assert_string_equal(alarm->object, "windows");
}

static void requests_that_are_answered_all_the_same_make_it_a_warning(void **state)
{
    struct stage *stage = *state;
    stage_retarget(stage, 0, "kms1", RPC | WSMAN | ACTIVATION, 0);
    struct kms_result result;
    begin(stage, KMS_SOURCE_ACTIVATION, &result);
    kms_facts_set_number(&result.host, KMS_FACT_HINTS, 0);
    end(stage, &result);
    deny(stage);
    const struct kms_alarm_view *alarm = NULL;
    assert_int_equal(stage_raised(stage, KMS_ALARM_UNREACHABLE, &alarm), 1);
    assert_int_equal(alarm->severity, KMS_STATE_WARNING);
    assert_string_equal(alarm->text,
                        "requests are answered, but Windows says that it is no KMS host");
}

static void a_service_that_is_stopped_is_an_alarm_though_the_port_answers(void **state)
{
    struct stage *stage = *state;
    stage_retarget(stage, 0, "kms1", RPC | WSMAN, CLIENTS);
    say_twice(stage, 50, KMS_LICENSE_LICENSED, 1, KMS_SERVICE_STOPPED);
    const struct kms_alarm_view *alarm = NULL;
    assert_int_equal(raised(stage), 1);
    assert_int_equal(stage_raised(stage, KMS_ALARM_UNREACHABLE, &alarm), 1);
    assert_int_equal(alarm->severity, KMS_STATE_CRITICAL);
    assert_string_equal(alarm->text,
                        "the KMS port answers, but Windows says that the service is stopped");
    well(stage);
    assert_int_equal(raised(stage), 0);
}

/* ---- strangers ---- */

static enum kms_rpc_state answers(void *arg, const struct kms_zone_record *record)
{
    (void)arg;
    (void)record;
    return KMS_RPC_ACCEPTED;
}

static enum kms_rpc_state was_not_asked(void *arg, const struct kms_zone_record *record)
{
    (void)arg;
    (void)record;
    return KMS_RPC_UNKNOWN;
}

static void look_up(struct stage *stage, const char *target)
{
    struct kms_zone_record record = {.port = 1688, .resolution = KMS_ZONE_RESOLVES};
    kms_text_copy(record.target, sizeof record.target, target);
    kms_text_copy(record.address[0], sizeof record.address[0], "192.0.2.9");
    record.address_count = 1;
    const struct kms_zone_lookup lookup = {.outcome = KMS_OUTCOME_OK,
                                           .wall_s = stage->now_us / 1000000,
                                           .record = &record,
                                           .record_count = 1};
    assert_int_equal(kms_zones_publish(stage->zones, 0, &lookup), KMS_OK);
    while (stage->flushed) {
        stage_flush(stage);
    }
    stage->now_us += 1000000;
}

static void a_rogue_that_nobody_asks_any_more_is_none(void **state)
{
    struct stage *stage = *state;
    kms_zones_set_strangers(stage->zones, answers, NULL);
    look_up(stage, "Evil.example.com");
    look_up(stage, "evil.example.com"); /* the same record */
    assert_int_equal(stage_raised(stage, KMS_ALARM_ROGUE, NULL), 1);
    kms_zones_set_strangers(stage->zones, was_not_asked, NULL);
    for (int i = 0; i < 4; i++) {
        look_up(stage, "evil.example.com");
    }
    assert_int_equal(stage_raised(stage, KMS_ALARM_ROGUE, NULL), 1); /* it may be yet */
    kms_zones_set_strangers(stage->zones, NULL, NULL);
    look_up(stage, "evil.example.com");
    look_up(stage, "evil.example.com");
    assert_int_equal(raised(stage), 0);
    assert_cleared(stage, 1, "evil.example.com:1688: what it leads to is not asked any more");
}

/* ---- names ---- */

static void a_host_whose_name_has_another_case_keeps_its_alarms(void **state)
{
    struct stage *stage = *state;
    stage_bind(stage, 0, KMS_RPC_REFUSED);
    stage_bind(stage, 0, KMS_RPC_REFUSED);
    assert_int_equal(raised(stage), 1);
    stage_retarget(stage, 0, "KMS1", RPC | REPORT, CLIENTS | SERVERS);
    for (int i = 0; i < 4; i++) {
        stage_bind(stage, 0, KMS_RPC_REFUSED);
    }
    assert_int_equal(stage->told_count, 1);
    assert_int_equal(raised(stage), 1);
    assert_string_equal(kms_alarms_at(table_of(stage), 0)->owner, "KMS1");
    bind_often(stage);
    assert_int_equal(raised(stage), 0);
    assert_int_equal(stage->told_count, 2);
    assert_int_equal(stage->told[1].news.alarm.index, stage->told[0].news.alarm.index);
}

int main(void)
{
#define STAGED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        STAGED(what_nobody_is_asked_any_more_is_cleared_with_the_next_poll),
        STAGED(what_was_switched_off_while_nobody_looked_is_cleared_at_the_start),
        STAGED(what_another_source_may_tell_waits_for_it),
        STAGED(what_the_sources_that_are_left_cannot_tell_is_cleared_and_the_rest_stays),
        STAGED(a_host_that_is_genuine_again_is_suspicious_no_more),
        STAGED(a_change_that_was_suspicious_is_so_for_a_day),
        STAGED(that_another_source_is_silent_hides_no_suspicion),
        STAGED(nor_does_one_that_spoke_before),
        STAGED(what_the_wire_showed_waits_for_the_wire),
        STAGED(a_host_that_windows_denies_is_one_alarm_and_has_no_keys),
        STAGED(a_host_that_never_was_one_is_an_alarm_too),
        STAGED(where_windows_alone_is_asked_it_is_the_alarm_of_the_port),
        STAGED(while_the_port_is_silent_what_windows_says_is_no_alarm_of_its_own),
        STAGED(requests_that_are_answered_all_the_same_make_it_a_warning),
        STAGED(a_service_that_is_stopped_is_an_alarm_though_the_port_answers),
        STAGED(a_rogue_that_nobody_asks_any_more_is_none),
        STAGED(a_host_whose_name_has_another_case_keeps_its_alarms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
