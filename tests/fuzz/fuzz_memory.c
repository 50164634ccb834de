/* Fuzz harness of the memory of a host: what is read is written to a text that is read to the same,
 * and makes a result. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "rpc/memory.h"

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

static void write_again(const struct kms_memory *memory, const char *text)
{
    struct kms_buf buf;
    kms_buf_init(&buf, KMS_MEMORY_MAX);
    require(kms_memory_write(memory, &buf) == KMS_OK);
    require(strcmp(kms_buf_str(&buf), text) == 0);
    kms_buf_done(&buf);
}

static void make_result(const struct kms_memory *memory)
{
    struct kms_result result;
    require(kms_memory_result(memory, 1800, memory->tried_s, &result) == KMS_OK);
    require(result.key_count <= KMS_ANSWERS_MAX);
    kms_result_done(&result);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct kms_memory memory;
    struct kms_memory again;
    struct kms_fault fault = {.offset = 0};
    if (len == 0 || kms_memory_read((const char *)bytes, len, &memory, &fault) != KMS_OK) {
        require(len == 0 || fault.text[0] != '\0');
        return 0;
    }
    struct kms_buf buf;
    kms_buf_init(&buf, KMS_MEMORY_MAX);
    require(kms_memory_write(&memory, &buf) == KMS_OK);
    require(kms_memory_read(kms_buf_str(&buf), buf.len, &again, NULL) == KMS_OK);
    write_again(&again, kms_buf_str(&buf));
    kms_buf_done(&buf);
    make_result(&memory);
    int64_t asked_s = memory.asked_s;
    (void)kms_memory_settle(&memory, asked_s);
    require(memory.asked_s == asked_s && !kms_memory_settle(&memory, asked_s));
    return 0;
}
