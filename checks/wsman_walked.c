/* Shows the stages of a walk, and the causes for those that failed. */
#include "wsman_walked.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/text.h"
#include "table.h"
#include "wsman_advice.h"

enum { TEXT_MAX = 700, LINE_WIDTH = 100 };

static const char *const state_words[] = {
    [KMS_WALK_NOT_TRIED] = "not tried", [KMS_WALK_OK] = "ok", [KMS_WALK_FAILED] = "FAILED"};

static const enum kms_colour state_colours[] = {[KMS_WALK_NOT_TRIED] = KMS_COLOUR_NONE,
                                                [KMS_WALK_OK] = KMS_COLOUR_GREEN,
                                                [KMS_WALK_FAILED] = KMS_COLOUR_RED};

/* ---- for people ---- */

static void add_row(struct kms_table *table, const char *stage, enum kms_colour colour,
                    const char *state, const char *text)
{
    kms_table_add(table, KMS_COLOUR_BOLD, stage);
    kms_table_add(table, colour, state);
    kms_table_add(table, KMS_COLOUR_NONE, text);
}

/* The first text stands beside the state, the others below it. */
static void add_stage(struct kms_table *table, const struct kms_walk *walk,
                      enum kms_walk_stage stage)
{
    const struct kms_walk_result *result = &walk->stage[stage];
    const char *word = kms_walk_word(stage);
    const char *state = state_words[result->state];
    enum kms_colour colour = state_colours[result->state];
    const char *texts[2 + KMS_WALK_FIGURES_MAX];
    char figures[KMS_WALK_FIGURES_MAX][400];
    size_t count = 0;
    if (result->meaning) {
        texts[count++] = result->meaning;
    }
    if (result->detail[0]) {
        texts[count++] = result->detail;
    }
    for (size_t i = 0; i < result->figure_count; i++) {
        kms_text_format(figures[i], sizeof figures[i], "%s: %s", result->figure[i].name,
                        result->figure[i].value);
        texts[count++] = figures[i];
    }
    bool plain = stage == KMS_WALK_TLS && walk->circumstances & KMS_WALK_PLAIN;
    if (plain && count == 0) {
        texts[count++] = "plain http";
    }
    add_row(table, word, colour, state, count > 0 ? texts[0] : "");
    for (size_t i = 1; i < count; i++) {
        add_row(table, "", KMS_COLOUR_NONE, "", texts[i]);
    }
}

/* Words in lines of a width, the first behind what stands there already. */
static enum kms_status wrap(struct kms_buf *out, size_t indent, const char *text)
{
    enum kms_status status = KMS_OK;
    size_t column = indent;
    while (*text && status == KMS_OK) {
        size_t len = strcspn(text, " ");
        if (column > indent && column + 1 + len > LINE_WIDTH) {
            status = kms_buf_addf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            status = kms_buf_add_str(out, " ");
            column++;
        }
        status = status == KMS_OK ? kms_buf_add(out, text, len) : status;
        column += len;
        text += len;
        text += strspn(text, " ");
    }
    return status == KMS_OK ? kms_buf_add_str(out, "\n") : status;
}

static enum kms_status add_cause(const struct kms_walk *walk, const char *user, size_t number,
                                 const struct kms_advice *advice,
                                 const struct kms_listing_style *style, struct kms_buf *out)
{
    char text[TEXT_MAX];
    kms_advice_expand(advice->cause, walk, user, text, sizeof text);
    enum kms_status status = kms_buf_addf(out, "  %zu. ", number);
    status = status == KMS_OK ? wrap(out, 5, text) : status;
    if (status != KMS_OK || !advice->command) {
        return status;
    }
    kms_advice_expand(advice->command, walk, user, text, sizeof text);
    status = kms_buf_add_str(out, advice->on_monitor ? "     here:        " : "     on the host: ");
    status = status == KMS_OK ? kms_colour_add(out, style->colours, KMS_COLOUR_BOLD, text) : status;
    return status == KMS_OK ? kms_buf_add_str(out, "\n") : status;
}

static enum kms_status add_causes(const struct kms_walk *walk, enum kms_walk_stage stage,
                                  const char *user, const struct kms_listing_style *style,
                                  struct kms_buf *out)
{
    const struct kms_advice *advice[KMS_ADVICE_MAX];
    size_t count = kms_advice_find(walk, stage, advice);
    const char *hint = kms_outcome_row(walk->stage[stage].outcome)->hint;
    enum kms_status status = kms_buf_addf(out, "\n%s: what is likely missing, likeliest first\n",
                                          kms_walk_word(stage));
    for (size_t i = 0; i < count && status == KMS_OK; i++) {
        status = add_cause(walk, user, i + 1, advice[i], style, out);
    }
    if (count == 0 && status == KMS_OK) {
        status = kms_buf_addf(out, "  %s\n", hint);
    }
    return status;
}

