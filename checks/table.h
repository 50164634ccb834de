/* Aligned columns for people: widths in characters, not bytes; colours only where the caller wants
 * them. */
#ifndef KMS_CHECKS_TABLE_H
#define KMS_CHECKS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "vocab/vocab.h"

#define KMS_TABLE_COLUMNS_MAX 12
#define KMS_TABLE_SPARE_MAX   8

enum kms_colour {
    KMS_COLOUR_NONE,
    KMS_COLOUR_BOLD,
    KMS_COLOUR_GREEN,
    KMS_COLOUR_YELLOW,
    KMS_COLOUR_RED,
    KMS_COLOUR_MAGENTA
};

/* Ok is green, warning yellow, critical red, unknown magenta. */
enum kms_colour kms_colour_of_state(enum kms_state state);

struct kms_cell {
    char *text; /* heap */
    enum kms_colour colour;
};

struct kms_table {
    size_t columns;
    bool right[KMS_TABLE_COLUMNS_MAX]; /* numbers */
    /* When the width is limited: the column that gives way, and how much of it stays (0: 20); then
     * others down to their least, or out altogether where that is 0, ended by the first column. */
    size_t shrink, shrink_min;
    struct {
        size_t column, least;
    } spare[KMS_TABLE_SPARE_MAX];
    struct kms_cell *cell; /* rows * columns */
    size_t cells, cap;
    bool lost; /* memory ran out */
};

void kms_table_init(struct kms_table *table, size_t columns);
void kms_table_done(struct kms_table *table);
/* Fills row by row, from left to right. Control characters become '?'. */
void kms_table_add(struct kms_table *table, enum kms_colour colour, const char *text);
/* Writes the rows, each indented by indent blanks and at most width wide; the first one is a
 * heading, and a column with nothing under it is left out before anything is cut, which "..."
 * marks. width 0, or no column gives way: not limited. */
enum kms_status kms_table_render(const struct kms_table *table, size_t indent, size_t width,
                                 bool colours, struct kms_buf *out);

/* The width of a row once the column that gives way has given all it can, and the empty ones are
 * left out. */
size_t kms_table_least_width(const struct kms_table *table);

/* Characters of UTF-8 text. */
size_t kms_text_width(const char *text);
/* Text in a colour, or as it is. */
enum kms_status kms_colour_add(struct kms_buf *out, bool colours, enum kms_colour colour,
                               const char *text);

#endif
