/* Lays out and prints aligned columns. */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define GAP        2
#define SHRINK_MIN 20

enum kms_colour kms_colour_of_state(enum kms_state state)
{
    switch (state) {
    case KMS_STATE_OK:
        return KMS_COLOUR_GREEN;
    case KMS_STATE_WARNING:
        return KMS_COLOUR_YELLOW;
    case KMS_STATE_CRITICAL:
        return KMS_COLOUR_RED;
    case KMS_STATE_UNKNOWN:
        break;
    }
    return KMS_COLOUR_MAGENTA;
}

void kms_table_init(struct kms_table *table, size_t columns)
{
    *table = (struct kms_table){.columns = columns, .shrink = columns};
}

void kms_table_done(struct kms_table *table)
{
    for (size_t i = 0; i < table->cells; i++) {
        free(table->cell[i].text);
    }
    free(table->cell);
    *table = (struct kms_table){.columns = 0};
}

static bool make_room(struct kms_table *table)
{
    size_t cap = table->cap > 0 ? table->cap * 2 : 64;
    struct kms_cell *cell;

    if (table->cells < table->cap) {
        return true;
    }
    cell = reallocarray(table->cell, cap, sizeof(*cell));
    if (cell == NULL) {
        return false;
    }
    table->cell = cell;
    table->cap = cap;
    return true;
}

void kms_table_add(struct kms_table *table, enum kms_colour colour, const char *text)
{
    char clean[512];
    struct kms_cell cell = {.colour = colour};

    kms_text_clean(clean, sizeof(clean), text, strlen(text));
    cell.text = kms_text_dup(clean);
    if (cell.text == NULL || !make_room(table)) {
        free(cell.text);
        table->lost = true;
        return;
    }
    table->cell[table->cells++] = cell;
}

size_t kms_text_width(const char *text)
{
    struct kms_rd rd = kms_rd_over(text, strlen(text));
    size_t width = 0;
    uint32_t c;

    while (kms_rd_utf8(&rd, &c)) {
        width++;
    }
    return width;
}

enum kms_status kms_colour_add(struct kms_buf *out, bool colours, enum kms_colour colour,
                               const char *text)
{
    static const char *const codes[] = {
        [KMS_COLOUR_NONE] = "",          [KMS_COLOUR_BOLD] = "\x1b[1m",
        [KMS_COLOUR_GREEN] = "\x1b[32m", [KMS_COLOUR_YELLOW] = "\x1b[33m",
        [KMS_COLOUR_RED] = "\x1b[1;31m", [KMS_COLOUR_MAGENTA] = "\x1b[35m",
    };

    if (!colours || colour == KMS_COLOUR_NONE || text[0] == '\0') {
        return kms_buf_add_str(out, text);
    }
    return kms_buf_addf(out, "%s%s\x1b[0m", codes[colour], text);
}

static void measure(const struct kms_table *table, size_t widths[KMS_TABLE_COLUMNS_MAX])
{
    memset(widths, 0, KMS_TABLE_COLUMNS_MAX * sizeof(*widths));
    for (size_t i = 0; i < table->cells; i++) {
        size_t width = kms_text_width(table->cell[i].text);
        size_t column = i % table->columns;
        widths[column] = width > widths[column] ? width : widths[column];
    }
}

size_t kms_table_least_width(const struct kms_table *table)
{
    size_t widths[KMS_TABLE_COLUMNS_MAX];
    size_t total = GAP * (table->columns - 1);

    measure(table, widths);
    for (size_t i = 0; i < table->columns; i++) {
        total += i == table->shrink && widths[i] > SHRINK_MIN ? SHRINK_MIN : widths[i];
    }
    return total;
}

static void fit(const struct kms_table *table, size_t indent, size_t limit,
                size_t widths[KMS_TABLE_COLUMNS_MAX])
{
    size_t total = indent + GAP * (table->columns - 1);
    size_t excess, *give;

    if (limit == 0 || table->shrink >= table->columns) {
        return;
    }
    for (size_t i = 0; i < table->columns; i++) {
        total += widths[i];
    }
    if (total <= limit) {
        return;
    }
    excess = total - limit;
    give = &widths[table->shrink];
    if (*give > SHRINK_MIN) {
        *give = *give - SHRINK_MIN > excess ? *give - excess : SHRINK_MIN;
    }
}

/* The first width characters, with a dot at the end of what was cut. */
static void cut(const char *text, size_t width, char *dst, size_t size)
{
    struct kms_rd rd = kms_rd_over(text, strlen(text));
    size_t keep = width > 0 ? width - 1 : 0;
    uint32_t c;

    if (kms_text_width(text) <= width) {
        kms_text_copy(dst, size, text);
        return;
    }
    for (size_t i = 0; i < keep; i++) {
        (void)kms_rd_utf8(&rd, &c);
    }
    kms_text_format(dst, size, "%.*s.", (int)rd.at, text);
}

static enum kms_status add_cell(const struct kms_table *table, size_t at, size_t width,
                                bool colours, struct kms_buf *out)
{
    const struct kms_cell *cell = &table->cell[at];
    size_t column = at % table->columns;
    enum kms_status status = KMS_OK;
    char text[512];
    size_t pad;

    cut(cell->text, width, text, sizeof(text));
    pad = width - kms_text_width(text);
    if (table->right[column]) {
        status = kms_buf_addf(out, "%*s", (int)pad, "");
    }
    if (status == KMS_OK) {
        status = kms_colour_add(out, colours, cell->colour, text);
    }
    if (status == KMS_OK && !table->right[column]) {
        status = kms_buf_addf(out, "%*s", (int)pad, "");
    }
    return status;
}

static void trim_blanks(struct kms_buf *out)
{
    while (out->len > 0 && out->data[out->len - 1] == ' ') {
        out->data[--out->len] = '\0';
    }
}

enum kms_status kms_table_render(const struct kms_table *table, size_t indent, size_t width,
                                 bool colours, struct kms_buf *out)
{
    size_t widths[KMS_TABLE_COLUMNS_MAX];
    enum kms_status status = table->lost ? KMS_ENOMEM : KMS_OK;

    measure(table, widths);
    fit(table, indent, width, widths);
    for (size_t i = 0; i < table->cells && status == KMS_OK; i++) {
        size_t column = i % table->columns;
        status = kms_buf_addf(out, "%*s", (int)(column == 0 ? indent : GAP), "");
        if (status == KMS_OK) {
            status = add_cell(table, i, widths[column], colours, out);
        }
        if (status == KMS_OK && column + 1 == table->columns) {
            trim_blanks(out);
            status = kms_buf_add_str(out, "\n");
        }
    }
    return status;
}
