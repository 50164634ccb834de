/* The numbers that names keep for good, as a list under one hash table. */
#include "store/index.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "store/word.h"

#define FIRST_LINE  "kmsmon-index 1"
#define FILE_MAX    ((size_t)64 << 20)
#define NUMBER_MAX  INT32_MAX /* of an INDEX that every SNMP manager can read */
#define SPACE_BELOW 0         /* parent of the spaces themselves */

/* A name in a space. The spaces are names too, below SPACE_BELOW: their number is the next one to
 * give. */
struct row {
    char *name;
    uint32_t parent; /* 1 + position of the space in rows */
    uint32_t number; /* of a space that was only mentioned yet, and of a name that lost its: 0 */
    uint32_t line;   /* where it was read */
    bool told;
};

struct kms_index {
    struct row *row;
    size_t row_count, row_cap;
    uint32_t *slot; /* 1 + position in rows, 0: free; slot_cap is a power of two above row_count */
    size_t slot_cap;
    size_t told; /* rows before it are all told */
};

static uint64_t hash_of(uint32_t parent, const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037) ^ parent;
    for (; *name; name++) {
        hash = (hash ^ (uint8_t)*name) * UINT64_C(1099511628211);
    }
    return hash ^ hash >> 32;
}

/* The slot of the name, or the free one where it belongs. */
static size_t slot_of(const struct kms_index *index, uint32_t parent, const char *name)
{
    size_t at = (size_t)hash_of(parent, name) & (index->slot_cap - 1);
    while (index->slot[at] != 0) {
        const struct row *row = &index->row[index->slot[at] - 1];
        if (row->parent == parent && kms_text_equal(row->name, name)) {
            break;
        }
        at = (at + 1) & (index->slot_cap - 1);
    }
    return at;
}

/* Position + 1, 0 when there is none. */
static uint32_t find_row(const struct kms_index *index, uint32_t parent, const char *name)
{
    return index->slot_cap == 0 ? 0 : index->slot[slot_of(index, parent, name)];
}

static bool grow_rows(struct kms_index *index)
{
    if (index->row_count < index->row_cap) {
        return true;
    }
    size_t cap = index->row_cap == 0 ? 64 : index->row_cap * 2;
    struct row *row = cap > NUMBER_MAX ? NULL : realloc(index->row, cap * sizeof *row);
    if (!row) {
        return false;
    }
    index->row = row;
    index->row_cap = cap;
    return true;
}

static bool grow_slots(struct kms_index *index)
{
    if ((index->row_count + 1) * 2 <= index->slot_cap) {
        return true;
    }
    size_t cap = index->slot_cap == 0 ? 128 : index->slot_cap * 2;
    uint32_t *slot = calloc(cap, sizeof *slot);
    if (!slot) {
        return false;
    }
    free(index->slot);
    index->slot = slot;
    index->slot_cap = cap;
    for (size_t i = 0; i < index->row_count; i++) {
        slot[slot_of(index, index->row[i].parent, index->row[i].name)] = (uint32_t)i + 1;
    }
    return true;
}

/* Position + 1 of a new row, 0 when memory ran out. */
static uint32_t add_row(struct kms_index *index, uint32_t parent, const char *name, uint32_t number,
                        size_t line)
{
    if (!grow_rows(index) || !grow_slots(index)) {
        return 0;
    }
    char *copy = kms_text_dup(name);
    if (!copy) {
        return 0;
    }
    index->row[index->row_count++] = (struct row){
        .name = copy, .parent = parent, .number = number, .line = (uint32_t)line};
    uint32_t id = (uint32_t)index->row_count;
    index->slot[slot_of(index, parent, copy)] = id;
    return id;
}

static uint32_t find_or_add_space(struct kms_index *index, const char *space, uint32_t next,
                                  size_t line)
{
    uint32_t id = find_row(index, SPACE_BELOW, space);
    return id != 0 ? id : add_row(index, SPACE_BELOW, space, next, line);
}

static void untell(struct kms_index *index, uint32_t id)
{
    index->row[id - 1].told = false;
    index->told = index->told < id ? index->told : id - 1;
}

