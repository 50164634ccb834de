/* Shows hosts that the daemon told of. */
#include "asked_host.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/text.h"
#include "vocab/hostkey.h"

/* ---- overview ---- */

#define SUMMARY_MIN 28
#define KEY_MIN     15 /* "notification..." */

enum column {
    COLUMN_STATE,
    COLUMN_HOST,
    COLUMN_COUNT,
    COLUMN_KEY,
    COLUMN_DNS,
    COLUMN_AGE,
    COLUMN_SUMMARY,
    COLUMNS
};

void kms_asked_hosts_init(struct kms_table *table)
{
    static const char *const heads[COLUMNS] = {"STATE", "HOST", "COUNT",  "KEY",
                                               "DNS",   "AGE",  "SUMMARY"};

    kms_table_init(table, COLUMNS);
    table->right[COLUMN_COUNT] = true;
    table->right[COLUMN_AGE] = true;
    table->shrink = COLUMN_SUMMARY;
    table->shrink_min = SUMMARY_MIN;
    table->spare[0].column = COLUMN_AGE;
    table->spare[1].column = COLUMN_DNS;
    table->spare[2].column = COLUMN_KEY;
    table->spare[2].least = KEY_MIN;
    for (size_t i = 0; i < COLUMNS; i++) {
        kms_table_add(table, KMS_COLOUR_BOLD, heads[i]);
    }
}

/* "26/25": the count, and what the class needs that stands for the host. */
static void count_text(const json_t *host, char *dst, size_t size)
{
    int64_t count, required;
    bool counted = kms_asking_number(host, "count", &count);

    dst[0] = '\0';
    if (!kms_asking_number(host, "required", &required)) {
        return;
    }
    if (counted) {
        kms_text_format(dst, size, "%lld/%lld", (long long)count, (long long)required);
    } else {
        kms_text_format(dst, size, "?/%lld", (long long)required);
    }
}

static void age_text(const json_t *object, const char *name, char *dst, size_t size)
{
    int64_t age_s;

    dst[0] = '\0';
    if (kms_asking_number(object, name, &age_s)) {
        kms_text_age(dst, size, age_s < 0 ? 0 : age_s);
    }
}

static enum kms_state state_of(const json_t *object, const char *name)
{
    int state = KMS_STATE_UNKNOWN;

    (void)kms_word_number(kms_words_state(), kms_asking_text(object, name), &state);
    return (enum kms_state)state;
}

/* "count 6: servers ok (5)" beside a column with the 6. */
static const char *behind_count(const json_t *host, const char *text)
{
    int64_t count;
    char prefix[40];

    if (!kms_asking_number(host, "count", &count)) {
        return text;
    }
    kms_text_format(prefix, sizeof(prefix), "count %lld: ", (long long)count);
    return kms_text_starts(text, prefix) ? text + strlen(prefix) : text;
}

void kms_asked_hosts_add(struct kms_table *table, const struct json_t *host, bool brief)
{
    const char *summary = kms_asking_text(host, "text");
    enum kms_state state = kms_asking_state(host);
    enum kms_state key = state_of(host, "key-state");
    char text[64];

    kms_table_add(table, kms_colour_of_state(state), kms_state_upper(state));
    kms_table_add(table, KMS_COLOUR_NONE, kms_asking_text(host, "host"));
    count_text(host, text, sizeof(text));
    kms_table_add(table, KMS_COLOUR_NONE, text);
    kms_table_add(table, key == KMS_STATE_OK ? KMS_COLOUR_NONE : kms_colour_of_state(key),
                  kms_asking_text(host, "key"));
    kms_table_add(table, KMS_COLOUR_NONE, kms_asking_text(host, "publication"));
    age_text(host, "data-age", text, sizeof(text));
    kms_table_add(table, KMS_COLOUR_NONE, text);
    kms_table_add(table, KMS_COLOUR_NONE, brief ? behind_count(host, summary) : summary);
}

/* ---- details ---- */

/* Lines under headings; one flag tells whether memory ran out. */
struct page {
    const struct kms_listing_style *style;
    struct kms_buf *out;
    enum kms_status status;
};

static void heading(struct page *page, const char *text)
{
    if (page->status == KMS_OK) {
        page->status = kms_buf_add_str(page->out, "\n");
    }
    if (page->status == KMS_OK) {
        page->status = kms_colour_add(page->out, page->style->colours, KMS_COLOUR_BOLD, text);
    }
    if (page->status == KMS_OK) {
        page->status = kms_buf_add_str(page->out, "\n");
    }
}

static void render(struct page *page, struct kms_table *table)
{
    if (page->status == KMS_OK) {
        page->status = kms_table_render(table, 2, 0, page->style->colours, page->out);
    }
    kms_table_done(table);
}

