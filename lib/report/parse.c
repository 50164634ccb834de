/* From the lines of a report to facts about the host and its keys, and to the one outcome that
 * names what it is. */
#include "report/parse.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "report/fold.h"
#include "report/labels.h"
#include "report/lines.h"
#include "report/moment.h"
#include "report/structure.h"
#include "vocab/hostkey.h"
#include "vocab/hresult.h"
#include "vocab/key_facts.h"

#define ALL_REQUESTS 0xFFU /* one bit for each of the eight lines */
#define KMS_PORT     1688
#define NOTE_PENDING (-2) /* of the product being read, whose index is not known yet */
#define NO_LINE      ((size_t)-1)
/* An error is a few lines; codes in a longer text are something else. */
#define ERROR_LINES_MAX 40
/* So many products of one file are compared. */
#define IDS_MAX 256

/* One product block while it is read. */
struct product {
    struct kms_facts facts;
    bool open;
    bool described, host_channel, client_channel, not_in_use;
    bool status_seen, status_unsure, host_block, count_seen, port_seen, requests_begun;
    unsigned requests;
    size_t described_at, last_line; /* indexes of lines */
};

struct reading {
    struct kms_report *report;
    struct kms_label_book *book;
    struct kms_lines lines;
    struct kms_status_words learned;
    struct product product;
    struct product last; /* flags of the product that ended last; holds no facts */
    const char *language;
    bool is_english;
    bool by_structure;
    bool client_seen;
    bool versioned; /* the version of the service is there: the output of /dlv */
    size_t client_at;
    size_t host_keys;  /* those that do not fit, too */
    size_t incomplete; /* index of the line where a block ended too early, NO_LINE: none */
    const char *missing;
    enum kms_status status;
};

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

static void keep(struct reading *r, enum kms_status status)
{
    r->status = r->status == KMS_OK ? status : r->status;
}

/* The first mention of a fact counts. */
static void put_number(struct reading *r, struct kms_facts *facts, enum kms_fact_id id,
                       int64_t number)
{
    if (!kms_facts_has(facts, id)) {
        keep(r, kms_facts_set_number(facts, id, number));
    }
}

static void put_text(struct reading *r, struct kms_facts *facts, enum kms_fact_id id,
                     const char *text)
{
    if (text && text[0] != '\0' && !kms_facts_has(facts, id)) {
        keep(r, kms_facts_set_text(facts, id, text));
    }
}

static void value_of(const struct reading *r, const struct kms_line *line, char *dst, size_t size)
{
    size_t len;
    const char *value = kms_line_value(&r->lines, line, &len);
    kms_fold_plain(dst, size, value, len);
}

static void put_value(struct reading *r, struct kms_facts *facts, enum kms_fact_id id,
                      const struct kms_line *line)
{
    char text[512];
    value_of(r, line, text, sizeof(text));
    put_text(r, facts, id, text);
}

/* Lower case, blacked-out digits as x. */
static void put_guid(struct reading *r, enum kms_fact_id id, const struct kms_line *line)
{
    char text[64];
    value_of(r, line, text, sizeof(text));
    for (char *c = text; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'Z') {
            *c = (char)(*c + ('a' - 'A'));
        } else if (*c == '*') {
            *c = 'x';
        }
    }
    put_text(r, &r->product.facts, id, text);
}

static void put_counter(struct reading *r, enum kms_fact_id id, const struct kms_line *line)
{
    if (line->is_number && !line->is_none) {
        put_number(r, &r->product.facts, id, line->number_value);
    }
}

/* The number a value begins with: "120 minutes", "243720 minute(s) (169 day(s))". */
static void put_leading_number(struct reading *r, enum kms_fact_id id, const struct kms_line *line)
{
    size_t len;
    const char *value = kms_line_value(&r->lines, line, &len);
    size_t digits = 0;
    uint64_t number;
    while (digits < len && value[digits] >= '0' && value[digits] <= '9') {
        digits++;
    }
    if (kms_text_u64_len(value, digits, &number) && number < UINT32_MAX) {
        put_number(r, &r->product.facts, id, (int64_t)number);
    }
}

