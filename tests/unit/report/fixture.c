/* Reports for the tests: read, changed, converted and parsed. */
#include "fixture.h"

#include <iconv.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

#define TEXT_MAX ((size_t)1 << 20)

void fixture_read(const char *path, struct kms_buf *buf)
{
    struct kms_file_stamp stamp;
    kms_buf_init(buf, TEXT_MAX);
    enum kms_status status = kms_file_read(path, buf, &stamp, NULL);
    if (status != KMS_OK) {
        fail_msg("%s: %s", path, kms_status_text(status));
    }
}

void fixture_replace(struct kms_buf *buf, const char *from, const char *to)
{
    struct kms_buf changed;
    kms_buf_init(&changed, TEXT_MAX);
    const char *rest = kms_buf_str(buf);
    const char *hit = strstr(rest, from);
    if (!hit) {
        fail_msg("'%s' is not in the text", from);
    }
    for (; hit; hit = strstr(rest, from)) {
        assert_int_equal(kms_buf_add(&changed, rest, (size_t)(hit - rest)), KMS_OK);
        assert_int_equal(kms_buf_add_str(&changed, to), KMS_OK);
        rest = hit + strlen(from);
    }
    assert_int_equal(kms_buf_add_str(&changed, rest), KMS_OK);
    kms_buf_done(buf);
    *buf = changed;
}

void fixture_cut(struct kms_buf *buf, const char *mark)
{
    char *hit = strstr(buf->data, mark);
    assert_non_null(hit);
    buf->len = (size_t)(hit - buf->data);
    buf->data[buf->len] = '\0';
}

void fixture_convert(struct kms_buf *buf, const char *encoding)
{
    struct kms_buf converted;
    char *place;
    kms_buf_init(&converted, TEXT_MAX);
    iconv_t conversion = iconv_open(encoding, "UTF-8");
    assert_true(conversion != (iconv_t)-1);
    assert_int_equal(kms_buf_room(&converted, buf->len * 4 + 4, &place), KMS_OK);
    char *in = buf->data;
    size_t left = buf->len;
    size_t space = buf->len * 4 + 4;
    size_t before = space;
    assert_int_equal(iconv(conversion, &in, &left, &place, &space), 0);
    kms_buf_grew(&converted, before - space);
    iconv_close(conversion);
    kms_buf_done(buf);
    *buf = converted;
}

void fixture_wrap(struct kms_buf *buf, size_t columns)
{
    struct kms_buf wrapped;
    struct kms_rd rd = kms_rd_over(buf->data, buf->len);
    kms_buf_init(&wrapped, TEXT_MAX);
    size_t column = 0;
    uint32_t c;
    while (kms_rd_utf8(&rd, &c)) {
        if (c != '\n' && column == columns) {
            assert_int_equal(kms_buf_add_str(&wrapped, "\n"), KMS_OK);
            column = 0;
        }
        column = c == '\n' ? 0 : column + 1;
        assert_int_equal(kms_buf_add_utf8(&wrapped, c), KMS_OK);
    }
    kms_buf_done(buf);
    *buf = wrapped;
}

/* From a copy of exactly that size, so that a read past the end is seen. */
enum kms_outcome fixture_parse(const struct kms_buf *buf, struct kms_report *report)
{
    uint8_t *exact = malloc(buf->len > 0 ? buf->len : 1);
    assert_non_null(exact);
    if (buf->len > 0) {
        memcpy(exact, buf->data, buf->len);
    }
    enum kms_outcome outcome = kms_report_parse(exact, buf->len, report);
    free(exact);
    return outcome;
}

void fixture_expect(const struct kms_buf *buf, enum kms_outcome wanted, struct kms_report *report)
{
    enum kms_outcome outcome = fixture_parse(buf, report);
    if (outcome != wanted) {
        fail_msg("%s (%s) where %s was wanted", kms_outcome_row(outcome)->token, report->detail,
                 kms_outcome_row(wanted)->token);
    }
}

enum kms_outcome fixture_parse_text(const char *text, struct kms_report *report)
{
    return kms_report_parse((const uint8_t *)text, strlen(text), report);
}

void fixture_expect_text(const char *text, enum kms_outcome wanted, struct kms_report *report)
{
    struct kms_buf buf;
    kms_buf_init(&buf, TEXT_MAX);
    assert_int_equal(kms_buf_add_str(&buf, text), KMS_OK);
    fixture_expect(&buf, wanted, report);
    kms_buf_done(&buf);
}

void fixture_requests(const struct kms_facts *key, const int64_t wanted[8])
{
    static const enum kms_fact_id ids[] = {KMS_FACT_TOTAL_REQUESTS,
                                           KMS_FACT_FAILED_REQUESTS,
                                           KMS_FACT_REQUESTS_UNLICENSED,
                                           KMS_FACT_REQUESTS_LICENSED,
                                           KMS_FACT_REQUESTS_OOB_GRACE,
                                           KMS_FACT_REQUESTS_OOT_GRACE,
                                           KMS_FACT_REQUESTS_NON_GENUINE_GRACE,
                                           KMS_FACT_REQUESTS_NOTIFICATION};
    for (size_t i = 0; i < KMS_COUNT_OF(ids); i++) {
        int64_t number;
        assert_true(kms_facts_number(key, ids[i], &number));
        assert_int_equal(number, wanted[i]);
    }
}

void fixture_same_facts(struct kms_report *a, struct kms_report *b)
{
    kms_facts_remove(&a->host, KMS_FACT_REPORT_ENCODING);
    kms_facts_remove(&b->host, KMS_FACT_REPORT_ENCODING);
    assert_true(kms_facts_equal(&a->host, &b->host));
    assert_int_equal(a->key_count, b->key_count);
    for (size_t i = 0; i < a->key_count; i++) {
        assert_true(kms_facts_equal(&a->key[i], &b->key[i]));
    }
}
