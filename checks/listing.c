/* Shows reports to people. */
#include "listing.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"
#include "reader.h"
#include "table.h"
#include "vocab/hostkey.h"

enum column {
    COLUMN_STATE,
    COLUMN_REPORT,
    COLUMN_KEY,
    COLUMN_COUNT,
    COLUMN_CLASSES,
    COLUMN_REQUESTS,
    COLUMN_FAILED,
    COLUMN_LICENSE,
    COLUMN_DATA,
    COLUMNS
};

enum kms_state kms_listed_state(const struct kms_listed *listed)
{
    return listed->judged ? listed->judgement.state : KMS_STATE_UNKNOWN;
}

struct kms_listing_style kms_listing_style_of(int fd)
{
    struct kms_listing_style style = {.colours = false};
    const char *no_colour = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    struct winsize size;

    if (isatty(fd)) {
        style.colours = (no_colour == NULL || no_colour[0] == '\0') &&
                        !kms_text_equal(term, "dumb");
        if (ioctl(fd, TIOCGWINSZ, &size) == 0) {
            style.width = size.ws_col;
        }
    }
    return style;
}

/* ---- overview ---- */

/* A narrow terminal gets fewer columns, the least telling ones first. */
struct layout {
    bool column[COLUMNS];
    bool brief; /* of the classes only those in trouble */
};

#define ALWAYS                                                                                 \
    [COLUMN_STATE] = true, [COLUMN_REPORT] = true, [COLUMN_KEY] = true, [COLUMN_COUNT] = true, \
    [COLUMN_CLASSES] = true

static const struct layout layouts[] = {
    {.column = {ALWAYS, [COLUMN_REQUESTS] = true, [COLUMN_FAILED] = true, [COLUMN_LICENSE] = true,
                [COLUMN_DATA] = true}},
    {.column = {ALWAYS, [COLUMN_REQUESTS] = true, [COLUMN_FAILED] = true, [COLUMN_LICENSE] = true,
                [COLUMN_DATA] = true},
     .brief = true},
    {.column = {ALWAYS, [COLUMN_FAILED] = true, [COLUMN_LICENSE] = true, [COLUMN_DATA] = true},
     .brief = true},
    {.column = {ALWAYS, [COLUMN_LICENSE] = true, [COLUMN_DATA] = true}, .brief = true},
    {.column = {ALWAYS, [COLUMN_LICENSE] = true}, .brief = true},
    {.column = {ALWAYS}, .brief = true},
};

struct overview {
    const struct layout *layout;
    struct kms_table table;
};

static void add_cell(struct overview *overview, enum column column, enum kms_colour colour,
                     const char *text)
{
    if (overview->layout->column[column]) {
        kms_table_add(&overview->table, colour, text);
    }
}

static void add_number(struct overview *overview, enum column column, const struct kms_facts *facts,
                       enum kms_fact_id id)
{
    char text[32] = "";
    int64_t value;

    if (kms_facts_number(facts, id, &value)) {
        kms_text_format(text, sizeof(text), "%lld", (long long)value);
    }
    add_cell(overview, column, KMS_COLOUR_NONE, text);
}

static void classes_text(const struct kms_judgement *judgement, size_t key, bool brief, char *dst,
                         size_t size)
{
    bool any = false;

    dst[0] = '\0';
    for (size_t c = 1; c <= KMS_CLASS_MAX; c++) {
        const struct kms_class_judgement *cls = &judgement->cls[c];
        char text[64];
        if (!cls->present || cls->key != (int)key) {
            continue;
        }
        any = true;
        if (!brief || cls->state != KMS_STATE_OK) {
            kms_judge_class_text(cls, text, sizeof(text));
            if (brief) {
                char *more = strstr(text, " (");
                text[more != NULL ? (size_t)(more - text) : strlen(text)] = '\0';
            }
            kms_text_append(dst, size, "%s%s", dst[0] != '\0' ? ", " : "", text);
        }
    }
    if (any && dst[0] == '\0') {
        kms_text_copy(dst, size, "ok");
    }
}

static enum kms_state key_state(const struct kms_judgement *judgement, size_t key)
{
    enum kms_state state = judgement->key[key].state;

