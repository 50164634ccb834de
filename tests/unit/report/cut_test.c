/* A report that stops anywhere never says a wrong number, and one a console broke says the same. */
#include "fixture.h"

#include <string.h>

#include "base/text.h"

/* Every fact of the part must be what the whole says. */
static void expect_no_wrong_fact(const struct kms_report *part, const struct kms_report *whole)
{
    assert_true(part->key_count <= whole->key_count);
    for (size_t k = 0; k < part->key_count; k++) {
        for (size_t i = 0; i < part->key[k].count; i++) {
            const struct kms_fact *fact = &part->key[k].fact[i];
            char said[600];
            char wanted[600] = "";
            kms_fact_print(fact, said, sizeof(said));
            for (size_t n = 0; n < whole->key[k].count; n++) {
                if (whole->key[k].fact[n].id == fact->id) {
                    kms_fact_print(&whole->key[k].fact[n], wanted, sizeof(wanted));
                }
            }
            assert_string_equal(said, wanted);
        }
    }
}

/* Only a cut behind the last number leaves a whole report; one of several products may be whole
 * sooner. */
static void cut_everywhere(const char *path, const char *encoding, bool has_count, size_t most_good)
{
    struct kms_buf text;
    struct kms_report whole = {0};
    fixture_read(path, &text);
    fixture_convert(&text, encoding);
    fixture_expect(&text, KMS_OUTCOME_OK, &whole);
    size_t len = text.len;
    size_t good = 0;
    for (size_t end = 0; end < len; end++) {
        struct kms_report part = {0};
        text.len = end;
        enum kms_outcome outcome = fixture_parse(&text, &part);
        assert_int_equal(kms_outcome_row(outcome)->number, outcome);
        assert_int_not_equal(outcome, KMS_OUTCOME_NO_MEMORY);
        if (outcome == KMS_OUTCOME_OK) {
            good++;
            assert_string_equal(part.detail, "");
            assert_true(!has_count || kms_facts_has(&part.key[0], KMS_FACT_CURRENT_COUNT));
            expect_no_wrong_fact(&part, &whole);
        } else {
            assert_int_equal(part.key_count, 0);
            assert_int_equal(part.host.count, 0);
            assert_true(strlen(part.detail) > 0);
        }
        kms_report_done(&part);
    }
    assert_true(good <= most_good);
    kms_report_done(&whole);
    kms_buf_done(&text);
}

static void the_german_report_cut_anywhere_never_says_a_wrong_count(void **state)
{
    (void)state;
    cut_everywhere(GERMAN, "UTF-8", true, 1);
}

static void the_german_report_in_utf16_cut_anywhere_never_says_a_wrong_count(void **state)
{
    (void)state;
    cut_everywhere(GERMAN, "UTF-16LE", true, 3);
}

static void an_english_report_cut_anywhere_never_says_a_wrong_count(void **state)
{
    (void)state;
    cut_everywhere(SAMPLE("en-2019-kms.txt"), "UTF-8", true, 1);
}

static void a_report_in_an_unlisted_language_cut_anywhere_never_says_a_wrong_count(void **state)
{
    (void)state;
    cut_everywhere(SAMPLE("sv-unlisted-language.txt"), "UTF-8", true, 1);
}

/* The second key may be missing, the first never wrong. */
static void a_report_of_two_keys_cut_anywhere_never_says_a_wrong_number(void **state)
{
    (void)state;
    cut_everywhere(SAMPLE("en-2022-office-all.txt"), "UTF-8", true, 600);
}

static void expect_cut(const char *mark, const char *detail)
{
    struct kms_buf text;
    struct kms_report report = {0};
    fixture_read(GERMAN, &text);
    fixture_cut(&text, mark);
    fixture_expect(&text, KMS_OUTCOME_REPORT_TRUNCATED, &report);
    assert_string_equal(report.detail, detail);
    kms_report_done(&report);
    kms_buf_done(&text);
}

static void the_detail_of_a_cut_report_says_where_it_ends(void **state)
{
    (void)state;
    expect_cut("Lizenzstatus: ", "line 16: the text ends inside a product");
    expect_cut("Aktuelle Anzahl", "line 21: the host block ends before its count");
    expect_cut(" 1688", "line 23: the text ends inside the host block");
    expect_cut("Empfangene nicht", "line 28: the list of requests is not complete");
    expect_cut("\nVon Clients", "line 25: the text ends before the list of requests");
    expect_cut("fangene kumulative", "line 27: the text ends inside a label");
}

static void wrapped_reports_say_the_same(void **state)
{
    (void)state;
    static const char *const paths[] = {GERMAN, SAMPLE("en-2019-kms.txt"),
                                        SAMPLE("sv-unlisted-language.txt"),
                                        SAMPLE("en-2022-office-all.txt")};
    for (size_t i = 0; i < KMS_COUNT_OF(paths); i++) {
        struct kms_buf text;
        struct kms_report whole = {0};
        struct kms_report wrapped = {0};
        fixture_read(paths[i], &text);
        fixture_expect(&text, KMS_OUTCOME_OK, &whole);
        fixture_wrap(&text, 80);
        fixture_expect(&text, KMS_OUTCOME_OK, &wrapped);
        fixture_same_facts(&whole, &wrapped);
        kms_report_done(&whole);
        kms_report_done(&wrapped);
        kms_buf_done(&text);
    }
}

/* The German report says the same whatever stands before the break: the indent moves it through
 * every label. */
static void a_break_may_fall_anywhere_in_a_label(void **state)
{
    (void)state;
    struct kms_buf text;
    struct kms_report whole = {0};
    fixture_read(GERMAN, &text);
    fixture_expect(&text, KMS_OUTCOME_OK, &whole);
    kms_buf_done(&text);
    for (size_t indent = 1; indent < 40; indent++) {
        char start[48] = "\n";
        struct kms_report report = {0};
        memset(start + 1, ' ', indent);
        fixture_read(GERMAN, &text);
        fixture_replace(&text, "\n", start);
        fixture_wrap(&text, 80);
        fixture_expect(&text, KMS_OUTCOME_OK, &report);
        fixture_same_facts(&whole, &report);
        kms_report_done(&report);
        kms_buf_done(&text);
    }
    kms_report_done(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_german_report_cut_anywhere_never_says_a_wrong_count),
        cmocka_unit_test(the_german_report_in_utf16_cut_anywhere_never_says_a_wrong_count),
        cmocka_unit_test(an_english_report_cut_anywhere_never_says_a_wrong_count),
        cmocka_unit_test(a_report_in_an_unlisted_language_cut_anywhere_never_says_a_wrong_count),
        cmocka_unit_test(a_report_of_two_keys_cut_anywhere_never_says_a_wrong_number),
        cmocka_unit_test(the_detail_of_a_cut_report_says_where_it_ends),
        cmocka_unit_test(wrapped_reports_say_the_same),
        cmocka_unit_test(a_break_may_fall_anywhere_in_a_label),
    };
    return cmocka_run_group_tests_name("report_cut", tests, NULL, NULL);
}
