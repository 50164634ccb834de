/* What a report's lines say is kept here, the first mention of each fact and some lines as notes.
 */
#include "report/reading.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "report/fold.h"

#define NOTE_PENDING (-2) /* of the product being read, whose index is not known yet */

void kms_reading_keep(struct kms_reading *r, enum kms_status status)
{
    r->status = r->status == KMS_OK ? status : r->status;
}

void kms_reading_put_number(struct kms_reading *r, struct kms_facts *facts, enum kms_fact_id id,
                            int64_t number)
{
    if (!kms_facts_has(facts, id)) {
        kms_reading_keep(r, kms_facts_set_number(facts, id, number));
    }
}

void kms_reading_put_text(struct kms_reading *r, struct kms_facts *facts, enum kms_fact_id id,
                          const char *text)
{
    if (text && text[0] != '\0' && !kms_facts_has(facts, id)) {
        kms_reading_keep(r, kms_facts_set_text(facts, id, text));
    }
}

void kms_reading_value(const struct kms_reading *r, const struct kms_line *line, char *dst,
                       size_t size)
{
    size_t len;
    const char *value = kms_line_value(&r->lines, line, &len);
    kms_fold_plain(dst, size, value, len);
}

void kms_reading_put_value(struct kms_reading *r, struct kms_facts *facts, enum kms_fact_id id,
                           const struct kms_line *line)
{
    char text[512];
    kms_reading_value(r, line, text, sizeof(text));
    kms_reading_put_text(r, facts, id, text);
}

static void keep_note(struct kms_reading *r, const char *label, const char *value, int key)
{
    struct kms_report *report = r->report;
    if (report->note_count == KMS_REPORT_NOTES_MAX) {
        return;
    }
    struct kms_report_note note = {
        .label = kms_text_dup(label), .value = kms_text_dup(value), .key = key};
    if (!note.label || !note.value) {
        free(note.label);
        free(note.value);
        kms_reading_keep(r, KMS_ENOMEM);
        return;
    }
    report->note[report->note_count++] = note;
}

void kms_reading_note(struct kms_reading *r, const struct kms_line *line)
{
    char label[200];
    char value[512];
    kms_fold_plain(label, sizeof(label), kms_line_text(&r->lines, line), line->label_len);
    kms_reading_value(r, line, value, sizeof(value));
    keep_note(r, label, value, r->product.open ? NOTE_PENDING : -1);
}

void kms_reading_leave_out(struct kms_reading *r, const char *what, const char *shown)
{
    struct kms_report *report = r->report;
    if (report->note_count == KMS_REPORT_NOTES_MAX) {
        struct kms_report_note *last = &report->note[--report->note_count];
        free(last->label);
        free(last->value);
    }
    keep_note(r, what, shown, -1);
    size_t len = strlen(report->detail);
    kms_text_format(report->detail + len, sizeof(report->detail) - len, "%s%s, %s",
                    len > 0 ? "; " : "", what, shown);
}

void kms_reading_settle_notes(struct kms_report *report, int key)
{
    size_t kept = 0;
    for (size_t i = 0; i < report->note_count; i++) {
        struct kms_report_note note = report->note[i];
        if (note.key != NOTE_PENDING) {
            report->note[kept++] = note;
        } else if (key >= 0) {
            note.key = key;
            report->note[kept++] = note;
        } else {
            free(note.label);
            free(note.value);
        }
    }
    report->note_count = kept;
}