    for (size_t c = 1; c <= KMS_CLASS_MAX; c++) {
        const struct kms_class_judgement *cls = &judgement->cls[c];
        if (cls->present && cls->key == (int)key) {
            state = kms_state_worse(state, cls->state);
        }
    }
    return state;
}

static void add_state(struct overview *overview, enum kms_state state)
{
    add_cell(overview, COLUMN_STATE, kms_colour_of_state(state), kms_state_upper(state));
}

static void add_key_row(struct overview *overview, const struct kms_listed *listed, size_t at)
{
    const struct kms_judgement *judgement = &listed->judgement;
    const struct kms_key_judgement *key = &judgement->key[at];
    char text[200], date[32] = "";

    add_state(overview, key_state(judgement, at));
    add_cell(overview, COLUMN_REPORT, KMS_COLOUR_NONE, listed->target.name);
    kms_judge_key_name(key, text, sizeof(text));
    add_cell(overview, COLUMN_KEY, KMS_COLOUR_NONE, text);
    add_number(overview, COLUMN_COUNT, &key->facts, KMS_FACT_CURRENT_COUNT);
    classes_text(judgement, at, overview->layout->brief, text, sizeof(text));
    add_cell(overview, COLUMN_CLASSES, KMS_COLOUR_NONE, text);
    add_number(overview, COLUMN_REQUESTS, &key->facts, KMS_FACT_TOTAL_REQUESTS);
    add_number(overview, COLUMN_FAILED, &key->facts, KMS_FACT_FAILED_REQUESTS);
    kms_text_copy(text, sizeof(text), "");
    if (kms_facts_has(&key->facts, KMS_FACT_LICENSE_STATUS)) {
        int64_t status = KMS_LICENSE_UNKNOWN;
        (void)kms_facts_number(&key->facts, KMS_FACT_LICENSE_STATUS, &status);
        kms_text_copy(text, sizeof(text), kms_word_label(kms_words_license_status(), (int)status));
    }
    add_cell(overview, COLUMN_LICENSE, KMS_COLOUR_NONE, text);
    if (key->data_s != 0) {
        kms_date_text(date, sizeof(date), key->data_s);
        date[overview->layout->brief ? 10 : 16] = '\0';
    }
    add_cell(overview, COLUMN_DATA, KMS_COLOUR_NONE, date);
}

static void add_failed_row(struct overview *overview, const struct kms_listed *listed)
{
    add_state(overview, KMS_STATE_UNKNOWN);
    add_cell(overview, COLUMN_REPORT, KMS_COLOUR_NONE, listed->target.name);
    add_cell(overview, COLUMN_KEY, KMS_COLOUR_NONE, kms_outcome_row(listed->result.outcome)->token);
    for (enum column i = COLUMN_COUNT; i < COLUMNS; i++) {
        add_cell(overview, i, KMS_COLOUR_NONE, "");
    }
}

static bool is_number(enum column column)
{
    return column == COLUMN_COUNT || column == COLUMN_REQUESTS || column == COLUMN_FAILED;
}

static void build(struct overview *overview, const struct layout *layout,
                  const struct kms_listed *listed, size_t count)
{
    static const char *const heads[COLUMNS] = {"STATE",  "REPORT",  "HOST KEY",
                                               "COUNT",  "CLASSES", "REQUESTS",
                                               "FAILED", "LICENSE", "DATA OF"};
    size_t columns = 0;

    overview->layout = layout;
    for (enum column i = COLUMN_STATE; i < COLUMNS; i++) {
        columns += layout->column[i] ? 1 : 0;
    }
    kms_table_init(&overview->table, columns);
    overview->table.shrink = COLUMN_KEY;
    columns = 0;
    for (enum column i = COLUMN_STATE; i < COLUMNS; i++) {
        add_cell(overview, i, KMS_COLOUR_BOLD, heads[i]);
        if (layout->column[i]) {
            overview->table.right[columns++] = is_number(i);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (!listed[i].judged) {
            add_failed_row(overview, &listed[i]);
        }
        for (size_t k = 0; listed[i].judged && k < listed[i].judgement.key_count; k++) {
            add_key_row(overview, &listed[i], k);
        }
    }
}

/* The detail mostly names the report itself. */
static enum kms_status add_failure(const struct kms_listed *listed, struct kms_buf *out)
{
    const struct kms_outcome_row *row = kms_outcome_row(listed->result.outcome);
    const char *detail = listed->result.detail[0] != '\0' ? listed->result.detail : row->meaning;

    if (kms_text_starts(detail, listed->report)) {
        return kms_buf_addf(out, "%s\n", detail);
    }
    return kms_buf_addf(out, "%s: %s\n", listed->target.name, detail);
}

static enum kms_status add_meaning(enum kms_outcome outcome, struct kms_buf *out)
{
    const struct kms_outcome_row *row = kms_outcome_row(outcome);
    enum kms_status status = kms_buf_addf(out, "%s: %s\n", row->token, row->meaning);

    if (status == KMS_OK && row->hint[0] != '\0') {
        status = kms_buf_addf(out, "  next step: %s\n", row->hint);
    }
    return status;
}

static bool met_before(const struct kms_listed *listed, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (listed[i].result.outcome == listed[at].result.outcome) {
            return true;
        }
    }
    return false;
}

