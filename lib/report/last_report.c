/* Where the last report of a file begins that was written to again and again: pure. */
#include "report/last_report.h"

#include <string.h>

/* So many products of one file are compared. */
#define IDS_MAX 256
#define NO_LINE ((size_t)-1)

/* Ids of which a digit is blacked out may be those of two products. */
static bool is_whole_guid(const char *value, size_t len)
{
    size_t digits = 0;
    for (size_t i = 0; i < len; i++) {
        char c = value[i];
        digits += (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    }
    return len == 36 && digits == 32;
}

/* The activation ids of one report in a file that may hold several. */
struct ids {
    const struct kms_line *line[IDS_MAX];
    size_t count;
};

static bool is_known_id(const struct kms_lines *lines, const struct ids *ids,
                        const struct kms_line *line)
{
    size_t len;
    const char *value = kms_line_value(lines, line, &len);
    for (size_t i = 0; i < ids->count; i++) {
        size_t known_len;
        const char *known = kms_line_value(lines, ids->line[i], &known_len);
        if (known_len == len && memcmp(known, value, len) == 0) {
            return true;
        }
    }
    return false;
}

size_t kms_last_report_begin(const struct kms_lines *lines)
{
    struct ids ids = {.count = 0};
    size_t begin = 0;
    size_t product = NO_LINE; /* its first line, while its id is not met */
    bool versioned = false;
    for (size_t i = 0; i < lines->count; i++) {
        const struct kms_line *line = &lines->line[i];
        size_t len;
        const char *value = kms_line_value(lines, line, &len);
        if (line->kind == KMS_LINE_SERVICE_VERSION && !line->by_structure) {
            begin = versioned ? i : begin;
            ids.count = versioned ? 0 : ids.count;
            versioned = true;
        } else if (line->kind == KMS_LINE_NAME) {
            product = i;
        } else if (line->kind == KMS_LINE_ACTIVATION_ID && product != NO_LINE &&
                   is_whole_guid(value, len)) {
            if (is_known_id(lines, &ids, line)) {
                begin = product;
                ids.count = 0;
            }
            if (ids.count < IDS_MAX) {
                ids.line[ids.count++] = line;
            }
            product = NO_LINE;
        }
    }
    return begin;
}
