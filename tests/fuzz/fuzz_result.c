/* Fuzz harness of results as text: what is read is written to a text that is read to the same. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "model/result_text.h"

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

/* Texts of notes are cleaned once more and may become shorter, so the second text is the measure.
 */
static void write_again(const struct kms_result *result, struct kms_buf *buf)
{
    struct kms_result again;
    size_t used = 0;

    kms_buf_clear(buf);
    enum kms_status status = kms_result_text_write(result, buf);
    if (status == KMS_ETOOBIG) {
        return; /* 0xC is written as 0x0000000C */
    }
    require(status == KMS_OK);
    require(kms_result_text_read(kms_buf_str(buf), buf->len, &again, &used, NULL) == KMS_OK);
    require(used == buf->len);
    require(kms_facts_equal(&result->host, &again.host));
    require(result->key_count == again.key_count && result->note_count == again.note_count);
    struct kms_buf second;
    kms_buf_init(&second, KMS_RESULT_TEXT_MAX);
    require(kms_result_text_write(&again, &second) == KMS_OK);
    require(strcmp(kms_buf_str(&second), kms_buf_str(buf)) == 0);
    kms_buf_done(&second);
    kms_result_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct kms_result result;
    struct kms_fault fault = {.text = ""};
    struct kms_buf buf;
    size_t used = 0;

    if (kms_result_text_read((const char *)bytes, len, &result, &used, &fault) != KMS_OK) {
        require(fault.text[0] != '\0');
        return 0;
    }
    require(used <= len);
    kms_buf_init(&buf, KMS_RESULT_TEXT_MAX);
    write_again(&result, &buf);
    kms_buf_done(&buf);
    kms_result_done(&result);
    return 0;
}
