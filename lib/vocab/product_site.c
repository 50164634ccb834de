/* Reading the products that a site adds in a file of its own. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "vocab/product.h"

#define FIELDS_MAX   32
#define NAME_LEN_MAX 127

enum column {
    COLUMN_APPLICATION,
    COLUMN_COUNTED,
    COLUMN_NAME,
    COLUMN_KIND,
    COLUMN_SKU,
    COLUMN_SKU_NAME,
    COLUMN_PROTOCOL,
    COLUMN_N_POLICY,
    COLUMN_SOURCES,
    COLUMN_COUNT
};

static const char *const column_names[COLUMN_COUNT] = {
    [COLUMN_APPLICATION] = "application_id",
    [COLUMN_COUNTED] = "kms_counted_id",
    [COLUMN_NAME] = "kms_product",
    [COLUMN_KIND] = "kind",
    [COLUMN_SKU] = "sku_id",
    [COLUMN_SKU_NAME] = "sku_name",
    [COLUMN_PROTOCOL] = "protocol",
    [COLUMN_N_POLICY] = "n_policy",
    [COLUMN_SOURCES] = "sources",
};

struct fields {
    const char *field[FIELDS_MAX];
    size_t count;
};

struct reader {
    size_t place[COLUMN_COUNT]; /* of each column in a line, from 0 */
    size_t field_count;         /* of the first line */
    size_t line;
    struct kms_products *products;
    struct kms_fault *fault;
};

static enum kms_status refuse(const struct reader *r, const char *what, const char *text)
{
    char clean[64];
    kms_text_clean(clean, sizeof clean, text, strlen(text));
    return kms_fault_set(r->fault, KMS_ESYNTAX, r->line, "line %zu: %s%s%s%s", r->line, what,
                         clean[0] ? " '" : "", clean, clean[0] ? "'" : "");
}

/* One field: its text goes to *to, which moves behind its end. False: quotes that do not match. */
static bool take_field(struct kms_rd *rd, char **to, bool *ret_more)
{
    uint8_t c;
    bool quoted = kms_rd_match(rd, "\"", 1);
    bool closed = !quoted;
    *ret_more = false;
    while (kms_rd_u8(rd, &c)) {
        if (closed && c == ',') {
            *ret_more = true;
            break;
        }
        if (c == '"') {
            bool doubled = quoted && !closed && kms_rd_match(rd, "\"", 1);
            if (!doubled && (!quoted || closed)) {
                return false;
            }
            closed = !doubled;
            if (closed) {
                continue;
            }
        } else if (quoted && closed) {
            return false;
        }
        *(*to)++ = (char)c;
    }
    *(*to)++ = '\0';
    return closed;
}

/* The fields of a line, as strings in block, which has room for the line and an end. */
static bool split(const char *line, size_t len, char *block, struct fields *ret)
{
    struct kms_rd rd = kms_rd_over(line, len);
    bool more = true;
    ret->count = 0;
    while (more) {
        if (ret->count == FIELDS_MAX) {
            return false;
        }
        ret->field[ret->count++] = block;
        if (!take_field(&rd, &block, &more)) {
            return false;
        }
    }
    return true;
}

static enum kms_status read_header(struct reader *r, const struct fields *fields)
{
    r->field_count = fields->count;
    for (size_t c = 0; c < COLUMN_COUNT; c++) {
        size_t i = 0;
        while (i < fields->count && !kms_text_equal_nocase(fields->field[i], column_names[c])) {
            i++;
        }
        if (i == fields->count) {
            return refuse(r, "no column", column_names[c]);
        }
        r->place[c] = i;
    }
    return KMS_OK;
}

static bool is_name(const char *text)
{
    size_t len = 0;
    for (; text[len]; len++) {
        if (text[len] < ' ' || text[len] > '~' || len == NAME_LEN_MAX) {
            return false;
        }
    }
    return len > 0 && text[0] != ' ' && text[len - 1] != ' ';
}

