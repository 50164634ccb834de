/* The frame of sealed messages: its exact bytes, every cut of it, and lengths that are not true. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "wsman/sealed.h"

#define FIRST                                                       \
    "--Encrypted Boundary\r\n"                                      \
    "\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n" \
    "\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length="
#define SECOND                 \
    "\r\n"                     \
    "--Encrypted Boundary\r\n" \
    "\tContent-Type: application/octet-stream\r\n"
#define LAST "--Encrypted Boundary--\r\n"

/* A security header of 4 bytes and 3 sealed ones. */
static const char frame[] = FIRST "3" SECOND "\4\0\0\0HEADxyz" LAST;

static enum kms_status read_copy(const char *bytes, size_t len, struct kms_sealed *ret,
                                 struct kms_fault *fault)
{
    char *copy = malloc(len > 0 ? len : 1); /* the sanitizer sees a read past its end */
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    enum kms_status status = kms_sealed_read(copy, len, ret, fault);
    if (status == KMS_OK) {
        const char *token = ret->token;
        assert_true(token >= copy && ret->token_len <= len);
        assert_true((size_t)(token - copy) + ret->token_len <= len);
        ret->token = bytes + (token - copy);
    } else {
        assert_int_equal(status, KMS_EINVAL);
        assert_true(fault->offset <= len);
        assert_true(kms_text_starts(fault->text, "encrypted message: "));
    }
    free(copy);
    return status;
}

static void the_frame_has_exactly_these_bytes(void **state)
{
    (void)state;
    struct kms_buf buf;
    kms_buf_init(&buf, 4096);
    assert_int_equal(kms_sealed_write(3, "HEAD", 4, "xyz", 3, &buf), KMS_OK);
    assert_int_equal(buf.len, sizeof frame - 1);
    assert_memory_equal(buf.data, frame, buf.len);
    kms_buf_done(&buf);
}

static void a_frame_that_does_not_fit_is_not_written(void **state)
{
    (void)state;
    for (size_t max = 0; max < sizeof frame - 1; max++) {
        struct kms_buf buf;
        kms_buf_init(&buf, max);
        assert_int_equal(kms_sealed_write(3, "HEAD", 4, "xyz", 3, &buf), KMS_ETOOBIG);
        kms_buf_done(&buf);
    }
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    uint8_t *bytes = malloc(70000);
    assert_non_null(bytes);
    for (size_t i = 0; i < 70000; i++) {
        bytes[i] = (uint8_t)(i * 13);
    }
    /* sealed bytes that look like the frame itself are not searched in */
    memcpy(bytes + 100, LAST, sizeof LAST - 1);
    memcpy(bytes + 200, FIRST, sizeof FIRST - 1);
    for (size_t len = 0; len < 70000; len = len * 2 + 1) {
        struct kms_buf buf;
        struct kms_sealed sealed;
        kms_buf_init(&buf, 80000);
        assert_int_equal(kms_sealed_write(len, bytes, 60, bytes, len, &buf), KMS_OK);
        assert_int_equal(read_copy(buf.data, buf.len, &sealed, NULL), KMS_OK);
        assert_int_equal(sealed.plain_len, len);
        assert_int_equal(sealed.token_len, 60 + len);
        assert_memory_equal(sealed.token, bytes, 60);
        assert_memory_equal((const char *)sealed.token + 60, bytes, len);
        kms_buf_done(&buf);
    }
    free(bytes);
}

static void every_cut_is_refused(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof frame - 1; len++) {
        struct kms_sealed sealed;
        struct kms_fault fault;
        assert_int_equal(read_copy(frame, len, &sealed, &fault), KMS_EINVAL);
    }
}

static void a_byte_too_many_is_refused(void **state)
{
    (void)state;
    struct kms_sealed sealed;
    struct kms_fault fault;
    char longer[sizeof frame + 1];
    memcpy(longer, frame, sizeof frame - 1);
    longer[sizeof frame - 1] = '\n';
    assert_int_equal(read_copy(longer, sizeof frame, &sealed, &fault), KMS_EINVAL);
}

struct text {
    const char *bytes;
    size_t len;
    const char *why; /* NULL: it is read */
};
#define TEXT(bytes, why)              \
    {                                 \
        bytes, sizeof(bytes) - 1, why \
    }

static void frames_of_other_servers_are_read(void **state)
{
    (void)state;
    static const struct text cases[] = {
        TEXT("-- Encrypted Boundary\r\n"
             "Content-Type: application/HTTP-SPNEGO-session-encrypted\r\n"
             "OriginalContent: type=application/soap+xml;charset=UTF-8;Length=3\r\n"
             "-- Encrypted Boundary\r\n"
             "Content-Type: application/octet-stream\r\n"
             "\4\0\0\0HEADxyz-- Encrypted Boundary--\r\n",
             NULL),
        TEXT("--b\r\n"
             "originalcontent:type=application/soap+xml; charset=UTF-16 ; length=3;x=y\r\n"
             "X-Other: yes\r\n"
             "content-type:application/http-kerberos-session-encrypted\r\n"
             "--b\r\n"
             " content-type:  APPLICATION/octet-stream\r\n"
             "\4\0\0\0HEADxyz--b--\r\n",
             NULL),
        TEXT(FIRST "2" SECOND "\4\0\0\0HEADxyz" LAST, NULL), /* a byte of padding */
        TEXT(FIRST "0" SECOND "\7\0\0\0HEADxyz" LAST, NULL),
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        struct kms_sealed sealed;
        struct kms_fault fault;
        assert_int_equal(read_copy(cases[i].bytes, cases[i].len, &sealed, &fault), KMS_OK);
        assert_int_equal(sealed.token_len, 7);
        assert_memory_equal(sealed.token, "HEADxyz", 7);
    }
}

