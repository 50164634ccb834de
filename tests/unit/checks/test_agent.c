/* What a check takes from the daemon's configuration, and what its own options keep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "agent.h"
#include "base/text.h"
#include "options.h"
#include "frame.h"

static const struct kms_opt *row_of(const char *name)
{
    const struct kms_opt *row = kms_policy_opts();
    while (!kms_opt_is_end(row) && !kms_text_equal(row->key, name)) {
        row++;
    }
    assert_false(kms_opt_is_end(row));
    return row;
}

static void every_number_of_the_policy_has_a_place_of_its_own(void **state)
{
    (void)state;
    bool taken[KMS_POLICY_PLACES] = {false};
    for (const struct kms_opt *row = kms_policy_opts(); !kms_opt_is_end(row); row++) {
        size_t place = kms_policy_place(row);
        assert_true(place < KMS_POLICY_PLACES);
        assert_false(taken[place]);
        taken[place] = true;
    }
}

static void a_number_that_its_row_does_not_allow_changes_nothing(void **state)
{
    (void)state;
    struct kms_policy policy;
    kms_policy_preset(&policy);
    const struct kms_opt *row = row_of("client-threshold");
    assert_false(kms_policy_set(&policy, row, -1));
    assert_false(kms_policy_set(&policy, row, 1001));
    assert_int_equal(kms_policy_get(&policy, row), 25);
    assert_true(kms_policy_set(&policy, row, 1000));
    assert_int_equal(policy.required[KMS_CLASS_CLIENT], 1000);
}

static void numbers_of_the_daemon_stand_where_no_option_was_given(void **state)
{
    (void)state;
    struct kms_agent agent = {.why = ""};
    struct kms_policy policy;
    bool given[KMS_POLICY_PLACES] = {false};
    kms_policy_preset(&policy);
    kms_policy_preset(&agent.policy);
    agent.policy.required[KMS_CLASS_CLIENT] = 30;
    agent.policy.required[KMS_CLASS_SERVER] = 7;
    agent.policy.skew_warning_ms = 60000;
    agent.policy_told[kms_policy_place(row_of("client-threshold"))] = true;
    agent.policy_told[kms_policy_place(row_of("skew-warning"))] = true;
    agent.policy_told[kms_policy_place(row_of("failed-warning"))] = true;
    given[kms_policy_place(row_of("failed-warning"))] = true;
    agent.policy.failed_warning = 12;
    policy.failed_warning = 3;
    kms_agent_policy(&agent, given, &policy);
    assert_int_equal(policy.required[KMS_CLASS_CLIENT], 30);
    assert_int_equal(policy.skew_warning_ms, 60000);
    assert_int_equal(policy.failed_warning, 3);             /* ours */
    assert_int_equal(policy.required[KMS_CLASS_SERVER], 5); /* not told */
    kms_agent_policy(&agent, NULL, &policy);
    assert_int_equal(policy.failed_warning, 12);
}

static void an_option_that_names_the_preset_was_given_all_the_same(void **state)
{
    (void)state;
    struct kms_opt rows[KMS_CHECK_ROWS_MAX];
    struct kms_check_options options = {.host = NULL};
    char *argv[] = {"check_kms", "--client-threshold=25", "--max-age=0", NULL};
    struct kms_fault fault = {.text = ""};
    int rest = 0;
    kms_check_opts(KMS_CHECK_ALL, rows);
    assert_int_equal(kms_opts_preset(rows, &options), KMS_OK);
    assert_false(options.max_age_given);
    assert_int_equal(kms_opts_argv(rows, 3, argv, &options, &rest, &fault), KMS_OK);
    assert_true(options.max_age_given);
    for (size_t i = 0; i < KMS_POLICY_PLACES; i++) {
        assert_int_equal(options.policy_given[i],
                         i == kms_policy_place(row_of("client-threshold")));
    }
    kms_opts_free_values(rows, &options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_of_the_policy_has_a_place_of_its_own),
        cmocka_unit_test(a_number_that_its_row_does_not_allow_changes_nothing),
        cmocka_unit_test(numbers_of_the_daemon_stand_where_no_option_was_given),
        cmocka_unit_test(an_option_that_names_the_preset_was_given_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