uint32_t kms_index_get(struct kms_index *index, const char *space, const char *name)
{
    uint32_t parent = find_or_add_space(index, space, 1, 0);
    if (parent == 0) {
        return 0;
    }
    uint32_t id = find_row(index, parent, name);
    if (id != 0 && index->row[id - 1].number != 0) {
        return index->row[id - 1].number;
    }
    uint32_t number = index->row[parent - 1].number;
    if (number > NUMBER_MAX) {
        return 0;
    }
    if (id == 0) {
        id = add_row(index, parent, name, number, 0);
    }
    if (id == 0) {
        return 0;
    }
    index->row[id - 1].number = number;
    index->row[parent - 1].number = number + 1;
    untell(index, id);
    untell(index, parent);
    return number;
}

uint32_t kms_index_find(const struct kms_index *index, const char *space, const char *name)
{
    uint32_t parent = find_row(index, SPACE_BELOW, space);
    uint32_t id = parent != 0 ? find_row(index, parent, name) : 0;
    return id != 0 ? index->row[id - 1].number : 0;
}

/* Rows are gone through only when the space has given enough numbers at all. */
bool kms_index_has_many(const struct kms_index *index, const char *space, const char *name,
                        kms_index_like_fn *like, size_t many)
{
    uint32_t parent = find_row(index, SPACE_BELOW, space);
    bool enough = parent != 0 && index->row[parent - 1].number > many;
    size_t count = 0;
    for (size_t i = 0; enough && count < many && i < index->row_count; i++) {
        count += index->row[i].parent == parent && like(index->row[i].name, name) ? 1 : 0;
    }
    return count >= many;
}

/* Reading. */

struct reader {
    struct kms_index *index;
    const char *path;
    size_t line;
    struct kms_buf space, name; /* decoded words of the line */
    struct kms_fault *fault;
};

/* "path:line: why" */
static enum kms_status refuse(const struct reader *reader, size_t line, const char *why)
{
    return kms_fault_set(reader->fault, KMS_ESYNTAX, line, "%s:%zu: %s", reader->path, line, why);
}

static enum kms_status out_of_memory(const struct reader *reader)
{
    return kms_fault_set(reader->fault, KMS_ENOMEM, reader->line, "%s: out of memory",
                         reader->path);
}

static enum kms_status read_words(struct reader *reader, struct kms_rd *rd, bool with_name)
{
    enum kms_status status = kms_word_read(rd, &reader->space);
    if (status == KMS_OK && with_name) {
        status = kms_word_read(rd, &reader->name);
    }
    if (status == KMS_ENOMEM) {
        return out_of_memory(reader);
    }
    if (status != KMS_OK || kms_rd_left(rd) > 0) {
        return refuse(reader, reader->line,
                      "expected '<number> <space> <name>' or 'next <number> <space>', with blanks "
                      "and '%' inside a word written as %20 and %25");
    }
    return KMS_OK;
}

static enum kms_status read_number(struct reader *reader, struct kms_rd *rd, uint64_t max,
                                   uint32_t *ret)
{
    const char *word;
    size_t len;
    uint64_t number;
    if (!kms_word_take(rd, &word, &len) || !kms_text_u64_len(word, len, &number) || number == 0 ||
        number > max) {
        return refuse(reader, reader->line, "expected a number from 1 to 2147483647 or 'next'");
    }
    *ret = (uint32_t)number;
    return KMS_OK;
}

static enum kms_status read_next(struct reader *reader, struct kms_rd *rd)
{
    uint32_t number;
    enum kms_status status = read_number(reader, rd, (uint64_t)NUMBER_MAX + 1, &number);
    if (status == KMS_OK) {
        status = read_words(reader, rd, false);
    }
    if (status != KMS_OK) {
        return status;
    }
    uint32_t id = find_or_add_space(reader->index, kms_buf_str(&reader->space), 0, reader->line);
    if (id == 0) {
        return out_of_memory(reader);
    }
    struct row *space = &reader->index->row[id - 1];
    if (space->number != 0) {
        return refuse(reader, reader->line, "a second 'next' for the same space");
    }
    space->number = number;
    space->line = (uint32_t)reader->line;
    return KMS_OK;
}