static void keep_note(struct reading *r, const char *label, const char *value, int key)
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
        keep(r, KMS_ENOMEM);
        return;
    }
    report->note[report->note_count++] = note;
}

static void add_note(struct reading *r, const struct kms_line *line)
{
    char label[200];
    char value[512];
    kms_fold_plain(label, sizeof(label), kms_line_text(&r->lines, line), line->label_len);
    value_of(r, line, value, sizeof(value));
    keep_note(r, label, value, r->product.open ? NOTE_PENDING : -1);
}

/* What a whole report leaves out: the detail says it, and a note keeps it. */
static void leave_out(struct reading *r, const char *what, const char *shown)
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

/* Notes of a product that is no host key go with it. */
static void settle_notes(struct kms_report *report, int key)
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

static bool find_code(const char *text, size_t len, uint32_t *ret)
{
    for (size_t i = 0; i + 10 <= len; i++) {
        if (text[i] == '0' && (text[i + 1] == 'x' || text[i + 1] == 'X') &&
            kms_text_hex32(text + i + 2, 8, ret)) {
            return true;
        }
    }
    return false;
}

/* /dlv all lists the host keys that could be installed, too; they are not in use. */
static bool is_host_key(const struct product *product)
{
    if (product->host_block) {
        return true;
    }
    if (!product->host_channel || product->not_in_use) {
        return false;
    }
    int64_t status = KMS_LICENSE_UNLICENSED;
    kms_facts_number(&product->facts, KMS_FACT_LICENSE_STATUS, &status);
    return kms_facts_has(&product->facts, KMS_FACT_PARTIAL_KEY) || status != KMS_LICENSE_UNLICENSED;
}

static void find_gaps(struct reading *r, const struct product *product)
{
    if (r->incomplete != NO_LINE) {
        return;
    }
    if (product->host_block && !product->count_seen) {
        r->missing = "the host block ends before its count";
    } else if (product->host_block && !product->port_seen) {
        r->missing = "the host block ends before its port";
    } else if (product->requests_begun && product->requests != ALL_REQUESTS) {
        r->missing = "the list of requests is not complete";
    } else {
        return;
    }
    r->incomplete = product->last_line;
}

static void end_product(struct reading *r)
{
    struct kms_report *report = r->report;
    struct product *product = &r->product;
    if (!product->open) {
        return;
    }
    find_gaps(r, product);
    report->products += product->described || product->host_block;
    int index = -1;
    r->host_keys += is_host_key(product);
    if (is_host_key(product) && report->key_count < KMS_REPORT_KEYS_MAX) {
        keep(r, kms_key_facts_complete(&product->facts, &report->host));
        index = (int)report->key_count;
        report->key[report->key_count++] = product->facts;
        product->facts = (struct kms_facts){0};
    }
    settle_notes(report, index);
    bool licensed = true;
    int64_t status;
    const struct kms_facts *facts = index >= 0 ? &report->key[index] : &product->facts;
    if (kms_facts_number(facts, KMS_FACT_LICENSE_STATUS, &status)) {
        licensed = status == KMS_LICENSE_LICENSED;
    }
    kms_facts_done(&product->facts);
    r->last = *product;
    r->last.facts = (struct kms_facts){0};
    /* Windows leaves the block of an activated host key out only when it is no host at all. */
    r->last.status_seen = product->status_seen && (!licensed || product->host_block || index < 0);
    *product = (struct product){0};
}

static void begin_product(struct reading *r)
{
    end_product(r);
    r->product.open = true;
}

static void meet_client(struct reading *r, size_t index)
{
    if (!r->client_seen) {
        r->client_seen = true;
        r->client_at = index;
    }
}

