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

/* Which columns are shown, and how wide. */
struct layout {
    size_t width[KMS_TABLE_COLUMNS_MAX];
    bool is_left_out[KMS_TABLE_COLUMNS_MAX];
};

static bool is_empty(const struct kms_table *table, size_t column)
{
    for (size_t i = column + table->columns; i < table->cells; i += table->columns) {
        if (table->cell[i].text[0] != '\0') {
            return false;
        }
    }
    return column != table->shrink;
}

static size_t least_of(const struct kms_table *table)
{
    return table->shrink_min > 0 ? table->shrink_min : SHRINK_MIN;
}

size_t kms_table_least_width(const struct kms_table *table)
{
    size_t widths[KMS_TABLE_COLUMNS_MAX], least = least_of(table), total = 0;

    measure(table, widths);
    for (size_t i = 0; i < table->columns; i++) {
        size_t width = i == table->shrink && widths[i] > least ? least : widths[i];
        if (!is_empty(table, i)) {
            total += width + (total > 0 ? GAP : 0);
        }
    }
    return total;
}

static size_t total_of(const struct kms_table *table, size_t indent, const struct layout *layout)
{
    size_t total = indent, shown = 0;

    for (size_t i = 0; i < table->columns; i++) {
        if (!layout->is_left_out[i]) {
            total += layout->width[i] + (shown++ > 0 ? GAP : 0);
        }
    }
    return total;
}

/* By how much the rows are too wide. */
static size_t excess_of(const struct kms_table *table, size_t indent, size_t limit,
                        const struct layout *layout)
{
    size_t total = total_of(table, indent, layout);

    return total > limit ? total - limit : 0;
}

static void leave_out_empty(const struct kms_table *table, struct layout *layout)
{
    for (size_t i = 0; i < table->columns; i++) {
        layout->is_left_out[i] = is_empty(table, i);
    }
}

static size_t widest_of(const struct kms_table *table, const struct layout *layout)
{
    size_t widest = table->shrink;

    for (size_t i = 0; i < table->columns; i++) {
        if (!layout->is_left_out[i] && layout->width[i] > layout->width[widest]) {
            widest = i;
        }
    }
    return widest;
}

static void spare(const struct kms_table *table, size_t which, size_t excess, struct layout *layout)
{
    size_t *width = &layout->width[table->spare[which].column];
    size_t least = table->spare[which].least;

    if (excess > 0 && least == 0) {
        layout->is_left_out[table->spare[which].column] = true;
    } else if (*width > least) {
        *width -= *width - least < excess ? *width - least : excess;
    }
}

/* First goes what is empty, then what the column that gives way has too much, then the columns that
 * can be spared; at last the widest ones are cut. */
static void fit(const struct kms_table *table, size_t indent, size_t limit, struct layout *layout)
{
    size_t excess, least = least_of(table), *give = &layout->width[table->shrink];

    if (limit == 0 || table->shrink >= table->columns ||
        excess_of(table, indent, limit, layout) == 0) {
        return;
    }
    leave_out_empty(table, layout);
    size_t whole = *give;
    *give = whole > least ? least : whole;
    for (size_t i = 0; i < KMS_TABLE_SPARE_MAX && table->spare[i].column != 0; i++) {
        spare(table, i, excess_of(table, indent, limit, layout), layout);
    }
    for (excess = excess_of(table, indent, limit, layout); excess > 0; excess--) {
        size_t widest = widest_of(table, layout);
        layout->width[widest] -= layout->width[widest] > 1 ? 1 : 0;
    }
    size_t total = total_of(table, indent, layout);
    size_t room = total < limit ? limit - total : 0;
    *give += whole - *give < room ? whole - *give : room;
}

/* The first characters, at most width with the dots that tell of the cut. */
static void cut(const char *text, size_t width, char *dst, size_t size)
{
    static const char dots[] = "...";
    struct kms_rd rd = kms_rd_over(text, strlen(text));
    size_t mark = width < sizeof(dots) ? 0 : sizeof(dots) - 1;
    uint32_t c;

    if (kms_text_width(text) <= width) {
        kms_text_copy(dst, size, text);
        return;
    }
    for (size_t i = 0; i < width - mark; i++) {
        (void)kms_rd_utf8(&rd, &c);
    }
    while (mark > 0 && rd.at > 0 && text[rd.at - 1] == ' ') {
        rd.at--;
    }
    kms_text_format(dst, size, "%.*s%.*s", (int)rd.at, text, (int)mark, dots);
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
    struct layout layout = {.width = {0}};
    enum kms_status status = table->lost ? KMS_ENOMEM : KMS_OK;
    size_t shown = 0;

    measure(table, layout.width);
    fit(table, indent, width, &layout);
    for (size_t i = 0; i < table->cells && status == KMS_OK; i++) {
        size_t column = i % table->columns;
        if (!layout.is_left_out[column]) {
            status = kms_buf_addf(out, "%*s", (int)(shown++ == 0 ? indent : GAP), "");
        }
        if (status == KMS_OK && !layout.is_left_out[column]) {
            status = add_cell(table, i, layout.width[column], colours, out);
        }
        if (status == KMS_OK && column + 1 == table->columns) {
            trim_blanks(out);
            status = kms_buf_add_str(out, "\n");
            shown = 0;
        }
    }
    return status;
}