static enum kms_status read_entry(struct reader *reader, struct kms_rd *rd)
{
    uint32_t number;
    enum kms_status status = read_number(reader, rd, NUMBER_MAX, &number);
    if (status == KMS_OK) {
        status = read_words(reader, rd, true);
    }
    if (status != KMS_OK) {
        return status;
    }
    uint32_t parent = find_or_add_space(reader->index, kms_buf_str(&reader->space), 0,
                                        reader->line);
    if (parent == 0) {
        return out_of_memory(reader);
    }
    const char *name = kms_buf_str(&reader->name);
    uint32_t other = find_row(reader->index, parent, name);
    if (other != 0) {
        char why[80];
        kms_text_format(why, sizeof why, "the name already has a number in line %" PRIu32,
                        reader->index->row[other - 1].line);
        return refuse(reader, reader->line, why);
    }
    bool added = add_row(reader->index, parent, name, number, reader->line) != 0;
    return added ? KMS_OK : out_of_memory(reader);
}

static enum kms_status read_lines(struct reader *reader, struct kms_rd *rd)
{
    const char *text;
    size_t len;
    reader->line = 1;
    if (!kms_rd_line(rd, &text, &len) || len != strlen(FIRST_LINE) ||
        memcmp(text, FIRST_LINE, len) != 0) {
        return refuse(reader, 1, "not an index file: the first line must be '" FIRST_LINE "'");
    }
    enum kms_status status = KMS_OK;
    while (status == KMS_OK && kms_rd_line(rd, &text, &len)) {
        reader->line++;
        struct kms_rd line = kms_rd_over(text, len);
        status = kms_rd_match(&line, "next ", 5) ? read_next(reader, &line)
                                                 : read_entry(reader, &line);
    }
    return status;
}

static int compare_rows(const void *a, const void *b)
{
    const struct row *x = *(const struct row *const *)a;
    const struct row *y = *(const struct row *const *)b;
    if (x->parent != y->parent) {
        return x->parent < y->parent ? -1 : 1;
    }
    if (x->number != y->number) {
        return x->number < y->number ? -1 : 1;
    }
    return x->line < y->line ? -1 : x->line > y->line;
}

static enum kms_status check_pair(const struct reader *reader, const struct row *before,
                                  const struct row *row)
{
    char why[112];
    if (before && before->parent == row->parent && before->number == row->number) {
        kms_text_format(why, sizeof why, "the number %" PRIu32 " is already given in line %" PRIu32,
                        row->number, before->line);
        return refuse(reader, row->line, why);
    }
    const struct row *space = &reader->index->row[row->parent - 1];
    if (space->number == 0) {
        return refuse(reader, reader->line,
                      "the file ends without a 'next' for each space: a part of it is missing");
    }
    if (row->number >= space->number) {
        kms_text_format(why, sizeof why,
                        "next %" PRIu32 " is not above the number %" PRIu32 " in line %" PRIu32,
                        space->number, row->number, row->line);
        return refuse(reader, space->line, why);
    }
    return KMS_OK;
}

/* Numbers once in a space, and below the space's next. */
static enum kms_status check_numbers(const struct reader *reader)
{
    const struct kms_index *index = reader->index;
    if (index->row_count == 0) {
        return KMS_OK;
    }
    const struct row **sorted = calloc(index->row_count + 1, sizeof(const struct row *));
    if (!sorted) {
        return out_of_memory(reader);
    }
    size_t count = 0;
    for (size_t i = 0; i < index->row_count; i++) {
        if (index->row[i].parent != SPACE_BELOW) {
            sorted[count++] = &index->row[i];
        }
    }
    qsort(sorted, count, sizeof(const struct row *), compare_rows);
    enum kms_status status = KMS_OK;
    for (size_t i = 0; status == KMS_OK && i < count; i++) {
        status = check_pair(reader, i > 0 ? sorted[i - 1] : NULL, sorted[i]);
    }
    free(sorted);
    return status;
}