static void read_description(struct reading *r, const struct kms_line *line)
{
    char text[512];
    char channel[64];
    if (r->product.described) {
        begin_product(r);
    }
    r->product.open = true;
    value_of(r, line, text, sizeof(text));
    put_text(r, &r->product.facts, KMS_FACT_KEY_DESCRIPTION, text);
    if (!kms_channel_of(text, channel, sizeof(channel))) {
        return;
    }
    r->product.described = true;
    r->product.host_channel = kms_channel_is_host(channel);
    r->product.client_channel = kms_channel_is_client(channel);
    r->product.described_at = (size_t)(line - r->lines.line);
    if (r->product.client_channel) {
        meet_client(r, r->product.described_at);
    }
    put_text(r, &r->product.facts, KMS_FACT_KEY_CHANNEL, channel);
}

/* Is this the word of another status than the one that was read? Unlisted words (-1) are compared
 * as text. */
static bool says_otherwise(const struct reading *r, const struct kms_line *line, int status)
{
    char word[512];
    int64_t before = -1;
    const char *first = kms_facts_text(&r->product.facts, KMS_FACT_LICENSE_WORD);
    kms_facts_number(&r->product.facts, KMS_FACT_LICENSE_STATUS, &before);
    value_of(r, line, word, sizeof(word));
    return status != before || (status < 0 && (!first || strcmp(first, word) != 0));
}

static void read_status(struct reading *r, const struct kms_line *line)
{
    size_t len;
    const char *word = kms_line_value(&r->lines, line, &len);
    int status;
    if (len == 0) {
        return;
    }
    bool known = kms_label_status(r->book, word, len, &status) ||
                 kms_status_words_find(&r->learned, word, len, &status);
    if (r->product.status_seen && says_otherwise(r, line, known ? status : -1)) {
        r->product.status_unsure = true;
        kms_facts_remove(&r->product.facts, KMS_FACT_LICENSE_STATUS);
    }
    r->product.status_seen = true;
    put_value(r, &r->product.facts, KMS_FACT_LICENSE_WORD, line);
    if (known && !r->product.status_unsure) {
        put_number(r, &r->product.facts, KMS_FACT_LICENSE_STATUS, status);
    }
}

static void read_reason(struct reading *r, const struct kms_line *line)
{
    uint32_t code;
    if (find_code(kms_line_text(&r->lines, line), line->len, &code)) {
        put_number(r, &r->product.facts, KMS_FACT_LICENSE_REASON, code);
    }
}

static void read_trusted_time(struct reading *r, const struct kms_line *line)
{
    size_t len;
    int64_t when;
    const char *value = kms_line_value(&r->lines, line, &len);
    if (len == 0) {
        return;
    }
    if (kms_moment_read(value, len, r->is_english, &when) == KMS_MOMENT_SURE) {
        put_number(r, &r->report->host, KMS_FACT_TRUSTED_TIME, when);
    } else {
        add_note(r, line);
    }
}

static void read_port(struct reading *r, const struct kms_line *line)
{
    r->product.port_seen = true;
    if (line->is_number && !line->is_none && line->number_value <= UINT16_MAX) {
        put_number(r, &r->report->host, KMS_FACT_LISTENING_PORT,
                   line->number_value == 0 ? KMS_PORT : line->number_value);
    }
}

static void read_request(struct reading *r, const struct kms_line *line)
{
    static const enum kms_fact_id facts[] = {KMS_FACT_TOTAL_REQUESTS,
                                             KMS_FACT_FAILED_REQUESTS,
                                             KMS_FACT_REQUESTS_UNLICENSED,
                                             KMS_FACT_REQUESTS_LICENSED,
                                             KMS_FACT_REQUESTS_OOB_GRACE,
                                             KMS_FACT_REQUESTS_OOT_GRACE,
                                             KMS_FACT_REQUESTS_NON_GENUINE_GRACE,
                                             KMS_FACT_REQUESTS_NOTIFICATION};
    unsigned at = (unsigned)(line->kind - KMS_LINE_REQ_TOTAL);
    r->product.requests_begun = true;
    r->product.requests |= line->is_number ? 1U << at : 0;
    put_counter(r, facts[at], line);
}

