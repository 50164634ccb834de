/* Assembles the text of a plugin. */
#include "output.h"

#include <stdarg.h>
#include <string.h>

#include "base/text.h"

#define OUTPUT_MAX    ((size_t)256 * 1024)
#define TEXT_LINE_MAX 1024

void kms_output_init(struct kms_output *out)
{
    *out = (struct kms_output){.lost = false};
    kms_buf_init(&out->perf, OUTPUT_MAX);
    kms_buf_init(&out->lines, OUTPUT_MAX);
}

void kms_output_done(struct kms_output *out)
{
    kms_buf_done(&out->perf);
    kms_buf_done(&out->lines);
}

void kms_output_first(struct kms_output *out, const char *format, ...)
{
    char raw[TEXT_LINE_MAX];
    va_list args;

    va_start(args, format);
    kms_text_vformat(raw, sizeof(raw), format, args);
    va_end(args);
    kms_text_append(out->first, sizeof(out->first), "%s", raw);
}

static void add_line(struct kms_output *out, unsigned depth, const char *mark, const char *raw)
{
    char clean[TEXT_LINE_MAX];

    kms_text_clean(clean, sizeof(clean), raw, strlen(raw));
    if (kms_buf_addf(&out->lines, "%*s%s%s\n", (int)(depth * 4), "", mark, clean) != KMS_OK) {
        out->lost = true;
    }
}

void kms_output_line(struct kms_output *out, unsigned depth, const char *format, ...)
{
    char raw[TEXT_LINE_MAX];
    va_list args;

    va_start(args, format);
    kms_text_vformat(raw, sizeof(raw), format, args);
    va_end(args);
    add_line(out, depth, "", raw);
}

void kms_output_node(struct kms_output *out, unsigned depth, enum kms_state state,
                     const char *format, ...)
{
    char raw[TEXT_LINE_MAX], mark[32];
    va_list args;

    va_start(args, format);
    kms_text_vformat(raw, sizeof(raw), format, args);
    va_end(args);
    kms_text_format(mark, sizeof(mark), "\\_ [%s] ", kms_state_upper(state));
    add_line(out, depth, mark, raw);
}

void kms_perf_label(const char *label, char *dst, size_t size)
{
    bool quote = false;
    size_t at = 0;

    for (const char *p = label; *p != '\0'; p++) {
        quote = quote || *p == ' ' || *p == '\'' || *p == ';';
    }
    if (quote && size > 2) {
        dst[at++] = '\'';
        size--; /* room for the closing one */
    }
    for (const char *p = label; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c < 0x20 || c == 0x7f || c == '=' || c == '|') {
            continue;
        }
        if (at + (c == '\'' ? 2U : 1U) >= size) {
            break;
        }
        if (c == '\'') {
            dst[at++] = '\'';
        }
        dst[at++] = (char)c;
    }
    if (quote && size > 1) {
        dst[at++] = '\'';
    }
    dst[at] = '\0';
}

static void append_limit(char *dst, size_t size, bool known, double value)
{
    char number[64] = "";

    if (known) {
        kms_number_print(value, number, sizeof(number));
    }
    kms_text_append(dst, size, ";%s", number);
}

void kms_output_perf(struct kms_output *out, const struct kms_perf *perf)
{
    char label[288], item[768], number[64], warning[160], critical[160];
    size_t len;

    kms_perf_label(perf->label, label, sizeof(label));
    kms_number_print(perf->value, number, sizeof(number));
    kms_range_print(&perf->warning, warning, sizeof(warning));
    kms_range_print(&perf->critical, critical, sizeof(critical));
    kms_text_format(item, sizeof(item), "%s=%s%s;%s;%s", label, perf->known ? number : "U",
                    perf->known && perf->unit != NULL ? perf->unit : "", warning, critical);
    append_limit(item, sizeof(item), perf->min_known, perf->min);
    append_limit(item, sizeof(item), perf->max_known, perf->max);
    for (len = strlen(item); len > 0 && item[len - 1] == ';'; len--) {
        item[len - 1] = '\0';
    }
    if (kms_buf_addf(&out->perf, "%s%s", out->perf.len > 0 ? " " : "", item) != KMS_OK) {
        out->lost = true;
    }
}

void kms_output_append(struct kms_output *out, const struct kms_output *from)
{
    const char *gap = out->perf.len > 0 && from->perf.len > 0 ? " " : "";

    if (from->lost || kms_buf_add(&out->lines, from->lines.data, from->lines.len) != KMS_OK ||
        kms_buf_add_str(&out->perf, gap) != KMS_OK ||
        kms_buf_add(&out->perf, from->perf.data, from->perf.len) != KMS_OK) {
        out->lost = true;
    }
}

enum kms_status kms_output_render(const struct kms_output *out, enum kms_state state,
                                  struct kms_buf *text)
{
    char first[sizeof(out->first)];
    enum kms_status status;

    kms_text_clean(first, sizeof(first), out->first, strlen(out->first));
    status = kms_buf_addf(text, "KMS %s: %s", kms_state_upper(state), first);

    if (status == KMS_OK && out->perf.len > 0) {
        status = kms_buf_addf(text, " | %s", kms_buf_str(&out->perf));
    }
    if (status == KMS_OK) {
        status = kms_buf_add_str(text, "\n");
    }
    if (status == KMS_OK && out->lines.len > 0) {
        status = kms_buf_add(text, out->lines.data, out->lines.len);
    }
    if (status == KMS_OK && out->lost) {
        status = kms_buf_add_str(text, "(some lines are missing: out of memory)\n");
    }
    return status;
}