static void title(struct page *page, const json_t *host)
{
    enum kms_state state = kms_asking_state(host);
    const char *next = kms_asking_text(host, "next-step");

    page->status = kms_colour_add(page->out, page->style->colours, kms_colour_of_state(state),
                                  kms_state_upper(state));
    if (page->status == KMS_OK) {
        page->status = kms_buf_addf(page->out, "  %s: %s\n", kms_asking_text(host, "host"),
                                    kms_asking_text(host, "text"));
    }
    if (page->status == KMS_OK && next[0] != '\0') {
        page->status = kms_buf_addf(page->out, "  next step: %s\n", next);
    }
}

static void add_pair(struct kms_table *table, const char *label, const char *value)
{
    if (value[0] != '\0') {
        kms_table_add(table, KMS_COLOUR_NONE, label);
        kms_table_add(table, KMS_COLOUR_NONE, value);
    }
}

/* "countLow, stale" */
static void join(const json_t *array, char *dst, size_t size)
{
    const json_t *word;
    size_t i;

    dst[0] = '\0';
    json_array_foreach(array, i, word)
    {
        const char *text = json_string_value(word);
        kms_text_append(dst, size, "%s%s", i > 0 ? ", " : "", text != NULL ? text : "");
    }
}

static void add_joined(struct kms_table *table, const char *label, const json_t *array)
{
    char text[300];

    join(array, text, sizeof(text));
    add_pair(table, label, text);
}

static const struct kms_fact_row *row_of(const char *token)
{
    size_t count;
    const struct kms_fact_row *rows = kms_fact_rows(&count);

    for (size_t i = 0; i < count; i++) {
        if (kms_text_equal(rows[i].token, token)) {
            return &rows[i];
        }
    }
    return NULL;
}

static void fact_text(const char *token, const json_t *value, char *dst, size_t size)
{
    const struct kms_fact_row *row = row_of(token);
    bool unit = row != NULL && row->type == KMS_TYPE_UINT && row->unit[0] != '\0';

    dst[0] = '\0';
    if (json_is_integer(value)) {
        kms_text_format(dst, size, "%lld%s%s", (long long)json_integer_value(value),
                        unit ? " " : "", unit ? row->unit : "");
    } else if (json_is_boolean(value)) {
        kms_text_copy(dst, size, json_is_true(value) ? "yes" : "no");
    } else if (json_is_string(value)) {
        kms_text_copy(dst, size, json_string_value(value));
    }
}

static void add_facts(struct kms_table *table, const json_t *facts)
{
    const char *token;
    json_t *value;

    json_object_foreach((json_t *)facts, token, value)
    {
        char text[500];
        fact_text(token, value, text, sizeof(text));
        add_pair(table, token, text);
    }
}

static void add_host_facts(struct page *page, const json_t *host)
{
    struct kms_table table;
    char address[300], age[64];
    int64_t port = 0;

    kms_table_init(&table, 2);
    (void)kms_asking_number(host, "port", &port);
    kms_text_format(address, sizeof(address), "%s, port %lld", kms_asking_text(host, "address"),
                    (long long)port);
    add_pair(&table, "address", address);
    add_pair(&table, "origin", kms_asking_text(host, "origin"));
    add_joined(&table, "reasons", json_object_get(host, "reasons"));
    add_joined(&table, "known", json_object_get(host, "coverage"));
    add_pair(&table, "contradictions", kms_asking_text(host, "drift"));
    age_text(host, "data-age", age, sizeof(age));
    add_pair(&table, "age of data", age);
    add_facts(&table, json_object_get(host, "facts"));
    render(page, &table);
}

/* "12 of 40 failed, 3 in a row" */
static void tally_text(const json_t *source, char *dst, size_t size)
{
    int64_t attempts = 0, failures = 0, row = 0;

    (void)kms_asking_number(source, "attempts", &attempts);
    (void)kms_asking_number(source, "failures", &failures);
    (void)kms_asking_number(source, "failures-in-a-row", &row);
    kms_text_format(dst, size, "%lld of %lld polls failed", (long long)failures,
                    (long long)attempts);
    if (row > 0) {
        kms_text_append(dst, size, ", %lld in a row", (long long)row);
    }
}

static void add_source(struct kms_table *table, const json_t *source, bool brief)
{
    bool good = json_is_true(json_object_get(source, "good"));
    const char *next = kms_asking_text(source, "next-step");
    char age[40], tally[100], line[460];

    kms_table_add(table, KMS_COLOUR_NONE, kms_asking_text(source, "source"));
    kms_table_add(table, good ? KMS_COLOUR_GREEN : KMS_COLOUR_RED,
                  kms_asking_text(source, "outcome"));
    age_text(source, "data-age", age, sizeof(age));
    kms_table_add(table, KMS_COLOUR_NONE,
                  json_is_true(json_object_get(source, "stale")) ? "stale" : age);
    kms_table_add(table, KMS_COLOUR_NONE, kms_asking_text(source, "text"));
    if (next[0] != '\0') {
        kms_text_format(line, sizeof(line), "next step: %s", next);
        for (int i = 0; i < 3; i++) {
            kms_table_add(table, KMS_COLOUR_NONE, "");
        }
        kms_table_add(table, KMS_COLOUR_NONE, line);
    }
    if (!brief) {
        tally_text(source, tally, sizeof(tally));
        for (int i = 0; i < 3; i++) {
            kms_table_add(table, KMS_COLOUR_NONE, "");
        }
        kms_table_add(table, KMS_COLOUR_NONE, tally);
    }
}