static void read_host_line(struct reading *r, const struct kms_line *line)
{
    struct product *product = &r->product;
    struct kms_facts *host = &r->report->host;
    product->open = true;
    product->host_block = true;
    r->by_structure = r->by_structure || (line->by_structure && line->is_number);
    switch (line->kind) {
    case KMS_LINE_COUNT:
        product->count_seen = line->is_number || line->value < line->len;
        put_counter(r, KMS_FACT_CURRENT_COUNT, line);
        break;
    case KMS_LINE_PORT:
        read_port(r, line);
        break;
    case KMS_LINE_DNS_ON:
        put_number(r, host, KMS_FACT_DNS_PUBLISHING, KMS_PUBLISHING_ENABLED);
        break;
    case KMS_LINE_DNS_OFF:
        put_number(r, host, KMS_FACT_DNS_PUBLISHING, KMS_PUBLISHING_DISABLED);
        break;
    case KMS_LINE_PRIORITY_NORMAL:
        put_number(r, host, KMS_FACT_PRIORITY, KMS_PRIORITY_NORMAL);
        break;
    case KMS_LINE_PRIORITY_LOW:
        put_number(r, host, KMS_FACT_PRIORITY, KMS_PRIORITY_LOW);
        break;
    case KMS_LINE_HEADING:
        product->requests_begun = true;
        break;
    case KMS_LINE_PRIORITY:
        add_note(r, line);
        break;
    case KMS_LINE_ENABLED:
        break;
    default:
        read_request(r, line);
        break;
    }
}

static void read_product_line(struct reading *r, const struct kms_line *line)
{
    struct kms_facts *facts = &r->product.facts;
    switch (line->kind) {
    case KMS_LINE_NAME:
        begin_product(r);
        put_value(r, facts, KMS_FACT_KEY_NAME, line);
        break;
    case KMS_LINE_DESCRIPTION:
        read_description(r, line);
        break;
    case KMS_LINE_ACTIVATION_ID:
        put_guid(r, KMS_FACT_ACTIVATION_ID, line);
        break;
    case KMS_LINE_APPLICATION_ID:
        put_guid(r, KMS_FACT_APPLICATION_ID, line);
        break;
    case KMS_LINE_EPID:
        put_value(r, facts, KMS_FACT_EPID, line);
        break;
    case KMS_LINE_PARTIAL_KEY:
        put_value(r, facts, KMS_FACT_PARTIAL_KEY, line);
        break;
    case KMS_LINE_NOT_IN_USE:
        r->product.not_in_use = true;
        break;
    case KMS_LINE_STATUS:
        read_status(r, line);
        break;
    case KMS_LINE_EXPIRES:
        put_leading_number(r, KMS_FACT_LICENSE_EXPIRES, line);
        break;
    case KMS_LINE_REASON:
        read_reason(r, line);
        break;
    case KMS_LINE_REARM:
        put_counter(r, KMS_FACT_REARM_COUNT, line);
        break;
    case KMS_LINE_ACTIVATION_INTERVAL:
        put_leading_number(r, KMS_FACT_ACTIVATION_INTERVAL, line);
        break;
    case KMS_LINE_RENEWAL_INTERVAL:
        put_leading_number(r, KMS_FACT_RENEWAL_INTERVAL, line);
        break;
    default:
        break;
    }
}

static void read_line(struct reading *r, size_t index)
{
    const struct kms_line *line = &r->lines.line[index];
    switch (line->kind) {
    case KMS_LINE_UNKNOWN:
        /* Without a colon and before the first product: the banner of cscript. */
        if (line->has_colon || r->product.open) {
            add_note(r, line);
        }
        break;
    case KMS_LINE_IGNORED:
    case KMS_LINE_ERROR:
        break;
    case KMS_LINE_CLIENT:
        meet_client(r, index);
        break;
    case KMS_LINE_SERVICE_VERSION:
        put_value(r, &r->report->host, KMS_FACT_SERVICE_VERSION, line);
        break;
    case KMS_LINE_TRUSTED_TIME:
        read_trusted_time(r, line);
        break;
    default:
        if (line->kind >= KMS_LINE_ENABLED && line->kind <= KMS_LINE_REQ_NOTIFICATION) {
            read_host_line(r, line);
        } else {
            read_product_line(r, line);
        }
        break;
    }
    r->product.last_line = index;
}

