/* Alert ranges: every form, its verdicts, its printing and its mistakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "checks/range.h"

#include "base/text.h"

struct verdict {
    const char *text;
    double value;
    bool alerts;
};

static void ranges_alert_as_the_guidelines_say(void **state)
{
    static const struct verdict verdicts[] = {
        {"10", -1, true},      {"10", 0, false},      {"10", 10, false},    {"10", 10.5, true},
        {"10:", 9, true},      {"10:", 10, false},    {"10:", 1e9, false},  {"~:10", -5000, false},
        {"~:10", 10, false},   {"~:10", 11, true},    {"10:20", 9, true},   {"10:20", 10, false},
        {"10:20", 20, false},  {"10:20", 21, true},   {"@10:20", 9, false}, {"@10:20", 10, true},
        {"@10:20", 20, true},  {"@10:20", 21, false}, {"@10", 5, true},     {"@10", 11, false},
        {"-5:-2", -3, false},  {"-5:-2", 0, true},    {"0:0", 0, false},    {"0:0", 1, true},
        {"0.5:1.5", 1, false}, {"0.5:1.5", 2, true},  {"@~:0", 0, true},    {"~:", 1e12, false},
    };

    (void)state;
    for (size_t i = 0; i < KMS_COUNT_OF(verdicts); i++) {
        struct kms_range range;
        assert_int_equal(kms_range_parse(verdicts[i].text, &range), KMS_RANGE_OK);
        if (kms_range_alerts(&range, verdicts[i].value) != verdicts[i].alerts) {
            fail_msg("'%s' with %g", verdicts[i].text, verdicts[i].value);
        }
    }
}

static void a_mistake_has_its_own_error(void **state)
{
    static const struct {
        const char *text;
        enum kms_range_error error;
    } mistakes[] = {
        {"", KMS_RANGE_EMPTY},       {"@", KMS_RANGE_EMPTY},     {"x:5", KMS_RANGE_START},
        {":5", KMS_RANGE_START},     {":", KMS_RANGE_START},     {"5:x", KMS_RANGE_END},
        {"x", KMS_RANGE_END},        {"5:~", KMS_RANGE_TILDE},   {"~", KMS_RANGE_TILDE},
        {"~5:6", KMS_RANGE_TILDE},   {"1:2:3", KMS_RANGE_COLON}, {"20:10", KMS_RANGE_ORDER},
        {"-5", KMS_RANGE_ORDER},     {"nan", KMS_RANGE_END},     {"inf:", KMS_RANGE_START},
        {"1e999", KMS_RANGE_END},    {"5 ", KMS_RANGE_END},      {" 5", KMS_RANGE_END},
        {"5,3", KMS_RANGE_END},      {"@@5", KMS_RANGE_END},     {"0x10", KMS_RANGE_END},
        {"@20:10", KMS_RANGE_ORDER},
    };

    (void)state;
    for (size_t i = 0; i < KMS_COUNT_OF(mistakes); i++) {
        struct kms_range range = {.start = 4711};
        enum kms_range_error error = kms_range_parse(mistakes[i].text, &range);
        if (error != mistakes[i].error) {
            fail_msg("'%s' gives %d (%s)", mistakes[i].text, (int)error,
                     kms_range_error_text(error));
        }
        assert_true(range.start == 4711); /* written only on success */
        assert_true(kms_range_error_text(error)[0] != '\0');
    }
}

static void the_error_texts_differ(void **state)
{
    (void)state;
    for (int a = KMS_RANGE_EMPTY; a <= KMS_RANGE_ORDER; a++) {
        for (int b = a + 1; b <= KMS_RANGE_ORDER; b++) {
            assert_string_not_equal(kms_range_error_text((enum kms_range_error)a),
                                    kms_range_error_text((enum kms_range_error)b));
        }
    }
}

static void a_range_prints_in_its_shortest_form(void **state)
{
    static const char *const forms[][2] = {
        {"10", "10"},      {"0:10", "10"},       {"10:", "10:"},      {"0:", "0:"},
        {"~:10", "~:10"},  {"@10:20", "@10:20"}, {"0.50:1", "0.5:1"}, {"-5:-2", "-5:-2"},
        {"1e3:", "1000:"}, {"@5", "@5"},         {"~:", "~:"},
    };

    (void)state;
    for (size_t i = 0; i < KMS_COUNT_OF(forms); i++) {
        struct kms_range range;
        char text[64];
        assert_int_equal(kms_range_parse(forms[i][0], &range), KMS_RANGE_OK);
        kms_range_print(&range, text, sizeof(text));
        assert_string_equal(text, forms[i][1]);
    }
}

static void a_range_that_is_not_given_never_alerts_and_prints_nothing(void **state)
{
    struct kms_range range = {.given = false};
    char text[64] = "x";

    (void)state;
    assert_false(kms_range_alerts(&range, -1));
    assert_false(kms_range_alerts(&range, 1e9));
    kms_range_print(&range, text, sizeof(text));
    assert_string_equal(text, "");
}

static void numbers_have_no_exponent_and_no_needless_zeros(void **state)
{
    static const struct {
        double value;
        const char *text;
    } numbers[] = {
        {0, "0"},
        {-0.0, "0"},
        {6, "6"},
        {-19, "-19"},
        {0.5, "0.5"},
        {12.25, "12.25"},
        {1.0 / 3, "0.333333"},
        {4294967295.0, "4294967295"},
        {-0.0000001, "0"},
        {100, "100"},
    };
    char text[64];

    (void)state;
    for (size_t i = 0; i < KMS_COUNT_OF(numbers); i++) {
        kms_number_print(numbers[i].value, text, sizeof(text));
        assert_string_equal(text, numbers[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_alert_as_the_guidelines_say),
        cmocka_unit_test(a_mistake_has_its_own_error),
        cmocka_unit_test(the_error_texts_differ),
        cmocka_unit_test(a_range_prints_in_its_shortest_form),
        cmocka_unit_test(a_range_that_is_not_given_never_alerts_and_prints_nothing),
        cmocka_unit_test(numbers_have_no_exponent_and_no_needless_zeros),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