static void wrong_frames_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct text cases[] = {
        TEXT(FIRST "4" SECOND "\4\0\0\0HEADxyz" LAST, "Length=4, but 3 sealed bytes"),
        TEXT(FIRST "18446744073709551615" SECOND "\4\0\0\0HEADxyz" LAST, "but 3 sealed bytes"),
        TEXT(FIRST "18446744073709551616" SECOND "\4\0\0\0HEADxyz" LAST, "Length that is a number"),
        TEXT(FIRST "-3" SECOND "\4\0\0\0HEADxyz" LAST, "Length that is a number"),
        TEXT(FIRST "" SECOND "\4\0\0\0HEADxyz" LAST, "Length that is a number"),
        TEXT(FIRST "3" SECOND "\10\0\0\0HEADxyz" LAST, "security header of 8 bytes in 7"),
        TEXT(FIRST "3" SECOND "\0\0\0\0HEADxyz" LAST, "security header of 0 bytes"),
        TEXT(FIRST "3" SECOND "\377\377\377\377HEADxyz" LAST, "4294967295 bytes in 7"),
        TEXT(FIRST "3" SECOND "\4\0\0" LAST, "cut off"),
        TEXT(FIRST "3" SECOND "\4\0\0\0HEADxyz--Encrypted Boundary\r\n", "end in its boundary"),
        TEXT(FIRST "3\r\n" SECOND "\4\0\0\0HEADxyz" LAST,
             NULL), /* a blank line in the first part */
        TEXT(FIRST "3" SECOND "\r\n\4\0\0\0HEADxyz" LAST, "security header"),
        TEXT("--Encrypted Boundary\r\n" SECOND "\4\0\0\0HEADxyz" LAST, "lacks Content-Type"),
        TEXT(FIRST "3;Length=4" SECOND "\4\0\0\0HEADxyz" LAST, NULL), /* the first one counts */
        TEXT(FIRST "3\r\n\tOriginalContent: Length=3" SECOND "\4\0\0\0HEADxyz" LAST, "no single"),
        TEXT("--Encrypted Boundary\r\n\tContent-Type: text/html\r\n" SECOND "x" LAST, "other type"),
        TEXT("<html><body>", "begin with its boundary"),
        TEXT("--\r\n", "begin with its boundary"),
        TEXT("--a\r\nb\r\nc\r\nd\r\ne\r\nf\r\ng\r\nh\r\ni\r\nj\r\nk\r\n", "too many headers"),
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        struct kms_sealed sealed;
        struct kms_fault fault = {0};
        enum kms_status status = read_copy(cases[i].bytes, cases[i].len, &sealed, &fault);
        if (status != (cases[i].why ? KMS_EINVAL : KMS_OK) ||
            (cases[i].why && !strstr(fault.text, cases[i].why))) {
            fail_msg("case %zu: %s", i, fault.text);
        }
    }
}

static void the_place_of_a_wrong_length_is_named(void **state)
{
    (void)state;
    static const char wrong[] = FIRST "4" SECOND "\4\0\0\0HEADxyz" LAST;
    struct kms_sealed sealed;
    struct kms_fault fault;
    assert_int_equal(read_copy(wrong, sizeof wrong - 1, &sealed, &fault), KMS_EINVAL);
    assert_int_equal(fault.offset, sizeof(FIRST "4" SECOND) - 1 + 8);
}

static void the_content_type_is_told(void **state)
{
    (void)state;
    assert_true(kms_sealed_is(KMS_SEALED_CONTENT_TYPE));
    assert_true(kms_sealed_is("Multipart/Encrypted; boundary=x"));
    assert_true(kms_sealed_is(" multipart/encrypted"));
    assert_false(kms_sealed_is(NULL));
    assert_false(kms_sealed_is(""));
    assert_false(kms_sealed_is("multipart/encryptedx"));
    assert_false(kms_sealed_is("multipart/x-multi-encrypted;protocol=x"));
    assert_false(kms_sealed_is("application/soap+xml;charset=UTF-8"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_frame_has_exactly_these_bytes),
        cmocka_unit_test(a_frame_that_does_not_fit_is_not_written),
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(a_byte_too_many_is_refused),
        cmocka_unit_test(frames_of_other_servers_are_read),
        cmocka_unit_test(wrong_frames_are_refused_with_the_reason),
        cmocka_unit_test(the_place_of_a_wrong_length_is_named),
        cmocka_unit_test(the_content_type_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
