/* What a plugin prints: one short first line, performance data, then long lines; assembled whole,
 * written once. */
#ifndef KMS_CHECKS_OUTPUT_H
#define KMS_CHECKS_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "range.h"
#include "vocab/vocab.h"

struct kms_output {
    char first[400];
    struct kms_buf perf;
    struct kms_buf lines;
    bool lost; /* memory ran out: something is missing */
};

/* One item of performance data. */
struct kms_perf {
    const char *label;
    bool known; /* false: printed as U */
    double value;
    const char *unit; /* "", "c", "%", "s" */
    struct kms_range warning, critical;
    bool min_known, max_known;
    double min, max;
};

void kms_output_init(struct kms_output *out);
void kms_output_done(struct kms_output *out);

/* Adds to the text of the first line. */
void kms_output_first(struct kms_output *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A long line, indented by depth. Whatever could be mistaken for performance data or a new line is
 * replaced. */
void kms_output_line(struct kms_output *out, unsigned depth, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A long line of the tree: "\_ [WARNING] text". */
void kms_output_node(struct kms_output *out, unsigned depth, enum kms_state state,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));
void kms_output_perf(struct kms_output *out, const struct kms_perf *perf);
/* The long lines and the performance data of another text behind those of this one. */
void kms_output_append(struct kms_output *out, const struct kms_output *from);

/* The label as performance data writes it: '=' and control characters removed, a quote doubled, and
 * in quotes where it needs them. */
void kms_perf_label(const char *label, char *dst, size_t size);

/* The whole text, ending in a newline, into text. */
enum kms_status kms_output_render(const struct kms_output *out, enum kms_state state,
                                  struct kms_buf *text);

#endif