/* The language most labels are in; English wins a draw. It takes three labels, or one that only
 * slmgr has. */
static void find_language(struct reading *r)
{
    size_t votes[KMS_LABEL_LANGS_MAX] = {0};
    bool typical[KMS_LABEL_LANGS_MAX] = {false};
    for (size_t i = 0; i < r->lines.count; i++) {
        const struct kms_line *line = &r->lines.line[i];
        for (size_t lang = 0; lang < KMS_LABEL_LANGS_MAX; lang++) {
            if (line->langs & UINT32_C(1) << lang) {
                votes[lang]++;
                typical[lang] = typical[lang] || line->kind == KMS_LINE_COUNT ||
                                line->kind == KMS_LINE_STATUS;
            }
        }
    }
    size_t best = 0;
    for (size_t lang = 1; lang < KMS_LABEL_LANGS_MAX; lang++) {
        bool draw = votes[lang] == votes[best] &&
                    kms_text_equal(kms_label_lang(r->book, lang), "en");
        if (votes[lang] > votes[best] || draw) {
            best = lang;
        }
    }
    r->language = votes[best] >= 3 || typical[best] ? kms_label_lang(r->book, best) : "unknown";
    r->is_english = kms_text_equal(r->language, "en");
}

/* The six request lines name the status words of the report's own language. */
static void learn_words(struct reading *r)
{
    for (size_t i = 0; i + 6 <= r->lines.count; i++) {
        const struct kms_line *line = &r->lines.line[i];
        bool six = true;
        for (size_t k = 0; k < 6; k++) {
            six = six && (size_t)line[k].kind == KMS_LINE_REQ_UNLICENSED + k;
        }
        if (!six) {
            continue;
        }
        for (size_t k = 0; k < 6; k++) {
            r->learned.label[k] = kms_line_text(&r->lines, &line[k]);
            r->learned.len[k] = line[k].label_len;
        }
        return;
    }
}

static enum kms_outcome tell(struct reading *r, enum kms_outcome outcome, size_t index,
                             const char *what)
{
    char text[KMS_HRESULT_TEXT];
    kms_text_clean(text, sizeof(text), what, strlen(what));
    size_t number = index < r->lines.count ? r->lines.line[index].number : 1;
    kms_text_format(r->report->detail, sizeof(r->report->detail), "line %zu: %s", number, text);
    return outcome;
}

