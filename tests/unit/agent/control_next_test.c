/* What is to be done about a host that is not well: each state has a next step that leads on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/control_next.h"
#include "base/text.h"

static void every_reason_has_a_next_step(void **state)
{
    (void)state;
    const struct kms_word_set *reasons = kms_words_reason();
    for (size_t i = 0; i < reasons->count; i++) {
        struct kms_target target = {.classes = 0};
        struct kms_snapshot snapshot = {.target = &target, .judgement.state = KMS_STATE_UNKNOWN};
        snapshot.judgement.reasons = KMS_BIT(reasons->words[i].number);
        if (kms_control_next_step(&snapshot)[0] == '\0') {
            fail_msg("no next step for %s", reasons->words[i].label);
        }
    }
}

static void a_report_that_is_read_and_old_is_looked_at_where_it_is_written(void **state)
{
    (void)state;
    struct kms_snapshot snapshot = {.judgement.state = KMS_STATE_UNKNOWN};
    struct kms_result last = {.source = KMS_SOURCE_REPORT, .outcome = KMS_OUTCOME_OK};
    snapshot.last[KMS_SOURCE_REPORT] = &last;
    snapshot.judgement.reasons = KMS_BIT(KMS_REASON_STALE);
    snapshot.judgement.source[KMS_SOURCE_REPORT].stale = true;
    assert_non_null(strstr(kms_control_next_step(&snapshot), "the task on the host"));
    snapshot.judgement.source[KMS_SOURCE_REPORT].stale = false;
    snapshot.judgement.source[KMS_SOURCE_WSMAN].stale = true;
    assert_null(strstr(kms_control_next_step(&snapshot), "the task on the host"));
}

static void who_has_said_what_the_site_relies_on_is_not_told_to_say_it(void **state)
{
    (void)state;
    struct kms_target target = {.classes = 0};
    struct kms_snapshot snapshot = {.target = &target, .judgement.state = KMS_STATE_WARNING};
    snapshot.judgement.reasons = KMS_BIT(KMS_REASON_COUNT_LOW);
    assert_non_null(strstr(kms_control_next_step(&snapshot), "or say with classes"));
    target.classes = KMS_CLASS_BIT(KMS_CLASS_SERVER);
    assert_non_null(strstr(kms_control_next_step(&snapshot), "let more machines"));
    assert_null(strstr(kms_control_next_step(&snapshot), "or say with classes"));
}

static void a_source_that_failed_says_itself_what_to_do(void **state)
{
    (void)state;
    struct kms_snapshot snapshot = {.judgement.state = KMS_STATE_UNKNOWN};
    struct kms_result last = {.source = KMS_SOURCE_REPORT, .outcome = KMS_OUTCOME_REPORT_MISSING};
    snapshot.last[KMS_SOURCE_REPORT] = &last;
    snapshot.judgement.reasons = KMS_BIT(KMS_REASON_STALE);
    assert_string_equal(kms_control_next_step(&snapshot),
                        kms_outcome_row(KMS_OUTCOME_REPORT_MISSING)->hint);
}

static void a_domain_has_a_next_step_too(void **state)
{
    (void)state;
    struct kms_zone zone = {.state = KMS_STATE_WARNING, .outcome = KMS_OUTCOME_OK};
    zone.reasons = KMS_BIT(KMS_REASON_FEW_HOSTS);
    assert_non_null(strstr(kms_control_next_step_of_domain(&zone), "kmsmon discover"));
    zone.outcome = KMS_OUTCOME_DNS_TIMEOUT;
    assert_string_equal(kms_control_next_step_of_domain(&zone),
                        kms_outcome_row(KMS_OUTCOME_DNS_TIMEOUT)->hint);
    zone.state = KMS_STATE_OK;
    assert_string_equal(kms_control_next_step_of_domain(&zone), "");
}

static void a_host_that_is_well_needs_nothing(void **state)
{
    (void)state;
    struct kms_snapshot snapshot = {.judgement.state = KMS_STATE_OK};
    assert_string_equal(kms_control_next_step(&snapshot), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_has_a_next_step),
        cmocka_unit_test(a_report_that_is_read_and_old_is_looked_at_where_it_is_written),
        cmocka_unit_test(who_has_said_what_the_site_relies_on_is_not_told_to_say_it),
        cmocka_unit_test(a_source_that_failed_says_itself_what_to_do),
        cmocka_unit_test(a_domain_has_a_next_step_too),
        cmocka_unit_test(a_host_that_is_well_needs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
