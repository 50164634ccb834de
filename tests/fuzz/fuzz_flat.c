/* Fuzz harness of members of JSON objects: the name is up to the first line end, the object behind
 * it; a text that is found is found again when it is written. */
#include <stdlib.h>
#include <string.h>

#include "control/flat.h"
#include "fuzz/fuzz.h"

#define TEXT_MAX ((size_t)1 << 20)

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

static void find_again(const char *text)
{
    struct kms_buf object, found;
    kms_buf_init(&object, 8 * TEXT_MAX);
    kms_buf_init(&found, 8 * TEXT_MAX);
    require(kms_buf_add_str(&object, " {\"other\": [1, {\"name\": \"no\"}], \"name\" :") == KMS_OK);
    require(kms_flat_quote(&object, text) == KMS_OK);
    require(kms_buf_add_str(&object, "}") == KMS_OK);
    require(kms_flat_text(object.data, object.len, "name", &found) == KMS_OK);
    require(strcmp(kms_buf_str(&found), text) == 0);
    kms_buf_done(&object);
    kms_buf_done(&found);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const uint8_t *end = len > 0 ? memchr(bytes, '\n', len) : NULL;
    char name[64] = "";
    if (!end || (size_t)(end - bytes) >= sizeof name) {
        return 0;
    }
    memcpy(name, bytes, (size_t)(end - bytes));
    const char *json = (const char *)end + 1;
    size_t size = len - (size_t)(end - bytes) - 1;
    struct kms_buf text;
    int64_t number;
    bool flag;
    kms_buf_init(&text, TEXT_MAX);
    enum kms_status as_text = kms_flat_text(json, size, name, &text);
    enum kms_status as_number = kms_flat_number(json, size, name, &number);
    enum kms_status as_flag = kms_flat_flag(json, size, name, &flag);
    require((as_text == KMS_ESYNTAX) == (as_number == KMS_ESYNTAX));
    require((as_text == KMS_ESYNTAX) == (as_flag == KMS_ESYNTAX));
    require((as_text == KMS_OK) + (as_number == KMS_OK) + (as_flag == KMS_OK) <= 1);
    if (as_text == KMS_OK) {
        find_again(kms_buf_str(&text));
    }
    kms_buf_done(&text);
    return 0;
}