static enum kms_status read_text(struct kms_index *index, const char *path,
                                 const struct kms_buf *text, struct kms_fault *fault)
{
    struct reader reader = {.index = index, .path = path, .fault = fault};
    kms_buf_init(&reader.space, FILE_MAX);
    kms_buf_init(&reader.name, FILE_MAX);
    struct kms_rd rd = kms_rd_over(text->data, text->len);
    enum kms_status status = read_lines(&reader, &rd);
    /* Half a line could be the beginning of another name. */
    if (status == KMS_OK && text->data[text->len - 1] != '\n') {
        status = refuse(&reader, reader.line, "the line has no end: a part of it is missing");
    }
    if (status == KMS_OK) {
        status = check_numbers(&reader);
    }
    kms_buf_done(&reader.name);
    kms_buf_done(&reader.space);
    return status;
}

static enum kms_status read_file(struct kms_index *index, const char *path, struct kms_fault *fault)
{
    struct kms_buf text;
    struct kms_file_stamp stamp;
    int error = 0;
    kms_buf_init(&text, FILE_MAX);
    enum kms_status status = kms_file_read(path, &text, &stamp, &error);
    if (status == KMS_OK) {
        status = read_text(index, path, &text, fault);
    } else {
        (void)kms_fault_set(fault, status, 0, "%s: %s", path, kms_file_why(status, error));
        status = error == EACCES || error == EPERM ? KMS_EDENIED : status;
    }
    kms_buf_done(&text);
    return status;
}

/* ---- what is known already ---- */

/* A name keeps the number that it has, and nothing is told of what is the same. */
static bool add_known(struct kms_index *index, const char *space, const char *name, uint32_t number)
{
    uint32_t parent = find_or_add_space(index, space, 0, 0);
    if (parent == 0) {
        return false;
    }
    struct row *at = &index->row[parent - 1];
    if (!name && at->number < number) {
        at->number = number;
        untell(index, parent);
    }
    if (!name) {
        return true;
    }
    uint32_t id = find_row(index, parent, name);
    return id != 0 ? index->row[id - 1].number == number
                   : add_row(index, parent, name, number, 0) != 0;
}

bool kms_index_load(struct kms_index *index, const char *name, const char *bytes, size_t len)
{
    struct kms_rd rd = kms_rd_over(name, strlen(name));
    struct kms_buf space;
    struct kms_buf word;
    uint64_t number;
    size_t before = index->row_count;
    kms_buf_init(&space, FILE_MAX);
    kms_buf_init(&word, FILE_MAX);
    bool is_read = kms_text_u64_len(bytes, len, &number) && number > 0 &&
                   kms_word_read(&rd, &space) == KMS_OK;
    bool has_name = is_read && kms_rd_left(&rd) > 0;
    uint64_t max = (uint64_t)NUMBER_MAX + (has_name ? 0 : 1);
    is_read = is_read && number <= max &&
              (!has_name || (kms_word_read(&rd, &word) == KMS_OK && kms_rd_left(&rd) == 0)) &&
              add_known(index, kms_buf_str(&space), has_name ? kms_buf_str(&word) : NULL,
                        (uint32_t)number);
    for (size_t i = before; i < index->row_count; i++) {
        index->row[i].told = true;
    }
    if (is_read && !has_name) {
        index->row[find_row(index, SPACE_BELOW, kms_buf_str(&space)) - 1].told = true;
    }
    kms_buf_done(&word);
    kms_buf_done(&space);
    return is_read;
}

static int compare_known(const void *a, const void *b)
{
    const struct row *x = *(const struct row *const *)a;
    const struct row *y = *(const struct row *const *)b;
    if (x->parent != y->parent) {
        return x->parent < y->parent ? -1 : 1;
    }
    if (x->number != y->number) {
        return x->number < y->number ? -1 : 1;
    }
    return x < y ? -1 : x > y;
}

/* The name that was there first keeps a number that two have; the next number of each space is
 * above all that it has given. */
