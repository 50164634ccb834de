/* Members of JSON objects on one line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "control/flat.h"

static enum kms_status text_of(const char *json, const char *name, struct kms_buf *buf)
{
    kms_buf_init(buf, 4096);
    return kms_flat_text(json, strlen(json), name, buf);
}

static void expect_text(const char *json, const char *name, const char *wanted)
{
    struct kms_buf buf;
    assert_int_equal(text_of(json, name, &buf), KMS_OK);
    assert_string_equal(kms_buf_str(&buf), wanted);
    kms_buf_done(&buf);
}

static void expect_status(const char *json, const char *name, enum kms_status wanted)
{
    struct kms_buf buf;
    enum kms_status status = text_of(json, name, &buf);
    if (status != wanted) {
        fail_msg("'%s' of '%s': %d, not %d", name, json, (int)status, (int)wanted);
    }
    kms_buf_done(&buf);
}

static void a_member_is_found_wherever_it_stands(void **state)
{
    (void)state;
    expect_text("{\"a\":\"x\"}", "a", "x");
    expect_text(" { \"b\" : [ 1 , { \"a\" : \"no\" } , [ ] , { } ] , \"a\" : \"x\" } ", "a", "x");
    expect_text("{\"a\":\"x\",\"b\":{\"c\":{\"d\":[[[null,true,-1.5e+3]]]}}}", "a", "x");
    expect_text("{\"a\":\"first\",\"a\":\"second\"}", "a", "first");
    expect_text("{\"\\u0061\":\"x\"}", "a", "x");
    expect_text("{\"a\":\"\"}", "a", "");
    expect_text("{\"aa\":\"no\",\"\":\"empty\"}", "", "empty");
}

static void escapes_are_what_they_stand_for(void **state)
{
    (void)state;
    expect_text("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "a", "\"\\/\b\f\n\r\t");
    expect_text("{\"a\":\"\\u00e9\\ud83d\\ude00\"}", "a", "\xc3\xa9\xf0\x9f\x98\x80");
    expect_text("{\"a\":\"\xc3\xa9\"}", "a", "\xc3\xa9");
}

static void what_is_no_object_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "x",
        "[]",
        "\"a\"",
        "{",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":\"x\"",
        "{\"a\":\"x\",}",
        "{,\"a\":\"x\"}",
        "{\"a\":\"x\"}x",
        "{\"a\":\"x\"}{}",
        "{\"a\":\"x\" \"b\":1}",
        "{a:1}",
        "{\"a\":'x'}",
        "{\"a\":[1,]}",
        "{\"a\":[1 2]}",
        "{\"a\":[}",
        "{\"a\":[1}}",
        "{\"a\":{\"b\"}}",
        "{\"a\":{\"b\":1,}}",
        "{\"a\":nul}",
        "{\"a\":tru}",
        "{\"a\":-}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\u0x1f\"}",
        "{\"a\":\"\\u0000\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\ud800\\u0041\"}",
        "{\"a\":\"\\udc00\"}",
        "{\"a\":\"x\ny\"}",
    };
    for (size_t i = 0; i < KMS_COUNT_OF(wrong); i++) {
        expect_status(wrong[i], "a", KMS_ESYNTAX);
    }
}

static void every_beginning_of_an_object_is_refused(void **state)
{
    (void)state;
    const char *json = "{\"a\":\"x\\u00e9\",\"b\":[1,{\"c\":null},[true,false]],\"d\":-1.5e3}";
    for (size_t len = 0; len < strlen(json); len++) {
        struct kms_buf buf;
        kms_buf_init(&buf, 4096);
        assert_int_equal(kms_flat_text(json, len, "a", &buf), KMS_ESYNTAX);
        kms_buf_done(&buf);
    }
    expect_text(json, "a", "x\xc3\xa9");
}

static void another_type_is_not_found(void **state)
{
    (void)state;
    int64_t number = 7;
    bool flag = false;
    const char *json = "{\"t\":\"x\",\"n\":-12,\"f\":1.5,\"b\":true,\"o\":{},\"z\":null}";
    size_t len = strlen(json);
    expect_status(json, "n", KMS_ENOTFOUND);
    expect_status(json, "o", KMS_ENOTFOUND);
    expect_status(json, "none", KMS_ENOTFOUND);
    assert_int_equal(kms_flat_number(json, len, "t", &number), KMS_ENOTFOUND);
    assert_int_equal(kms_flat_number(json, len, "f", &number), KMS_ENOTFOUND);
    assert_int_equal(number, 7);
    assert_int_equal(kms_flat_number(json, len, "n", &number), KMS_OK);
    assert_int_equal(number, -12);
    assert_int_equal(kms_flat_flag(json, len, "z", &flag), KMS_ENOTFOUND);
    assert_int_equal(kms_flat_flag(json, len, "b", &flag), KMS_OK);
    assert_true(flag);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    char json[8 * KMS_FLAT_DEPTH_MAX] = "{\"a\":";
    for (int i = 0; i < KMS_FLAT_DEPTH_MAX; i++) {
        kms_text_append(json, sizeof json, "[");
    }
    char deeper[sizeof json];
    kms_text_format(deeper, sizeof deeper, "%s[", json);
    for (int i = 0; i < KMS_FLAT_DEPTH_MAX; i++) {
        kms_text_append(json, sizeof json, "]");
        kms_text_append(deeper, sizeof deeper, "]");
    }
    kms_text_append(json, sizeof json, ",\"b\":\"x\"}");
    kms_text_append(deeper, sizeof deeper, "],\"b\":\"x\"}");
    expect_text(json, "b", "x");
    expect_status(deeper, "b", KMS_ESYNTAX);
}

static void a_text_that_is_too_long_says_so(void **state)
{
    (void)state;
    const char *json = "{\"a\":\"0123456789\"}";
    struct kms_buf buf;
    kms_buf_init(&buf, 5);
    assert_int_equal(kms_flat_text(json, strlen(json), "a", &buf), KMS_ETOOBIG);
    kms_buf_done(&buf);
}

static void quoted_text_is_read_back(void **state)
{
    (void)state;
    const char *text = "a\"b\\c\nd\te\x01 \xc3\xa9 \xf0\x9f\x98\x80 /";
    struct kms_buf json;
    kms_buf_init(&json, 4096);
    assert_int_equal(kms_buf_add_str(&json, "{\"a\":"), KMS_OK);
    assert_int_equal(kms_flat_quote(&json, text), KMS_OK);
    assert_int_equal(kms_buf_add_str(&json, "}"), KMS_OK);
    assert_null(strchr(kms_buf_str(&json), '\n'));
    expect_text(kms_buf_str(&json), "a", text);
    kms_buf_done(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_is_found_wherever_it_stands),
        cmocka_unit_test(escapes_are_what_they_stand_for),
        cmocka_unit_test(what_is_no_object_is_refused),
        cmocka_unit_test(every_beginning_of_an_object_is_refused),
        cmocka_unit_test(another_type_is_not_found),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(a_text_that_is_too_long_says_so),
        cmocka_unit_test(quoted_text_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
