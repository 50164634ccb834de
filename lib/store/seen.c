/* Reads and writes what was seen in DNS, a line for each row. */
#include "store/seen.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "store/word.h"

#define FIRST_LINE "kmsmon-seen 1"
#define FILE_MAX   ((size_t)64 << 20)
#define TIME_MAX   (UINT64_C(1) << 40)

/* What stands behind the names of a row, in its order. */
struct kind {
    const char *word;
    enum kms_seen_kind kind;
    bool has_address, has_port, has_choice, has_last;
};

static const struct kind kinds[] = {
    {"record", KMS_SEEN_RECORD, false, true, true, true},
    {"host", KMS_SEEN_HOST, true, true, false, true},
    {"missing", KMS_SEEN_MISSING, false, false, false, false},
};

/* ---- reading ---- */

struct reader {
    struct kms_seen *seen;
    struct kms_buf word;
    size_t cap;
};

/* A name becomes part of lines in the log. */
static bool is_one_line(const char *name)
{
    bool is_clean = true;
    for (size_t i = 0; is_clean && name[i]; i++) {
        is_clean = (uint8_t)name[i] >= 0x20 && name[i] != 0x7F;
    }
    return is_clean;
}

static bool read_name(struct reader *reader, struct kms_rd *line, char dst[KMS_SEEN_NAME_SIZE])
{
    return kms_word_read(line, &reader->word) == KMS_OK &&
           is_one_line(kms_buf_str(&reader->word)) &&
           kms_text_copy(dst, KMS_SEEN_NAME_SIZE, kms_buf_str(&reader->word));
}

static bool read_number(struct kms_rd *line, uint64_t max, uint64_t *ret)
{
    const char *word;
    size_t len;
    return kms_word_take(line, &word, &len) && kms_text_u64_len(word, len, ret) && *ret <= max;
}

static bool read_numbers(struct kms_rd *line, const struct kind *kind, struct kms_seen_row *row)
{
    uint64_t port = 0, priority = 0, weight = 0, ttl = 0, first, last;
    bool is_whole = !kind->has_port || read_number(line, UINT16_MAX, &port);
    if (is_whole && kind->has_choice) {
        is_whole = read_number(line, UINT16_MAX, &priority) &&
                   read_number(line, UINT16_MAX, &weight) && read_number(line, UINT32_MAX, &ttl);
    }
    is_whole = is_whole && read_number(line, TIME_MAX, &first);
    if (!is_whole) {
        return false;
    }
    last = first;
    if (kind->has_last && !read_number(line, TIME_MAX, &last)) {
        return false;
    }
    row->port = (uint16_t)port;
    row->priority = (uint16_t)priority;
    row->weight = (uint16_t)weight;
    row->ttl = (uint32_t)ttl;
    row->first_s = (int64_t)first;
    row->last_s = (int64_t)last;
    return kms_rd_left(line) == 0 && first <= last;
}

static const struct kind *read_kind(struct reader *reader, struct kms_rd *line)
{
    if (kms_word_read(line, &reader->word) != KMS_OK) {
        return NULL;
    }
    for (size_t i = 0; i < KMS_COUNT_OF(kinds); i++) {
        if (kms_text_equal(kms_buf_str(&reader->word), kinds[i].word)) {
            return &kinds[i];
        }
    }
    return NULL;
}

static bool read_row(struct reader *reader, struct kms_rd *line, struct kms_seen_row *row)
{
    const struct kind *kind = read_kind(reader, line);
    *row = (struct kms_seen_row){.kind = kind ? kind->kind : 0};
    return kind && read_name(reader, line, row->domain) && read_name(reader, line, row->name) &&
           (!kind->has_address || read_name(reader, line, row->address)) &&
           read_numbers(line, kind, row);
}

static bool room(struct reader *reader)
{
    struct kms_seen *seen = reader->seen;
    if (seen->count < reader->cap) {
        return true;
    }
    size_t cap = reader->cap ? reader->cap * 2 : 64;
    struct kms_seen_row *grown = realloc(seen->row, cap * sizeof *grown);
    if (!grown) {
        return false;
    }
    seen->row = grown;
    reader->cap = cap;
    return true;
}