/* What happened to each, then what each kind of failure means, once. */
static enum kms_status add_failures(const struct kms_listed *listed, size_t count,
                                    struct kms_buf *out)
{
    enum kms_status status = KMS_OK;
    bool any = false;

    for (size_t i = 0; i < count && status == KMS_OK; i++) {
        if (listed[i].judged) {
            continue;
        }
        status = any ? KMS_OK : kms_buf_add_str(out, "\n");
        status = status == KMS_OK ? add_failure(&listed[i], out) : status;
        any = true;
    }
    if (status == KMS_OK && any) {
        status = kms_buf_add_str(out, "\n");
    }
    for (size_t i = 0; i < count && status == KMS_OK; i++) {
        if (!listed[i].judged && !met_before(listed, i)) {
            status = add_meaning(listed[i].result.outcome, out);
        }
    }
    return status;
}

enum kms_status kms_listing_overview(const struct kms_listed *listed, size_t count,
                                     const struct kms_listing_style *style, struct kms_buf *out)
{
    struct overview overview;
    enum kms_status status;
    size_t at = 0;

    build(&overview, &layouts[at], listed, count);
    while (style->width > 0 && kms_table_least_width(&overview.table) > style->width &&
           at + 1 < KMS_COUNT_OF(layouts)) {
        kms_table_done(&overview.table);
        build(&overview, &layouts[++at], listed, count);
    }
    status = kms_table_render(&overview.table, 0, style->width, style->colours, out);
    kms_table_done(&overview.table);
    return status == KMS_OK ? add_failures(listed, count, out) : status;
}

/* ---- details ---- */

static void add_pair(struct kms_table *table, const char *label, enum kms_colour colour,
                     const char *value)
{
    kms_table_add(table, KMS_COLOUR_NONE, label);
    kms_table_add(table, colour, value);
}

static void add_epid(struct kms_table *table, const char *epid)
{
    struct kms_epid_explained explained;
    char line[KMS_EPID_LINES][KMS_EPID_LINE];

    if (kms_epid_explain(epid, &explained)) {
        size_t count = kms_epid_lines(&explained, line);
        for (size_t i = 0; i < count; i++) {
            add_pair(table, "", KMS_COLOUR_NONE, line[i]);
        }
    }
}

static void add_facts(struct kms_table *table, const struct kms_facts *facts)
{
    for (size_t i = 0; i < facts->count; i++) {
        const struct kms_fact_row *row = kms_fact_row(facts->fact[i].id);
        char text[400];
        if (row == NULL) {
            continue;
        }
        kms_fact_print(&facts->fact[i], text, sizeof(text));
        if (row->type == KMS_TYPE_UINT && row->unit[0] != '\0') {
            kms_text_append(text, sizeof(text), " %s", row->unit);
        }
        add_pair(table, row->token, KMS_COLOUR_NONE, text);
        if (facts->fact[i].id == KMS_FACT_EPID) {
            add_epid(table, facts->fact[i].text);
        }
    }
}

