/* Channel bindings of certificates: the hash that their signature asks for, and what is none. The
 * script binding makes the certificates with openssl and gives name, hash in hexadecimal and file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "wsman/binding.h"

struct case_files {
    int count;
    char **args; /* pairs: hash in hexadecimal, file */
};

static enum kms_status bind_copy(const char *bytes, size_t len, uint8_t ret[KMS_BINDING_SIZE],
                                 size_t *ret_len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    struct kms_fault fault = {0};
    enum kms_status status = kms_binding_of(copy, len, ret, ret_len, &fault);
    assert_true(fault.offset <= len);
    free(copy);
    return status;
}

static void check_one(const char *hex, const char *path)
{
    static const char prefix[] = "tls-server-end-point:";
    struct kms_buf der;
    uint8_t binding[KMS_BINDING_SIZE];
    size_t len = 0;
    kms_buf_init(&der, 65536);
    assert_int_equal(kms_file_read(path, &der, NULL, NULL), KMS_OK);
    assert_int_equal(bind_copy(der.data, der.len, binding, &len), KMS_OK);
    assert_true(len > sizeof prefix - 1);
    assert_memory_equal(binding, prefix, sizeof prefix - 1);
    char shown[2 * KMS_BINDING_SIZE + 1] = "";
    for (size_t i = sizeof prefix - 1; i < len; i++) {
        (void)kms_text_append(shown, sizeof shown, "%02x", binding[i]);
    }
    assert_string_equal(shown, hex);
    for (size_t cut = 0; cut < der.len; cut++) {
        assert_int_equal(bind_copy(der.data, cut, binding, &len), KMS_EINVAL);
    }
    assert_int_equal(kms_buf_add(&der, "x", 1), KMS_OK);
    assert_int_equal(bind_copy(der.data, der.len, binding, &len), KMS_EINVAL);
    kms_buf_done(&der);
}

static void the_hash_is_the_one_of_the_signature(void **state)
{
    const struct case_files *files = *state;
    for (int i = 0; i + 1 < files->count; i += 2) {
        print_message("    %s\n", files->args[i + 1]);
        check_one(files->args[i], files->args[i + 1]);
    }
}

static void what_is_no_certificate_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {"", 0},
        {"-----BEGIN CERTIFICATE-----", 27},
        {"\x30\x00", 2},
        {"\x30\x80\x30\x00\x00\x00", 6},                      /* of no definite length */
        {"\x30\x85\x00\x00\x00\x00\x00", 7},                  /* five bytes of length */
        {"\x30\x84\xff\xff\xff\xff\x30\x00", 8},              /* past the end */
        {"\x30\x07\x30\x00\x30\x00\x03\x01\x00", 9},          /* no algorithm */
        {"\x30\x09\x30\x00\x30\x02\x06\x05\x03\x01\x00", 11}, /* longer than what it is in */
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        uint8_t binding[KMS_BINDING_SIZE];
        size_t len = 0;
        assert_int_equal(bind_copy(cases[i].bytes, cases[i].len, binding, &len), KMS_EINVAL);
    }
}

int main(int argc, char **argv)
{
    struct case_files files = {argc - 1, argv + 1};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(the_hash_is_the_one_of_the_signature, &files),
        cmocka_unit_test(what_is_no_certificate_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