static enum kms_status read_text(struct reader *reader, const struct kms_buf *text)
{
    struct kms_seen *seen = reader->seen;
    struct kms_rd rd = kms_rd_over(text->data, text->len);
    const char *line;
    size_t len;
    bool is_ours = kms_rd_line(&rd, &line, &len) && len == strlen(FIRST_LINE) &&
                   memcmp(line, FIRST_LINE, len) == 0;
    seen->left_out = is_ours ? 0 : 1;
    while (is_ours && kms_rd_line(&rd, &line, &len)) {
        struct kms_rd words = kms_rd_over(line, len);
        if (!room(reader)) {
            return KMS_ENOMEM;
        }
        bool is_read = seen->count < KMS_SEEN_ROWS_MAX &&
                       read_row(reader, &words, &seen->row[seen->count]);
        seen->count += is_read ? 1 : 0;
        seen->left_out += is_read ? 0 : 1;
    }
    return KMS_OK;
}

enum kms_status kms_seen_load(const char *path, struct kms_seen *ret, struct kms_fault *fault)
{
    struct kms_buf text;
    struct kms_file_stamp stamp;
    int error = 0;
    *ret = (struct kms_seen){0};
    kms_buf_init(&text, FILE_MAX);
    enum kms_status status = kms_file_read(path, &text, &stamp, &error);
    if (status == KMS_OK && text.len > 0) {
        struct reader reader = {.seen = ret};
        kms_buf_init(&reader.word, FILE_MAX);
        status = read_text(&reader, &text);
        kms_buf_done(&reader.word);
    }
    kms_buf_done(&text);
    if (status == KMS_OK || status == KMS_ENOTFOUND) {
        return KMS_OK;
    }
    kms_seen_done(ret);
    return kms_fault_set(fault, error == EACCES || error == EPERM ? KMS_EDENIED : status, 0,
                         "%s: %s", path, kms_file_why(status, error));
}

void kms_seen_done(struct kms_seen *seen)
{
    free(seen->row);
    *seen = (struct kms_seen){0};
}

/* ---- writing ---- */

enum kms_status kms_seen_begin(struct kms_buf *ret_text)
{
    kms_buf_init(ret_text, FILE_MAX);
    return kms_buf_add_str(ret_text, FIRST_LINE "\n");
}

static enum kms_status add_name(struct kms_buf *text, const char *name)
{
    enum kms_status status = kms_buf_add(text, " ", 1);
    return status == KMS_OK ? kms_word_write(text, name) : status;
}

static enum kms_status add_numbers(struct kms_buf *text, const struct kind *kind,
                                   const struct kms_seen_row *row)
{
    enum kms_status status = KMS_OK;
    if (kind->has_port) {
        status = kms_buf_addf(text, " %u", (unsigned)row->port);
    }
    if (status == KMS_OK && kind->has_choice) {
        status = kms_buf_addf(text, " %u %u %" PRIu32, (unsigned)row->priority,
                              (unsigned)row->weight, row->ttl);
    }
    if (status == KMS_OK) {
        status = kms_buf_addf(text, " %" PRId64, row->first_s);
    }
    if (status == KMS_OK && kind->has_last) {
        status = kms_buf_addf(text, " %" PRId64, row->last_s);
    }
    return status == KMS_OK ? kms_buf_add(text, "\n", 1) : status;
}

enum kms_status kms_seen_add(struct kms_buf *text, const struct kms_seen_row *row)
{
    const struct kind *kind = &kinds[row->kind - 1];
    enum kms_status status = kms_buf_add_str(text, kind->word);
    if (status == KMS_OK) {
        status = add_name(text, row->domain);
    }
    if (status == KMS_OK) {
        status = add_name(text, row->name);
    }
    if (status == KMS_OK && kind->has_address) {
        status = add_name(text, row->address);
    }
    return status == KMS_OK ? add_numbers(text, kind, row) : status;
}