static enum kms_status read_row(const struct reader *r, const struct fields *fields,
                                struct kms_product *ret)
{
    const char *of[COLUMN_COUNT];
    if (fields->count != r->field_count) {
        return refuse(r, "not as many fields as the first line", "");
    }
    for (size_t c = 0; c < COLUMN_COUNT; c++) {
        of[c] = fields->field[r->place[c]];
    }
    struct kms_product row = {.name = of[COLUMN_NAME],
                              .kind = of[COLUMN_KIND],
                              .sku_name = of[COLUMN_SKU_NAME],
                              .sources = of[COLUMN_SOURCES]};
    const struct {
        enum column column;
        struct kms_guid *ret;
    } guids[] = {{COLUMN_APPLICATION, &row.application},
                 {COLUMN_COUNTED, &row.counted},
                 {COLUMN_SKU, &row.sku}};
    for (size_t i = 0; i < KMS_COUNT_OF(guids); i++) {
        if (!kms_guid_parse(of[guids[i].column], guids[i].ret)) {
            return refuse(r, "not a GUID:", of[guids[i].column]);
        }
    }
    if (!is_name(row.name) || !is_name(row.sku_name)) {
        return refuse(r, "not a name of a product:", is_name(row.name) ? row.sku_name : row.name);
    }
    if (!is_name(row.sources)) {
        return refuse(r, "no source is named", "");
    }
    uint64_t protocol;
    uint64_t n_policy;
    if (!kms_text_u64(of[COLUMN_PROTOCOL], &protocol) || protocol > UINT32_MAX) {
        return refuse(r, "not a number:", of[COLUMN_PROTOCOL]);
    }
    if (!kms_text_u64(of[COLUMN_N_POLICY], &n_policy) || n_policy > UINT32_MAX) {
        return refuse(r, "not a number:", of[COLUMN_N_POLICY]);
    }
    row.protocol = (uint32_t)protocol;
    row.n_policy = (uint32_t)n_policy;
    const char *refusal = kms_product_refusal(&row);
    if (refusal) {
        return refuse(r, refusal, "");
    }
    *ret = row;
    return KMS_OK;
}

/* Takes the block over when it succeeds. */
static enum kms_status add_row(struct kms_products *products, const struct kms_product *row,
                               char *block)
{
    size_t count = products->count + 1;
    struct kms_product *rows = realloc(products->row, count * sizeof *rows);
    if (!rows) {
        return KMS_ENOMEM;
    }
    products->row = rows;
    char **text = realloc(products->text, count * sizeof *text);
    if (!text) {
        return KMS_ENOMEM;
    }
    products->text = text;
    products->row[products->count] = *row;
    products->text[products->count++] = block;
    return KMS_OK;
}

static enum kms_status read_line(struct reader *r, const char *line, size_t len)
{
    char *block = malloc(len + 1);
    if (!block) {
        return kms_fault_set(r->fault, KMS_ENOMEM, r->line, "out of memory");
    }
    struct fields fields;
    struct kms_product row;
    enum kms_status status;
    if (memchr(line, '\0', len) || !split(line, len, block, &fields)) {
        status = refuse(r, "not a line of a CSV file", "");
    } else if (r->field_count == 0) {
        status = read_header(r, &fields);
    } else if (r->products->count == KMS_PRODUCTS_MAX) {
        status = refuse(r, "too many products", "");
    } else {
        status = read_row(r, &fields, &row);
        if (status == KMS_OK) {
            status = add_row(r->products, &row, block);
            if (status == KMS_OK) {
                return KMS_OK;
            }
            kms_fault_set(r->fault, status, r->line, "out of memory");
        }
    }
    free(block);
    return status;
}

enum kms_status kms_products_read(const char *bytes, size_t len, struct kms_products *ret,
                                  struct kms_fault *fault)
{
    struct kms_products products = {0};
    struct reader reader = {.products = &products, .fault = fault};
    struct kms_rd rd = kms_rd_over(bytes, len);
    const char *line;
    size_t line_len;
    enum kms_status status = KMS_OK;
    (void)kms_rd_match(&rd, "\xEF\xBB\xBF", 3);
    while (status == KMS_OK && kms_rd_line(&rd, &line, &line_len)) {
        reader.line++;
        if (line_len > 0 && line[0] != '#') {
            status = read_line(&reader, line, line_len);
        }
    }
    if (status == KMS_OK && reader.field_count == 0) {
        reader.line = 1;
        status = refuse(&reader, "no line with the names of the columns", "");
    }
    if (status != KMS_OK) {
        kms_products_done(&products);
    }
    *ret = products;
    return status;
}

void kms_products_done(struct kms_products *products)
{
    for (size_t i = 0; i < products->count; i++) {
        free(products->text[i]);
    }
    free(products->text);
    free(products->row);
    *products = (struct kms_products){0};
}