static size_t settle(struct kms_index *index, struct row **sorted)
{
    size_t lost = 0;
    for (size_t i = 0; i < index->row_count; i++) {
        sorted[i] = &index->row[i];
    }
    qsort(sorted, index->row_count, sizeof(struct row *), compare_known);
    for (size_t i = 0; i < index->row_count; i++) {
        struct row *row = sorted[i];
        if (row->parent == SPACE_BELOW) {
            row->number = row->number == 0 ? 1 : row->number;
            continue;
        }
        struct row *space = &index->row[row->parent - 1];
        if (row->number >= space->number) {
            space->number = row->number + 1;
            untell(index, row->parent);
        }
        if (i > 0 && sorted[i - 1]->parent == row->parent && row->number != 0 &&
            sorted[i - 1]->number == row->number) {
            sorted[i] = sorted[i - 1];
            row->number = 0;
            lost++;
        }
    }
    return lost;
}

enum kms_status kms_index_settle(struct kms_index *index, size_t *ret_lost)
{
    *ret_lost = 0;
    if (index->row_count == 0) {
        return KMS_OK;
    }
    struct row **sorted = calloc(index->row_count + 1, sizeof(struct row *));
    if (!sorted) {
        return KMS_ENOMEM;
    }
    *ret_lost = settle(index, sorted);
    free(sorted);
    return KMS_OK;
}

enum kms_status kms_index_take_over(struct kms_index *index, const char *path, size_t *ret_count,
                                    size_t *ret_lost, struct kms_fault *fault)
{
    struct kms_index *file = kms_index_new();
    if (!file) {
        return kms_fault_set(fault, KMS_ENOMEM, 0, "%s: out of memory", path);
    }
    enum kms_status status = read_file(file, path, fault);
    size_t count = 0;
    size_t lost = 0;
    for (size_t i = 0; status == KMS_OK && i < file->row_count; i++) {
        const struct row *row = &file->row[i];
        bool is_space = row->parent == SPACE_BELOW;
        const char *space = is_space ? row->name : file->row[row->parent - 1].name;
        bool taken = add_known(index, space, is_space ? NULL : row->name, row->number);
        count += taken && !is_space ? 1 : 0;
        lost += taken ? 0 : 1;
    }
    kms_index_free(file);
    if (status != KMS_OK) {
        return status;
    }
    size_t twice = 0;
    status = kms_index_settle(index, &twice);
    if (status != KMS_OK) {
        return kms_fault_set(fault, status, 0, "%s: out of memory", path);
    }
    *ret_count = count;
    *ret_lost = lost + twice;
    return KMS_OK;
}

struct kms_index *kms_index_new(void)
{
    return calloc(1, sizeof(struct kms_index));
}

void kms_index_free(struct kms_index *index)
{
    if (!index) {
        return;
    }
    for (size_t i = 0; i < index->row_count; i++) {
        free(index->row[i].name);
    }
    free(index->row);
    free(index->slot);
    free(index);
}

/* ---- telling ---- */

static enum kms_status tell_row(const struct kms_index *index, const struct row *row,
                                struct kms_buf *name, kms_index_tell_fn *tell, void *arg)
{
    char number[16];
    kms_buf_clear(name);
    enum kms_status status = KMS_OK;
    if (row->parent != SPACE_BELOW) {
        status = kms_word_write(name, index->row[row->parent - 1].name);
        status = status == KMS_OK ? kms_buf_add(name, " ", 1) : status;
    }
    status = status == KMS_OK ? kms_word_write(name, row->name) : status;
    kms_text_format(number, sizeof number, "%" PRIu32, row->number);
    return status == KMS_OK ? tell(arg, kms_buf_str(name), number, strlen(number)) : status;
}

enum kms_status kms_index_tell(struct kms_index *index, kms_index_tell_fn *tell, void *arg)
{
    enum kms_status status = KMS_OK;
    struct kms_buf name;
    if (index->told == index->row_count) {
        return KMS_OK;
    }
    kms_buf_init(&name, FILE_MAX);
    while (status == KMS_OK && index->told < index->row_count) {
        struct row *row = &index->row[index->told];
        if (!row->told && row->number != 0) {
            status = tell_row(index, row, &name, tell, arg);
        }
        if (status == KMS_OK) {
            row->told = true;
            index->told++;
        }
    }
    kms_buf_done(&name);
    return status;
}

void kms_index_untell(struct kms_index *index)
{
    for (size_t i = 0; i < index->row_count; i++) {
        index->row[i].told = false;
    }
    index->told = 0;
}
