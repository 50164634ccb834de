/* One report in every encoding Windows writes gives the same facts; what is no text is said to be
 * none. */
#include "fixture.h"

#include <string.h>

#include "base/text.h"

static void expect_same_as_german(struct kms_buf *buf, const char *encoding)
{
    struct kms_buf original;
    struct kms_report wanted = {0};
    struct kms_report report = {0};
    fixture_read(GERMAN, &original);
    fixture_expect(&original, KMS_OUTCOME_OK, &wanted);
    fixture_expect(buf, KMS_OUTCOME_OK, &report);
    assert_text(report.host, REPORT_ENCODING, encoding);
    assert_text(report.host, REPORT_LANGUAGE, "de");
    fixture_same_facts(&wanted, &report);
    kms_report_done(&wanted);
    kms_report_done(&report);
    kms_buf_done(&original);
    kms_buf_done(buf);
}

static void german_in(const char *encoding, const char *mark, const char *name)
{
    struct kms_buf text;
    struct kms_buf marked;
    fixture_read(GERMAN, &text);
    fixture_convert(&text, encoding);
    kms_buf_init(&marked, (size_t)1 << 20);
    assert_int_equal(kms_buf_add(&marked, mark, strlen(mark)), KMS_OK);
    assert_int_equal(kms_buf_add(&marked, text.data, text.len), KMS_OK);
    kms_buf_done(&text);
    expect_same_as_german(&marked, name);
}

static void utf8_with_a_byte_order_mark_gives_the_same_facts(void **state)
{
    (void)state;
    german_in("UTF-8", "\xEF\xBB\xBF", "UTF-8");
}

static void utf16_with_a_byte_order_mark_gives_the_same_facts(void **state)
{
    (void)state;
    german_in("UTF-16LE", "\xFF\xFE", "UTF-16LE");
    german_in("UTF-16BE", "\xFE\xFF", "UTF-16BE");
}

static void utf16_without_a_byte_order_mark_gives_the_same_facts(void **state)
{
    (void)state;
    german_in("UTF-16LE", "", "UTF-16LE");
    german_in("UTF-16BE", "", "UTF-16BE");
}

static void cp1252_gives_the_same_facts(void **state)
{
    (void)state;
    german_in("CP1252", "", "CP1252");
}

/* The OEM code pages have no typographic dash and quotes: Windows writes plain ones. */
static void make_plain(struct kms_buf *text)
{
    fixture_replace(text, "\xE2\x80\x93", "-");
    fixture_replace(text, "\xE2\x80\x9E", "\"");
    fixture_replace(text, "\xE2\x80\x9C", "\"");
}

static void cp850_with_plain_quotes_gives_the_same_facts(void **state)
{
    (void)state;
    struct kms_buf text;
    fixture_read(GERMAN, &text);
    make_plain(&text);
    fixture_convert(&text, "CP850");
    expect_same_as_german(&text, "CP850");
}

static void utf8_with_windows_line_ends_gives_the_same_facts(void **state)
{
    (void)state;
    static const char *const ends[] = {"\r\n", "\r", "\r\r\n", "\n\n"};
    for (size_t i = 0; i < KMS_COUNT_OF(ends); i++) {
        struct kms_buf text;
        fixture_read(GERMAN, &text);
        fixture_replace(&text, "\n", ends[i]);
        expect_same_as_german(&text, "UTF-8");
    }
}

/* A host block whose labels are listed for the language; the words around it are the real ones
 * where they are. */
static void expect_code_page(const char *text, const char *page, const char *language)
{
    struct kms_buf buf;
    struct kms_report report = {0};
    kms_buf_init(&buf, (size_t)1 << 20);
    assert_int_equal(kms_buf_add_str(&buf, text), KMS_OK);
    fixture_convert(&buf, page);
    fixture_expect(&buf, KMS_OUTCOME_OK, &report);
    assert_text(report.host, REPORT_ENCODING, page);
    assert_text(report.host, REPORT_LANGUAGE, language);
    assert_number(report.host, LISTENING_PORT, 1688);
    assert_number(report.key[0], CURRENT_COUNT, 27);
    kms_report_done(&report);
    kms_buf_done(&buf);
}