enum kms_status kms_walked_table(const struct kms_walk *walk, const char *user,
                                 const struct kms_listing_style *style, struct kms_buf *out)
{
    struct kms_table table;
    bool failed = false;
    kms_table_init(&table, 3);
    for (size_t i = 0; i < KMS_WALK_STAGES; i++) {
        add_stage(&table, walk, (enum kms_walk_stage)i);
    }
    enum kms_status status = kms_table_render(&table, 0, 0, style->colours, out);
    kms_table_done(&table);
    for (size_t i = 0; i < KMS_WALK_STAGES && status == KMS_OK; i++) {
        if (walk->stage[i].state == KMS_WALK_FAILED) {
            failed = true;
            status = add_causes(walk, (enum kms_walk_stage)i, user, style, out);
        }
    }
    if (failed && status == KMS_OK) {
        status = kms_buf_add_str(out, "\nThe commands for the host are not verified on Windows: "
                                      "read them before you run them.\n");
    }
    return status;
}

/* ---- for programs ---- */

/* jansson takes the reference in any case, and refuses NULL: one flag tells of all failures. */
static void put(json_t *object, const char *key, json_t *value, bool *ok)
{
    *ok = json_object_set_new(object, key, value) == 0 && *ok;
}

static json_t *json_figures(const struct kms_walk_result *result, bool *ok)
{
    json_t *object = json_object();
    for (size_t i = 0; i < result->figure_count; i++) {
        put(object, result->figure[i].name, json_string(result->figure[i].value), ok);
    }
    return object;
}

static json_t *json_causes(const struct kms_walk *walk, enum kms_walk_stage stage, const char *user,
                           bool *ok)
{
    const struct kms_advice *advice[KMS_ADVICE_MAX];
    size_t count = kms_advice_find(walk, stage, advice);
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        char text[TEXT_MAX];
        json_t *object = json_object();
        kms_advice_expand(advice[i]->cause, walk, user, text, sizeof text);
        put(object, "cause", json_string(text), ok);
        if (advice[i]->command) {
            kms_advice_expand(advice[i]->command, walk, user, text, sizeof text);
            put(object, "command", json_string(text), ok);
            put(object, "where", json_string(advice[i]->on_monitor ? "monitor" : "host"), ok);
            put(object, "verified_on_windows", json_false(), ok);
        }
        *ok = json_array_append_new(array, object) == 0 && *ok;
    }
    return array;
}

static json_t *json_stage(const struct kms_walk *walk, enum kms_walk_stage stage, const char *user,
                          bool *ok)
{
    const struct kms_walk_result *result = &walk->stage[stage];
    json_t *object = json_object();
    put(object, "stage", json_string(kms_walk_word(stage)), ok);
    put(object, "state",
        json_string(result->state == KMS_WALK_FAILED ? "failed" : state_words[result->state]), ok);
    put(object, "figures", json_figures(result, ok), ok);
    if (result->state == KMS_WALK_FAILED) {
        put(object, "outcome", json_string(kms_outcome_row(result->outcome)->token), ok);
        put(object, "meaning", json_string(result->meaning), ok);
        put(object, "detail", json_string(result->detail), ok);
        put(object, "causes", json_causes(walk, stage, user, ok), ok);
    }
    return object;
}

enum kms_status kms_walked_json(const struct kms_walk *walk, const char *user, struct kms_buf *out)
{
    bool ok = true;
    json_t *object = json_object();
    json_t *stages = json_array();
    put(object, "host", json_string(walk->host), &ok);
    put(object, "good", json_boolean(kms_walk_good(walk)), &ok);
    for (size_t i = 0; i < KMS_WALK_STAGES; i++) {
        json_t *stage = json_stage(walk, (enum kms_walk_stage)i, user, &ok);
        ok = json_array_append_new(stages, stage) == 0 && ok;
    }
    put(object, "stages", stages, &ok);
    char *text = ok ? json_dumps(object, JSON_INDENT(2)) : NULL;
    json_decref(object);
    enum kms_status status = text ? kms_buf_addf(out, "%s\n", text) : KMS_ENOMEM;
    free(text);
    return status;
}