static bool folded_begins(const struct reading *r, const struct kms_line *line, const char *start)
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
static bool is_ospp(const struct reading *r, size_t *ret_line)
{
    static const char *const marks[] = {"processing", "last5characters",     "licensename:",
                                        "skuid:",     "licensedescription:", "exiting"};
    size_t seen = 0;
    size_t first = NO_LINE;
    for (size_t i = 0; i < r->lines.count && i < 1000; i++) {
        for (size_t k = 0; k < KMS_COUNT_OF(marks); k++) {
            if (folded_begins(r, &r->lines.line[i], marks[k])) {
                first = first == NO_LINE ? i : first;
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
static bool find_error(const struct reading *r, size_t *ret_line, uint32_t *ret_code)
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
        bool coded = find_code(kms_line_text(&r->lines, line), line->len, &code) &&
                     code >= 0x80000000U && line->kind != KMS_LINE_REASON;
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

static enum kms_outcome tell_error(struct reading *r, size_t index, uint32_t code)
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
static bool ends_before_requests(const struct reading *r, size_t end)
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
static bool is_cut(struct reading *r, size_t *ret_line, const char **ret_why)
{
    if (r->incomplete != NO_LINE) {
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

static enum kms_outcome judge_nothing(struct reading *r)
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

static enum kms_outcome judge(struct reading *r)
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

/* Ids of which a digit is blacked out may be those of two products. */
static bool is_whole_guid(const char *value, size_t len)
{
    size_t digits = 0;
    for (size_t i = 0; i < len; i++) {
        char c = value[i];
        digits += (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    }
    return len == 36 && digits == 32;
}

/* The activation ids of one report in a file that may hold several. */
struct ids {
    const struct kms_line *line[IDS_MAX];
    size_t count;
};

static bool is_known_id(const struct reading *r, const struct ids *ids, const struct kms_line *line)
{
    size_t len;
    const char *value = kms_line_value(&r->lines, line, &len);
    for (size_t i = 0; i < ids->count; i++) {
        size_t known_len;
        const char *known = kms_line_value(&r->lines, ids->line[i], &known_len);
        if (known_len == len && memcmp(known, value, len) == 0) {
            return true;
        }
    }
    return false;
}

/* Where the last report of the file begins: a file that is written to again and again holds the
 * version of the service, or the same product, more than once. */
static size_t find_last_report(const struct reading *r)
{
    struct ids ids = {.count = 0};
    size_t begin = 0;
    size_t product = NO_LINE; /* its first line, while its id is not met */
    bool versioned = false;
    for (size_t i = 0; i < r->lines.count; i++) {
        const struct kms_line *line = &r->lines.line[i];
        size_t len;
        const char *value = kms_line_value(&r->lines, line, &len);
        if (line->kind == KMS_LINE_SERVICE_VERSION && !line->by_structure) {
            begin = versioned ? i : begin;
            ids.count = versioned ? 0 : ids.count;
            versioned = true;
        } else if (line->kind == KMS_LINE_NAME) {
            product = i;
        } else if (line->kind == KMS_LINE_ACTIVATION_ID && product != NO_LINE &&
                   is_whole_guid(value, len)) {
            if (is_known_id(r, &ids, line)) {
                begin = product;
                ids.count = 0;
            }
            if (ids.count < IDS_MAX) {
                ids.line[ids.count++] = line;
            }
            product = NO_LINE;
        }
    }
    return begin;
}

static void keep_last_report(struct reading *r)
{
    char shown[64];
    size_t begin = find_last_report(r);
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
    leave_out(r, "earlier reports in the file were left out", shown);
}

static void tell_left_out_keys(struct reading *r)
{
    char what[64];
    char shown[64];
    if (r->host_keys > KMS_REPORT_KEYS_MAX) {
        kms_text_format(what, sizeof(what), "%zu host keys", r->host_keys);
        kms_text_format(shown, sizeof(shown), "the first %d are shown", KMS_REPORT_KEYS_MAX);
        leave_out(r, what, shown);
    }
}

static void read_all(struct reading *r, const char *encoding)
{
    struct kms_facts *host = &r->report->host;
    kms_structure_apply(&r->lines);
    keep_last_report(r);
    find_language(r);
    learn_words(r);
    for (size_t i = 0; i < r->lines.count && r->status == KMS_OK; i++) {
        read_line(r, i);
    }
    end_product(r);
    tell_left_out_keys(r);
    put_text(r, host, KMS_FACT_REPORT_LANGUAGE, r->language);
    put_text(r, host, KMS_FACT_REPORT_ENCODING, encoding);
    put_text(r, host, KMS_FACT_REPORT_METHOD, r->by_structure ? "structure" : "labels");
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
    struct reading r = {.report = report, .language = "unknown", .incomplete = NO_LINE};
    r.status = kms_label_book_new(&r.book);
    if (r.status == KMS_OK) {
        r.status = kms_lines_read(r.book, kms_buf_str(text), text->len, &r.lines);
    }
    enum kms_outcome outcome = KMS_OUTCOME_NO_MEMORY;
    if (r.status == KMS_OK) {
        read_all(&r, encoding);
        if (r.status == KMS_OK) {
            outcome = judge(&r);
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
