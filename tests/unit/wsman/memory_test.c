/* Memory that runs out anywhere in reading or writing a message, in expat too, is a status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "reading.h"
#include "unit/scarce.h"
#include "wsman/envelope.h"

/* With so many allocations only; true when they were enough. */
static bool reads_with(const struct kms_buf *buf, size_t piece, int64_t allocations)
{
    scarce_left(allocations);
    struct reading reading = reading_of(buf->data, buf->len, piece, NULL);
    scarce_over();
    bool is_read = reading.status == KMS_OK;
    if (!is_read) {
        assert_int_equal(reading.status, KMS_ENOMEM);
    }
    reading_done(&reading);
    return is_read;
}

static void a_reading_without_memory_is_a_status(void **state)
{
    (void)state;
    static const char *const samples[] = {"products-first.xml",   "products-last.xml",
                                          "service-instance.xml", "fault-provider.xml",
                                          "fault-wmi-error.xml",  "identify.xml"};
    for (size_t i = 0; i < KMS_COUNT_OF(samples); i++) {
        for (size_t piece = 0; piece < 100; piece += 50) {
            struct kms_buf buf;
            int64_t allocations = 1;
            assert_true(sample_read(samples[i], &buf));
            while (!reads_with(&buf, piece, allocations)) {
                allocations++;
            }
            assert_true(allocations > 10);
            kms_buf_done(&buf);
        }
    }
}

static bool writes_with(int64_t allocations)
{
    static const struct kms_wsman_address address = {
        "https://kms01.example.test:5986/wsman", KMS_WSMAN_CIMV2_ALL, {{1}}, 60000, 153600};
    struct kms_buf buf;
    kms_buf_init(&buf, 4096);
    scarce_left(allocations);
    enum kms_status status = kms_wsman_write_enumerate(&address, "SELECT Name FROM Win32_Service",
                                                       0, &buf);
    scarce_over();
    if (status != KMS_OK) {
        assert_int_equal(status, KMS_ENOMEM);
        assert_int_equal(buf.len, 0);
    }
    kms_buf_done(&buf);
    return status == KMS_OK;
}

static void a_writing_without_memory_leaves_nothing(void **state)
{
    (void)state;
    int64_t allocations = 1;
    while (!writes_with(allocations)) {
        allocations++;
    }
    assert_true(allocations > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reading_without_memory_is_a_status),
        cmocka_unit_test(a_writing_without_memory_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
