/* The one outcome that names what a text is: a whole report, one cut short, an error, or something
 * else. */
#include "report/outcome.h"

#include <string.h>

#include "base/text.h"
#include "report/fold.h"
#include "vocab/hresult.h"

/* An error is a few lines; codes in a longer text are something else. */
#define ERROR_LINES_MAX 40

static enum kms_outcome tell(struct kms_reading *r, enum kms_outcome outcome, size_t index,
                             const char *what)
{
    char text[KMS_HRESULT_TEXT];
    kms_text_clean(text, sizeof(text), what, strlen(what));
    size_t number = index < r->lines.count ? r->lines.line[index].number : 1;
    kms_text_format(r->report->detail, sizeof(r->report->detail), "line %zu: %s", number, text);
    return outcome;
}

static bool folded_begins(const struct kms_reading *r, const struct kms_line *line,
                          const char *start)
{
    struct kms_folded folded;
    size_t len = strlen(start);
    kms_fold(kms_line_text(&r->lines, line), line->len, &folded);
    if (folded.count < len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (folded.c[i] != (unsigned char)start[i]) {
            return false;
        }
    }
    return true;
}

/* Two lines that only ospp.vbs prints. */
static bool is_ospp(const struct kms_reading *r, size_t *ret_line)
{
    static const char *const marks[] = {"processing", "last5characters",     "licensename:",
                                        "skuid:",     "licensedescription:", "exiting"};
    size_t seen = 0;
    size_t first = KMS_NO_LINE;
    for (size_t i = 0; i < r->lines.count && i < 1000; i++) {
        for (size_t k = 0; k < KMS_COUNT_OF(marks); k++) {
            if (folded_begins(r, &r->lines.line[i], marks[k])) {
                first = first == KMS_NO_LINE ? i : first;
                seen++;
                break;
            }
        }
    }
    *ret_line = first;
    return seen >= 2;
}

/* Errors of slmgr and of the script host carry a code, or begin with the word in the language of
 * Windows. */
static bool find_error(const struct kms_reading *r, size_t *ret_line, uint32_t *ret_code)
{
    static const char *const starts[] = {
        "error:",         "inputerror:", "cscripterror:", "fehler:",
        "eingabefehler:", "erreur:",     "errore:",       "fout:"};
    if (r->lines.count == 0 || r->lines.line[r->lines.count - 1].number > ERROR_LINES_MAX) {
        return false;
    }
    for (size_t i = 0; i < r->lines.count; i++) {
        const struct kms_line *line = &r->lines.line[i];
        uint32_t code = 0;
        bool coded = kms_line_code(&r->lines, line, &code) && code >= 0x80000000U &&
                     line->kind != KMS_LINE_REASON;
        bool worded = line->kind == KMS_LINE_ERROR;
        for (size_t k = 0; k < KMS_COUNT_OF(starts) && !worded; k++) {
            worded = folded_begins(r, line, starts[k]);
        }
        if (coded || worded) {
            *ret_line = i;
            *ret_code = coded ? code : 0;
            return true;
        }
    }
    return false;
}

static enum kms_outcome tell_error(struct kms_reading *r, size_t index, uint32_t code)
{
    char text[KMS_HRESULT_TEXT];
    if (code != 0) {
        kms_hresult_text(code, text, sizeof(text));
    } else {
        const struct kms_line *line = &r->lines.line[index];
        kms_fold_plain(text, sizeof(text), kms_line_text(&r->lines, line), line->len);
    }
    return tell(r, KMS_OUTCOME_REPORT_ERROR, index, text);
}

/* /dlv goes on behind the host block: the end is the priority, or what stands in its place, or the
 * heading of the list. */
static bool ends_before_requests(const struct kms_reading *r, size_t end)
{
    for (size_t i = end + 1; i > 0; i--) {
        const struct kms_line *line = &r->lines.line[i - 1];
        if (line->kind >= KMS_LINE_ENABLED && line->kind <= KMS_LINE_HEADING) {
            return true;
        }
        if (line->kind != KMS_LINE_UNKNOWN || (line->is_number && line->has_colon)) {
            return false;
        }
    }
    return false;
}

/* Does the text stop before slmgr would have? */
static bool is_cut(struct kms_reading *r, size_t *ret_line, const char **ret_why)
{
    if (r->incomplete != KMS_NO_LINE) {
        *ret_line = r->incomplete;
        *ret_why = r->missing;
        return true;
    }
    size_t end = r->lines.count - 1;
    const struct kms_line *line = &r->lines.line[end];
    *ret_line = end;
    if (line->kind >= KMS_LINE_ENABLED && line->kind <= KMS_LINE_DNS_OFF) {
        *ret_why = "the text ends inside the host block";
        return true;
    }
    bool statement = line->kind == KMS_LINE_UNKNOWN && !line->has_colon;
    if (!r->lines.ended && (line->kind == KMS_LINE_UNKNOWN || line->kind == KMS_LINE_PRIORITY) &&
        ((statement && r->by_structure) ||
         kms_label_is_cut(r->book, kms_line_text(&r->lines, line), line->len))) {
        *ret_why = "the text ends inside a label";
        return true;
    }
    if (r->versioned && r->last.host_block && ends_before_requests(r, end)) {
        *ret_why = "the text ends before the list of requests";
        return true;
    }
    bool wants_more = r->last.host_channel || r->report->key_count > 0;
    if (wants_more && r->last.open && !r->last.status_seen && !r->last.not_in_use &&
        !r->last.host_block) {
        *ret_why = "the text ends inside a product";
        return true;
    }
    return false;
}

static enum kms_outcome judge_nothing(struct kms_reading *r)
{
    size_t error;
    uint32_t code;
    if (find_error(r, &error, &code)) {
        return tell_error(r, error, code);
    }
    if (r->client_seen) {
        return tell(r, KMS_OUTCOME_REPORT_CLIENT, r->client_at,
                    "a KMS client's report, without a host key");
    }
    if (r->report->products > 0) {
        return tell(r, KMS_OUTCOME_REPORT_NO_HOST, r->last.described_at,
                    "no product here is a KMS host key");
    }
    for (size_t i = 0; i < r->lines.count; i++) {
        const struct kms_line *line = &r->lines.line[i];
        if (line->kind == KMS_LINE_SERVICE_VERSION && !line->by_structure) {
            return tell(r, KMS_OUTCOME_REPORT_TRUNCATED, r->lines.count - 1,
                        "the text ends before the first product");
        }
    }
    return tell(r, KMS_OUTCOME_REPORT_FOREIGN, 0, "not the output of slmgr.vbs");
}

enum kms_outcome kms_reading_outcome(struct kms_reading *r)
{
    size_t line;
    const char *why;
    if (r->lines.count == 0) {
        return tell(r, KMS_OUTCOME_REPORT_EMPTY, 0, "the report is empty");
    }
    if (r->report->key_count == 0 && is_ospp(r, &line)) {
        return tell(r, KMS_OUTCOME_REPORT_OSPP, line, "the output of ospp.vbs");
    }
    bool cut = is_cut(r, &line, &why);
    if (r->report->key_count > 0 || (cut && r->last.host_channel)) {
        return cut ? tell(r, KMS_OUTCOME_REPORT_TRUNCATED, line, why) : KMS_OUTCOME_OK;
    }
    return judge_nothing(r);
}
