/* The text of a plugin: one first line, strict performance data, long lines that cannot be forged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "checks/output.h"
#include "checks/reader.h"

#include "base/text.h"

static void render(struct kms_output *out, enum kms_state state, char *dst, size_t size)
{
    struct kms_buf text;

    kms_buf_init(&text, 65536);
    assert_int_equal(kms_output_render(out, state, &text), KMS_OK);
    kms_text_copy(dst, size, kms_buf_str(&text));
    kms_buf_done(&text);
    kms_output_done(out);
}

static void labels_are_quoted_only_where_needed(void **state)
{
    static const char *const labels[][2] = {
        {"count_windows", "count_windows"},
        {"two words", "'two words'"},
        {"it's", "'it''s'"},
        {"a=b", "ab"},
        {"a=b c", "'ab c'"},
        {"pi|pe\n", "pipe"},
        {"'", "''''"},
        {"semi;colon", "'semi;colon'"},
    };
    char label[64];

    (void)state;
    for (size_t i = 0; i < KMS_COUNT_OF(labels); i++) {
        kms_perf_label(labels[i][0], label, sizeof(label));
        assert_string_equal(label, labels[i][1]);
    }
}

static void a_label_that_is_too_long_stays_well_formed(void **state)
{
    char label[8];

    (void)state;
    kms_perf_label("it's a long label", label, sizeof(label));
    assert_string_equal(label, "'it''s'");
    kms_perf_label("''''''''''", label, sizeof(label));
    assert_string_equal(label, "''''''");
    kms_perf_label("abcdefghijkl", label, sizeof(label));
    assert_string_equal(label, "abcdefg");
}

static void the_first_line_carries_state_text_and_perfdata(void **state)
{
    struct kms_output out;
    struct kms_perf perf = {.label = "count_windows",
                            .known = true,
                            .value = 6,
                            .warning = kms_range_at_least(26),
                            .min_known = true};
    char text[1024];

    (void)state;
    kms_output_init(&out);
    kms_output_first(&out, "count %d", 6);
    kms_output_perf(&out, &perf);
    perf = (struct kms_perf){.label = "requests", .unit = "c", .known = true, .value = 20};
    kms_output_perf(&out, &perf);
    render(&out, KMS_STATE_WARNING, text, sizeof(text));
    assert_string_equal(text, "KMS WARNING: count 6 | count_windows=6;26:;;0 requests=20c\n");
}

static void an_unknown_value_is_u_without_unit(void **state)
{
    struct kms_output out;
    struct kms_perf perf = {.label = "failed", .unit = "c", .value = 7};
    char text[1024];

    (void)state;
    kms_output_init(&out);
    kms_output_first(&out, "x");
    kms_output_perf(&out, &perf);
    render(&out, KMS_STATE_UNKNOWN, text, sizeof(text));
    assert_string_equal(text, "KMS UNKNOWN: x | failed=U\n");
}

static void text_from_outside_cannot_forge_lines_or_perfdata(void **state)
{
    struct kms_output out;
    char text[1024];

    (void)state;
    kms_output_init(&out);
    kms_output_first(&out, "evil|a=1\nKMS OK: fine");
    kms_output_line(&out, 0, "b|c=2\nd\x1b[31m");
    kms_output_node(&out, 1, KMS_STATE_CRITICAL, "e\r\nf");
    render(&out, KMS_STATE_CRITICAL, text, sizeof(text));
    assert_string_equal(text, "KMS CRITICAL: evil?a=1 KMS OK: fine\n"
                              "b?c=2 d?[31m\n"
                              "    \\_ [CRITICAL] e f\n");
}

static void a_report_has_a_short_name_and_shows_no_password(void **state)
{
    static const char *const names[][3] = {
        {"/var/lib/kmsmon/in/kms01.txt", "kms01", "/var/lib/kmsmon/in/kms01.txt"},
        {"-", "standard input", "-"},
        {"report", "report", "report"},
        {".hidden", ".hidden", ".hidden"},
        {"a.b/c", "c", "a.b/c"},
        {"kms01.corp.example.com.txt", "kms01.corp.example.com", "kms01.corp.example.com.txt"},
        {"https://user:secret@kms.example/r.txt", "r", "https://kms.example/r.txt"},
        {"https://user:secret@kms.example", "kms.example", "https://kms.example"},
        {"http://kms.example:8080/", "kms.example:8080", "http://kms.example:8080/"},
        {"http://kms.example/in/kms01.txt?x=/y.z", "kms01",
         "http://kms.example/in/kms01.txt?x=/y.z"},
        {"http://kms.example:8080/a@b", "a@b", "http://kms.example:8080/a@b"},
        {"file:///in/kms02.txt", "kms02", "file:///in/kms02.txt"},
    };
    char text[128];

    (void)state;
    for (size_t i = 0; i < KMS_COUNT_OF(names); i++) {
        kms_report_name(names[i][0], text, sizeof(text));
        assert_string_equal(text, names[i][1]);
        kms_report_show(names[i][0], text, sizeof(text));
        assert_string_equal(text, names[i][2]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_quoted_only_where_needed),
        cmocka_unit_test(a_label_that_is_too_long_stays_well_formed),
        cmocka_unit_test(the_first_line_carries_state_text_and_perfdata),
        cmocka_unit_test(an_unknown_value_is_u_without_unit),
        cmocka_unit_test(text_from_outside_cannot_forge_lines_or_perfdata),
        cmocka_unit_test(a_report_has_a_short_name_and_shows_no_password),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
