/* Numbers on a page of a damaged file: leaf cells of the table of records, taken by their sums
 * alone. */
#include "base/bytes.h"
#include "base/text.h"
#include "store/store_parts.h"

#define LEAF         0x0D /* of a table: SQLite file format, section 1.6 */
#define NUMBER_BYTES 16
#define CELLS_MAX    2048

/* Seven bits a byte, the highest first, eight in a ninth one. */
static bool read_varint(struct kms_rd *rd, uint64_t *ret)
{
    uint64_t value = 0;
    uint8_t byte = 0x80;
    for (int i = 0; i < 9 && (byte & 0x80) != 0; i++) {
        if (!kms_rd_u8(rd, &byte)) {
            return false;
        }
        value = i == 8 ? value << 8 | byte : value << 7 | (byte & 0x7F);
    }
    *ret = value;
    return true;
}

/* An integer of the serial types 1 to 6, 8 and 9. */
static bool read_integer(struct kms_rd *rd, uint64_t type, int64_t *ret)
{
    static const uint8_t widths[] = {0, 1, 2, 3, 4, 6, 8};
    if (type == 8 || type == 9) {
        *ret = type == 9 ? 1 : 0;
        return true;
    }
    const uint8_t *bytes;
    if (type == 0 || type >= KMS_COUNT_OF(widths) || !kms_rd_span(rd, widths[type], &bytes)) {
        return false;
    }
    uint64_t value = (bytes[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (size_t i = 0; i < widths[type]; i++) {
        value = value << 8 | bytes[i];
    }
    *ret = (int64_t)value;
    return true;
}

/* Columns of the table: kind, name, bytes, sum. */
static bool read_record(struct kms_rd *cell, char name[KMS_STORE_NAME_MAX + 1],
                        char bytes[NUMBER_BYTES], size_t *ret_len)
{
    uint64_t size;
    uint64_t row;
    uint64_t header;
    uint64_t type[4];
    struct kms_rd rd;
    if (!read_varint(cell, &size) || !read_varint(cell, &row) || size > kms_rd_left(cell) ||
        !kms_rd_sub(cell, (size_t)size, &rd) || !read_varint(&rd, &header)) {
        return false;
    }
    for (size_t i = 0; i < KMS_COUNT_OF(type); i++) {
        if (!read_varint(&rd, &type[i])) {
            return false;
        }
    }
    bool is_text = type[1] >= 15 && type[1] % 2 == 1 && (type[1] - 13) / 2 <= KMS_STORE_NAME_MAX;
    bool is_blob = type[2] >= 14 && type[2] % 2 == 0 && (type[2] - 12) / 2 <= NUMBER_BYTES;
    int64_t kind;
    int64_t sum;
    const uint8_t *text;
    const uint8_t *blob;
    if (rd.at != header || !is_text || !is_blob) {
        return false;
    }
    size_t name_len = (size_t)(type[1] - 13) / 2;
    size_t len = (size_t)(type[2] - 12) / 2;
    if (!read_integer(&rd, type[0], &kind) || kind != KMS_STORE_NUMBER ||
        !kms_rd_span(&rd, name_len, &text) || !kms_rd_span(&rd, len, &blob) ||
        !read_integer(&rd, type[3], &sum)) {
        return false;
    }
    for (size_t i = 0; i < name_len; i++) {
        name[i] = (char)text[i];
        if (name[i] == '\0') {
            return false;
        }
    }
    name[name_len] = '\0';
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (char)blob[i];
    }
    *ret_len = len;
    return kms_store_sum(kind, name, name_len, bytes, len) == sum;
}

void kms_store_scan_pages(const uint8_t *page, size_t size, kms_store_row_fn *row, void *arg)
{
    struct kms_rd rd = kms_rd_over(page, size);
    uint8_t type;
    uint16_t skipped;
    uint16_t cells;
    /* The first page belongs to the schema. */
    if (!kms_rd_u8(&rd, &type) || type != LEAF || !kms_rd_u16(&rd, &skipped) ||
        !kms_rd_u16(&rd, &cells) || cells > CELLS_MAX || !kms_rd_skip(&rd, 3)) {
        return;
    }
    for (uint16_t i = 0; i < cells; i++) {
        uint16_t at;
        char name[KMS_STORE_NAME_MAX + 1];
        char bytes[NUMBER_BYTES];
        size_t len;
        if (!kms_rd_u16(&rd, &at)) {
            return;
        }
        struct kms_rd cell = kms_rd_over(page, size);
        if (kms_rd_skip(&cell, at) && read_record(&cell, name, bytes, &len)) {
            row(arg, name, bytes, len);
        }
    }
}
