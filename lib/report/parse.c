/* From the bytes of a report to facts about the host and its keys, and to the one outcome that
 * names what it is. */
#include "report/parse.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "report/block.h"
#include "report/language.h"
#include "report/last_report.h"
#include "report/line_facts.h"
#include "report/outcome.h"
#include "report/structure.h"

void kms_report_done(struct kms_report *report)
{
    if (!report) {
        return;
    }
    kms_facts_done(&report->host);
    for (size_t i = 0; i < report->key_count; i++) {
        kms_facts_done(&report->key[i]);
    }
    for (size_t i = 0; i < report->note_count; i++) {
        free(report->note[i].label);
        free(report->note[i].value);
    }
    *report = (struct kms_report){0};
}

static void keep_last_report(struct kms_reading *r)
{
    char shown[64];
    size_t begin = kms_last_report_begin(&r->lines);
    for (size_t i = 0; i < r->lines.count; i++) {
        r->versioned = r->versioned || r->lines.line[i].kind == KMS_LINE_SERVICE_VERSION;
    }
    if (begin == 0) {
        return;
    }
    r->lines.count -= begin;
    memmove(r->lines.line, r->lines.line + begin, r->lines.count * sizeof(*r->lines.line));
    kms_text_format(shown, sizeof(shown), "the last one begins in line %zu",
                    r->lines.line[0].number);
    kms_reading_leave_out(r, "earlier reports in the file were left out", shown);
}

static void tell_left_out_keys(struct kms_reading *r)
{
    char what[64];
    char shown[64];
    if (r->host_keys > KMS_REPORT_KEYS_MAX) {
        kms_text_format(what, sizeof(what), "%zu host keys", r->host_keys);
        kms_text_format(shown, sizeof(shown), "the first %d are shown", KMS_REPORT_KEYS_MAX);
        kms_reading_leave_out(r, what, shown);
    }
}

static void read_all(struct kms_reading *r, const char *encoding)
{
    struct kms_facts *host = &r->report->host;
    kms_structure_apply(&r->lines);
    keep_last_report(r);
    r->language = kms_language_find(r->book, &r->lines);
    r->is_english = kms_text_equal(r->language, "en");
    kms_language_words(&r->lines, &r->learned);
    for (size_t i = 0; i < r->lines.count && r->status == KMS_OK; i++) {
        kms_line_facts(r, i);
    }
    kms_block_end(r);
    tell_left_out_keys(r);
    kms_reading_put_text(r, host, KMS_FACT_REPORT_LANGUAGE, r->language);
    kms_reading_put_text(r, host, KMS_FACT_REPORT_ENCODING, encoding);
    kms_reading_put_text(r, host, KMS_FACT_REPORT_METHOD, r->by_structure ? "structure" : "labels");
}

/* What a text says that is no whole report must not be taken for facts. */
static void drop_facts(struct kms_report *report)
{
    kms_facts_done(&report->host);
    for (size_t i = 0; i < report->key_count; i++) {
        kms_facts_done(&report->key[i]);
    }
    report->key_count = 0;
}

static enum kms_outcome parse_text(const struct kms_buf *text, const char *encoding,
                                   struct kms_report *report)
{
    struct kms_reading r = {.report = report, .language = "unknown", .incomplete = KMS_NO_LINE};
    r.status = kms_label_book_new(&r.book);
    if (r.status == KMS_OK) {
        r.status = kms_lines_read(r.book, kms_buf_str(text), text->len, &r.lines);
    }
    enum kms_outcome outcome = KMS_OUTCOME_NO_MEMORY;
    if (r.status == KMS_OK) {
        read_all(&r, encoding);
        if (r.status == KMS_OK) {
            outcome = kms_reading_outcome(&r);
        }
    } else if (r.status == KMS_ETOOBIG) {
        /* A larger limit of bytes would not help. */
        outcome = KMS_OUTCOME_REPORT_FOREIGN;
        kms_text_format(report->detail, sizeof(report->detail),
                        "more than %d lines, not the output of slmgr.vbs", KMS_LINES_MAX);
    }
    kms_facts_done(&r.product.facts);
    kms_lines_done(&r.lines);
    kms_label_book_free(r.book);
    return outcome;
}

enum kms_outcome kms_report_parse(const uint8_t *bytes, size_t len, struct kms_report *report)
{
    kms_report_done(report);
    struct kms_buf text;
    kms_buf_init(&text, 0);
    const char *encoding = "";
    enum kms_outcome outcome = kms_report_decode(bytes, len, &text, &encoding);
    if (outcome == KMS_OUTCOME_OK) {
        outcome = parse_text(&text, encoding, report);
    } else {
        kms_text_format(report->detail, sizeof(report->detail), "line 1: %s",
                        kms_outcome_row(outcome)->meaning);
    }
    kms_buf_done(&text);
    if (outcome != KMS_OUTCOME_OK) {
        drop_facts(report);
    }
    return outcome;
}