static void add_sources(struct page *page, const json_t *host, bool brief)
{
    const json_t *source, *sources = json_object_get(host, "sources");
    struct kms_table table;
    size_t i;

    kms_table_init(&table, 4);
    json_array_foreach(sources, i, source)
    {
        add_source(&table, source, brief);
    }
    render(page, &table);
}

/* Parts of a host that have a state, a name and a text. */
static void add_judged(struct page *page, const json_t *array, const char *name, const char *head)
{
    const json_t *part;
    struct kms_table table;
    size_t i;

    if (json_array_size(array) == 0) {
        return;
    }
    heading(page, head);
    kms_table_init(&table, 3);
    json_array_foreach(array, i, part)
    {
        enum kms_state state = kms_asking_state(part);
        kms_table_add(&table, kms_colour_of_state(state), kms_state_upper(state));
        kms_table_add(&table, KMS_COLOUR_NONE, kms_asking_text(part, name));
        kms_table_add(&table, KMS_COLOUR_NONE, kms_asking_text(part, "text"));
    }
    render(page, &table);
}

static void add_window(struct kms_table *table, const json_t *window)
{
    int64_t span_s, hourly, failed, permille = 0;
    char text[200], span[40];

    if (!kms_asking_number(window, "span", &span_s) ||
        !kms_asking_number(window, "total-per-hour", &hourly) ||
        !kms_asking_number(window, "failed-per-hour", &failed)) {
        return;
    }
    (void)kms_asking_number(window, "failed-permille", &permille);
    kms_text_age(span, sizeof(span), span_s);
    kms_text_format(text, sizeof(text),
                    "%lld requests an hour, %lld of them failed (%lld.%lld %%),"
                    " over %s",
                    (long long)hourly, (long long)failed, (long long)(permille / 10),
                    (long long)(permille % 10), span);
    add_pair(table, "rates", text);
}

static void add_epid(struct kms_table *table, const json_t *facts)
{
    struct kms_epid_explained explained;
    char line[KMS_EPID_LINES][KMS_EPID_LINE];

    if (kms_epid_explain(kms_asking_text(facts, "epid"), &explained)) {
        size_t count = kms_epid_lines(&explained, line);
        for (size_t i = 0; i < count; i++) {
            add_pair(table, i == 0 ? "ePID says" : " ", line[i]);
        }
    }
}

static void add_key(struct page *page, const json_t *key)
{
    const json_t *facts = json_object_get(key, "facts");
    struct kms_table table;
    char name[300];

    kms_text_format(name, sizeof(name), "%s%s", kms_asking_text(key, "key"),
                    json_is_true(json_object_get(key, "superseded")) ? " (superseded)" : "");
    heading(page, name);
    kms_table_init(&table, 2);
    kms_table_add(&table, KMS_COLOUR_NONE, "state");
    kms_table_add(&table, kms_colour_of_state(kms_asking_state(key)),
                  kms_state_upper(kms_asking_state(key)));
    add_pair(&table, "key", kms_asking_text(key, "text"));
    add_joined(&table, "reasons", json_object_get(key, "reasons"));
    add_pair(&table, "requests", kms_asking_text(key, "requests"));
    add_window(&table, json_object_get(key, "window"));
    add_pair(&table, "told by", kms_asking_text(key, "source"));
    add_facts(&table, facts);
    add_epid(&table, facts);
    render(page, &table);
}

enum kms_status kms_asked_host_details(const struct json_t *host,
                                       const struct kms_listing_style *style, struct kms_buf *out)
{
    struct page page = {.style = style, .out = out};
    const json_t *key;
    size_t i;

    title(&page, host);
    add_host_facts(&page, host);
    heading(&page, "Sources");
    add_sources(&page, host, false);
    add_judged(&page, json_object_get(host, "alarms"), "alarm", "Active alarms");
    add_judged(&page, json_object_get(host, "classes"), "class", "Classes");
    add_judged(&page, json_object_get(host, "publications"), "domain", "Publication in DNS");
    json_array_foreach(json_object_get(host, "keys"), i, key)
    {
        add_key(&page, key);
    }
    return page.status;
}

enum kms_status kms_asked_host_sources(const struct json_t *host,
                                       const struct kms_listing_style *style, struct kms_buf *out)
{
    struct page page = {.style = style, .out = out};

    title(&page, host);
    add_sources(&page, host, true);
    return page.status;
}
