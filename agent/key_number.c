/* Numbers of keys in the index, within bounds. */
#include "agent/key_number.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"

#define SHARED       "more:"
#define FIRST_SHARED SHARED "1"

/* "epid:" of "epid:03612-..."; also of "2:epid:03612-...", the second key that looks the same. */
static const char *kind_of(const char *identity, size_t *ret_len)
{
    const char *kind = identity + strspn(identity, "0123456789");
    if (kind > identity && *kind == ':') {
        kind++;
    } else {
        kind = identity;
    }
    *ret_len = strcspn(kind, ":");
    return kind;
}

static bool is_same_kind(const char *a, const char *b)
{
    size_t a_len;
    size_t b_len;
    const char *a_kind = kind_of(a, &a_len);
    const char *b_kind = kind_of(b, &b_len);
    return a_len == b_len && memcmp(a_kind, b_kind, a_len) == 0;
}

uint32_t kms_key_number(struct kms_index *index, const struct kms_log *log, const char *host,
                        uint32_t host_number, const char *identity)
{
    char space[32];
    kms_text_format(space, sizeof space, "key/%u", (unsigned)host_number);
    uint32_t number = kms_index_find(index, space, identity);
    if (number != 0) {
        return number;
    }
    bool full = kms_index_has_many(index, space, identity, is_same_kind, KMS_KEY_NUMBERS_MAX);
    if (kms_text_starts(identity, SHARED) || !full) {
        return kms_index_get(index, space, identity);
    }
    if (kms_index_find(index, space, FIRST_SHARED) == 0) {
        kms_log_write(log, KMS_LOG_WARNING,
                      "index %s: it has shown %d keys, and new ones share a row from now on; find "
                      "out why its key changes so often",
                      host, KMS_KEY_NUMBERS_MAX);
    }
    return 0;
}