static void add_classes(struct kms_table *table, const struct kms_listed *listed, int key)
{
    const struct kms_judgement *judgement = &listed->judgement;
    uint32_t declared = listed->target.classes;

    for (size_t c = 1; c <= KMS_CLASS_MAX; c++) {
        const struct kms_class_judgement *cls = &judgement->cls[c];
        char text[96];
        if (!cls->present || cls->key != key) {
            continue;
        }
        kms_judge_class_text(cls, text, sizeof(text));
        if (cls->verdict == KMS_VERDICT_BELOW_THRESHOLD) {
            kms_text_append(text, sizeof(text), ", %d more needed", -cls->headroom);
        }
        kms_text_append(text, sizeof(text), "%s", kms_judge_reliance_text(cls, declared));
        add_pair(table, "verdict", kms_colour_of_state(cls->state), text);
    }
}

static void add_notes(struct kms_table *table, const struct kms_result *result)
{
    for (size_t i = 0; i < result->note_count; i++) {
        char text[400];
        const struct kms_note *note = &result->note[i];
        kms_text_format(text, sizeof(text), "%s%s%s", note->label,
                        note->value[0] != '\0' ? ": " : "", note->value);
        add_pair(table, "not recognised", KMS_COLOUR_YELLOW, text);
    }
}

static enum kms_status render_pairs(struct kms_table *table, const struct kms_listing_style *style,
                                    struct kms_buf *out)
{
    enum kms_status status = kms_table_render(table, 2, 0, style->colours, out);

    kms_table_done(table);
    return status;
}

/* The shared text begins with what is the label here. */
static const char *behind_data_of(const char *text)
{
    static const char prefix[] = "data of ";

    if (text[0] == '\0') {
        return "not known";
    }
    return kms_text_starts(text, prefix) ? text + sizeof(prefix) - 1 : text;
}

static enum kms_status add_host(const struct kms_listed *listed,
                                const struct kms_listing_style *style, struct kms_buf *out)
{
    const struct kms_judgement *judgement = &listed->judgement;
    struct kms_table table;
    char text[320];

    kms_table_init(&table, 2);
    kms_report_show(listed->report, text, sizeof(text));
    add_pair(&table, "report", KMS_COLOUR_NONE, text);
    kms_judge_date_text(judgement, text, sizeof(text));
    add_pair(&table, "data of", KMS_COLOUR_NONE, behind_data_of(text));
    add_facts(&table, &judgement->host);
    add_classes(&table, listed, -1);
    add_notes(&table, &listed->result);
    return render_pairs(&table, style, out);
}

static enum kms_status add_key(const struct kms_listed *listed, size_t at,
                               const struct kms_listing_style *style, struct kms_buf *out)
{
    const struct kms_key_judgement *key = &listed->judgement.key[at];
    enum kms_status status;
    struct kms_table table;
    char name[200];

    kms_judge_key_name(key, name, sizeof(name));
    status = kms_buf_add_str(out, "\n");
    if (status == KMS_OK) {
        status = kms_colour_add(out, style->colours, KMS_COLOUR_BOLD, name);
    }
    if (status == KMS_OK) {
        status = kms_buf_addf(out, "%s\n", key->superseded ? " (superseded)" : "");
    }
    if (status != KMS_OK) {
        return status;
    }
    kms_table_init(&table, 2);
    add_classes(&table, listed, (int)at);
    add_facts(&table, &key->facts);
    return render_pairs(&table, style, out);
}

enum kms_status kms_listing_details(const struct kms_listed *listed,
                                    const struct kms_listing_style *style, struct kms_buf *out)
{
    enum kms_state state = kms_listed_state(listed);
    enum kms_status status = kms_colour_add(out, style->colours, kms_colour_of_state(state),
                                            kms_state_upper(state));

    if (status == KMS_OK) {
        status = kms_buf_add_str(out, "  ");
    }
    if (status == KMS_OK && !listed->judged) {
        status = add_failure(listed, out);
        return status == KMS_OK ? add_meaning(listed->result.outcome, out) : status;
    }
    if (status != KMS_OK) {
        return status;
    }
    status = kms_buf_addf(out, "%s: %s\n", listed->target.name, listed->judgement.summary);
    if (status == KMS_OK) {
        status = add_host(listed, style, out);
    }
    for (size_t i = 0; i < listed->judgement.key_count && status == KMS_OK; i++) {
        status = add_key(listed, i, style, out);
    }
    return status;
}