static void code_pages_are_told_by_the_labels_they_make_known(void **state)
{
    (void)state;
    static const char russian[] =
        "Description: Windows(R) Operating System, VOLUME_KMS_WS19 channel\n"
        "Частичный ключ продукта: 1SMPL\n"
        "Состояние лицензии: имеет лицензию\n"
        "\n"
        "Служба включена на этом компьютере\n"
        "Текущее количество: 27\n"
        "Ожидание передачи данных через порт: 1688\n"
        "Публикация включена\n"
        "Приоритет: обычный\n";
    expect_code_page(russian, "CP1251", "ru");
    expect_code_page(russian, "CP866", "ru");
    static const char chinese[] = "名称: Windows(R), ServerStandard edition\n"
                                  "描述: Windows(R) Operating System, VOLUME_KMS_WS19 channel\n"
                                  "部分产品密钥: 1SMPL\n"
                                  "许可证状态: 已授权\n"
                                  "\n"
                                  "密钥管理服务已启用\n"
                                  "    当前计数：27\n"
                                  "    侦听端口：1688\n"
                                  "    已启用发布\n"
                                  "    优先级：正常\n";
    expect_code_page(chinese, "CP936", "zh-CN");
    static const char korean[] =
        "Name: Windows(R), ServerStandard edition\n"
        "Description: Windows(R) Operating System, VOLUME_KMS_WS19 channel\n"
        "부분 제품 키: 1SMPL\n"
        "라이선스 상태: 사용 허가됨\n"
        "\n"
        "키 관리 서비스 사용\n"
        "    현재 수: 27\n"
        "    수신 대기 포트: 1688\n"
        "    게시 사용\n"
        "    우선 순위: 보통\n";
    expect_code_page(korean, "CP949", "ko");
}

static void expect_no_text(const void *bytes, size_t len)
{
    struct kms_report report = {0};
    assert_int_equal(kms_report_parse(bytes, len, &report), KMS_OUTCOME_REPORT_BINARY);
    assert_int_equal(report.key_count, 0);
    assert_true(strlen(report.detail) > 0);
    kms_report_done(&report);
}

static void binary_bytes_are_not_taken_for_text(void **state)
{
    (void)state;
    static const char elf[] = "\x7F"
                              "ELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x3E\x00";
    static const char zeros[64] = {0};
    char noise[4096];
    uint32_t seed = 12345;
    for (size_t i = 0; i < sizeof(noise); i++) {
        seed = seed * 1664525U + 1013904223U;
        noise[i] = (char)(seed >> 24);
    }
    expect_no_text(elf, sizeof(elf) - 1);
    expect_no_text(zeros, sizeof(zeros));
    expect_no_text(noise, sizeof(noise));
    /* Controls without a single zero byte. */
    for (size_t i = 0; i < sizeof(noise); i++) {
        noise[i] = (char)(i % 7 + 1);
    }
    expect_no_text(noise, sizeof(noise));
}

static void blank_text_is_empty(void **state)
{
    (void)state;
    static const char *const blanks[] = {"", "\n", " \r\n\t\r\n", "\xEF\xBB\xBF", "\xC2\xA0\n"};
    for (size_t i = 0; i < KMS_COUNT_OF(blanks); i++) {
        struct kms_report report = {0};
        fixture_expect_text(blanks[i], KMS_OUTCOME_REPORT_EMPTY, &report);
        kms_report_done(&report);
    }
    struct kms_report report = {0};
    assert_int_equal(kms_report_parse((const uint8_t *)"\xFF\xFE", 2, &report),
                     KMS_OUTCOME_REPORT_EMPTY);
    kms_report_done(&report);
}

static void a_text_of_too_many_lines_is_no_report(void **state)
{
    (void)state;
    struct kms_buf text;
    struct kms_report report = {0};
    kms_buf_init(&text, (size_t)8 << 20);
    for (int i = 0; i < 200001; i++) {
        assert_int_equal(kms_buf_add(&text, "a: 1\n", 5), KMS_OK);
    }
    fixture_expect(&text, KMS_OUTCOME_REPORT_FOREIGN, &report);
    kms_report_done(&report);
    kms_buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_with_a_byte_order_mark_gives_the_same_facts),
        cmocka_unit_test(utf16_with_a_byte_order_mark_gives_the_same_facts),
        cmocka_unit_test(utf16_without_a_byte_order_mark_gives_the_same_facts),
        cmocka_unit_test(cp1252_gives_the_same_facts),
        cmocka_unit_test(cp850_with_plain_quotes_gives_the_same_facts),
        cmocka_unit_test(utf8_with_windows_line_ends_gives_the_same_facts),
        cmocka_unit_test(code_pages_are_told_by_the_labels_they_make_known),
        cmocka_unit_test(binary_bytes_are_not_taken_for_text),
        cmocka_unit_test(blank_text_is_empty),
        cmocka_unit_test(a_text_of_too_many_lines_is_no_report),
    };
    return cmocka_run_group_tests_name("report_encoding", tests, NULL, NULL);
}
