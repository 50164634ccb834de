/* A history as one SVG picture that needs nothing else: a panel a key, counts above, requests
 * below. */
#include "history.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define WIDTH      960
#define LEFT       64
#define RIGHT      120 /* of the thresholds' labels */
#define PLOT_W     (WIDTH - LEFT - RIGHT)
#define TITLE_H    60
#define COUNT_H    220
#define GAP_H      22
#define REQUESTS_H 64
#define AXIS_H     52
#define PANEL_H    (TITLE_H + COUNT_H + GAP_H + REQUESTS_H + AXIS_H)

#define COLOUR_COUNT    "#1f5fa8"
#define COLOUR_BAND     "#c5d9f0"
#define COLOUR_CLIENTS  "#b35900"
#define COLOUR_SERVERS  "#7a3e9d"
#define COLOUR_REQUESTS "#8fa3b5"
#define COLOUR_WRITTEN  "#5b7083" /* the same, to be read */
#define COLOUR_GAP      "#f1f1f1"
#define COLOUR_FAILED   "#c0262d"
#define COLOUR_GRID     "#e3e6ea"
#define COLOUR_TEXT     "#333333"

struct panel {
    const struct kms_history *history;
    const struct kms_history_series *series;
    struct kms_history_series counts; /* of steps that are no narrower than a point */
    int64_t step_s;
    int64_t top;
    int64_t most; /* requests of an hour */
    double y;     /* of its upper edge */
    struct kms_buf *out;
    enum kms_status status;
};

static void add(struct panel *panel, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct panel *panel, const char *format, ...)
{
    char text[700];
    va_list args;

    va_start(args, format);
    bool whole = kms_text_vformat(text, sizeof(text), format, args);
    va_end(args);
    if (panel->status == KMS_OK) {
        panel->status = whole ? kms_buf_add_str(panel->out, text) : KMS_ETOOBIG;
    }
}

/* Names come from outside. */
static void add_escaped(struct panel *panel, const char *text)
{
    for (; *text != '\0' && panel->status == KMS_OK; text++) {
        const char *written = *text == '<'   ? "&lt;"
                              : *text == '>' ? "&gt;"
                              : *text == '&' ? "&amp;"
                              : *text == '"' ? "&quot;"
                                             : NULL;
        panel->status = written != NULL ? kms_buf_add_str(panel->out, written)
                                        : kms_buf_add(panel->out, text, 1);
    }
}

static double x_of(const struct panel *panel, int64_t at_s)
{
    int64_t span = panel->history->to_s - panel->history->from_s;

    return LEFT + (double)(at_s - panel->history->from_s) * PLOT_W / (double)span;
}

static double y_of(const struct panel *panel, int64_t count)
{
    return panel->y + TITLE_H + COUNT_H - (double)count * COUNT_H / (double)panel->top;
}

/* ---- frame and axes ---- */

static void add_text(struct panel *panel, double x, double y, const char *anchor,
                     const char *colour, const char *text)
{
    add(panel, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"%s\">", x, y, anchor, colour);
    add_escaped(panel, text);
    add(panel, "</text>\n");
}

static void add_rule(struct panel *panel, double x1, double x2, double y1, double y2,
                     const char *colour)
{
    add(panel, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n", x1, x2,
        y1, y2, colour);
}

static void add_scale(struct panel *panel)
{
    char label[32];
    int parts = panel->top % 5 == 0 ? 5 : 4; /* tops are round */

    for (int i = 0; i <= parts; i++) {
        int64_t count = panel->top * i / parts;
        add_rule(panel, LEFT, LEFT + PLOT_W, y_of(panel, count), y_of(panel, count), COLOUR_GRID);
        kms_text_format(label, sizeof(label), "%lld", (long long)count);
        add_text(panel, LEFT - 8, y_of(panel, count) + 4, "end", COLOUR_TEXT, label);
    }
}

/* The hour that goes on has not told all yet. */
static void add_now(struct panel *panel, double bottom)
{
    const struct kms_history *history = panel->history;
    char clock[16], label[64];

    if (kms_history_has_now(history)) {
        double x = x_of(panel, history->now_s);
        add_rule(panel, x, x, panel->y + TITLE_H, bottom + 24, COLOUR_TEXT);
        kms_history_clock(history->now_s, clock, sizeof(clock));
        kms_text_format(label, sizeof(label), "now, %s; this hour goes on", clock);
        add_text(panel, x, bottom + 38, "end", COLOUR_TEXT, label);
    }
}

static void add_dates(struct panel *panel)
{
    const struct kms_history *history = panel->history;
    int64_t step = kms_history_step(history->to_s - history->from_s, 8);
    double bottom = panel->y + TITLE_H + COUNT_H + GAP_H + REQUESTS_H;
    char date[32], zone[70], label[100];

    for (int64_t at_s = kms_history_mark(history->from_s, step); at_s <= history->to_s;
         at_s = kms_history_mark(at_s + 1, step)) {
        double x = x_of(panel, at_s);
        add_rule(panel, x, x, panel->y + TITLE_H, bottom + 5, COLOUR_GRID);
        kms_history_date(at_s, step, date, sizeof(date));
        add_text(panel, x, bottom + 20, "middle", COLOUR_TEXT, date);
    }
    kms_history_zone(history, zone, sizeof(zone));
    kms_text_format(label, sizeof(label), "times in %s", zone);
    add_text(panel, LEFT, bottom + 38, "start", COLOUR_TEXT, label);
    add_now(panel, bottom);
}

static void add_title(struct panel *panel)
{
    char words[400];

    kms_history_words(panel->history, panel->series, words, sizeof(words));
    add(panel, "<text x=\"%d\" y=\"%.1f\" font-size=\"16\" fill=\"" COLOUR_TEXT "\">", LEFT,
        panel->y + 18);
    add_escaped(panel, panel->history->host);
    add(panel, ", ");
    add_escaped(panel, panel->series->key);
    add(panel, "</text>\n");
    char *rest = strstr(words, "; "); /* all of it may be wider than the picture */
    if (rest != NULL) {
        *rest = '\0';
        add_text(panel, LEFT, panel->y + 52, "start", COLOUR_TEXT, rest + 2);
    }
    add_text(panel, LEFT, panel->y + 36, "start", COLOUR_TEXT, words);
}

static void add_threshold(struct panel *panel, int64_t value, const char *colour, const char *whom,
                          double shift)
{
    char label[48];

    if (value <= 0) {
        return;
    }
    add(panel,
        "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"1.5\" "
        "stroke-dasharray=\"6 4\"/>\n",
        LEFT, LEFT + PLOT_W, y_of(panel, value), y_of(panel, value), colour);
    kms_text_format(label, sizeof(label), "%lld %s", (long long)value, whom);
    add_text(panel, LEFT + PLOT_W + 8, y_of(panel, value) + 4 + shift, "start", colour, label);
}

/* Labels of lines that lie close together make way for each other. */
static void add_thresholds(struct panel *panel)
{
    int64_t clients, servers;

    kms_history_required(panel->series, &clients, &servers);
    double apart = y_of(panel, servers) - y_of(panel, clients);
    bool close = clients > 0 && servers > 0 && apart < 14;
    add_threshold(panel, clients, COLOUR_CLIENTS, "for clients", close ? -6 : 0);
    add_threshold(panel, servers, COLOUR_SERVERS, clients > 0 ? "for servers" : "required",
                  close ? 6 : 0);
}

/* ---- counts ---- */

/* Hours that share a point become one step: smallest, largest and last count. */
static void make_counts(struct panel *panel)
{
    const struct kms_history *history = panel->history;
    int64_t hours = (history->to_s - history->from_s) / KMS_HISTORY_HOUR_S;
    int64_t hours_a_step = (hours + PLOT_W - 1) / PLOT_W;
    size_t at = 0, count = 0;

    panel->step_s = (hours_a_step < 1 ? 1 : hours_a_step) * KMS_HISTORY_HOUR_S;
    panel->counts.point = calloc((size_t)(hours < 1 ? 1 : hours) + 1, sizeof(*panel->counts.point));
    if (panel->counts.point == NULL) {
        panel->status = KMS_ENOMEM;
        return;
    }
    for (int64_t s = history->from_s; s < history->to_s; s += panel->step_s) {
        struct kms_history_span span = kms_history_between(panel->series, s, s + panel->step_s,
                                                           &at);
        if (span.count_known) {
            panel->counts.point[count++] = (struct kms_history_point){.hour_s = s,
                                                                      .count_known = true,
                                                                      .last = span.last,
                                                                      .low = span.low,
                                                                      .high = span.high};
        }
    }
    panel->counts.count = count;
}

/* Where an unbroken run of known hours that begins at first ends; hours[i] and hours[i + 1] belong
 * to one run when nothing is missing between them. */
static size_t run_end(const struct panel *panel, size_t first)
{
    const struct kms_history_series *series = &panel->counts;
    size_t i = first;

    while (i + 1 < series->count && series->point[i + 1].count_known &&
           series->point[i + 1].hour_s - series->point[i].hour_s == panel->step_s) {
        i++;
    }
    return i + 1;
}

static void add_gap(struct panel *panel, int64_t from_s, int64_t to_s)
{
    double x = x_of(panel, from_s), width = x_of(panel, to_s) - x;

    if (to_s > from_s) {
        add(panel,
            "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"" COLOUR_GAP "\"/>\n",
            x, panel->y + TITLE_H, width, COUNT_H);
    }
    if (to_s > from_s && width > 100) {
        add_text(panel, x + width / 2, panel->y + TITLE_H + 14, "middle", COLOUR_WRITTEN,
                 "nothing known");
    }
}

/* The hour that goes on is none before it is kept. */
static void add_gaps(struct panel *panel)
{
    const struct kms_history *history = panel->history;
    int64_t from_s = history->from_s, end_s = history->to_s;

    if (kms_history_has_now(history)) {
        end_s = history->now_s - history->now_s % KMS_HISTORY_HOUR_S;
    }
    for (size_t i = 0; i < panel->counts.count; i++) {
        add_gap(panel, from_s, panel->counts.point[i].hour_s);
        from_s = panel->counts.point[i].hour_s + panel->step_s;
    }
    add_gap(panel, from_s, end_s);
}

static void add_band(struct panel *panel, size_t first, size_t end)
{
    const struct kms_history_point *point = panel->counts.point;

    add(panel, "<path fill=\"" COLOUR_BAND "\" d=\"M");
    for (size_t i = first; i < end; i++) {
        add(panel, "%.1f %.1f H%.1f L", x_of(panel, point[i].hour_s), y_of(panel, point[i].high),
            x_of(panel, point[i].hour_s + panel->step_s));
    }
    for (size_t i = end; i > first; i--) {
        add(panel, "%.1f %.1f H%.1f%s", x_of(panel, point[i - 1].hour_s + panel->step_s),
            y_of(panel, point[i - 1].low), x_of(panel, point[i - 1].hour_s),
            i - 1 > first ? " L" : "Z\"/>\n");
    }
}

static void add_line(struct panel *panel, size_t first, size_t end)
{
    const struct kms_history_point *point = panel->counts.point;

    add(panel, "<path fill=\"none\" stroke=\"" COLOUR_COUNT
               "\" stroke-width=\"1.6\" stroke-linejoin=\"round\" d=\"");
    for (size_t i = first; i < end; i++) {
        add(panel, "%s%.1f %.1f H%.1f", i == first ? "M" : " L", x_of(panel, point[i].hour_s),
            y_of(panel, point[i].last), x_of(panel, point[i].hour_s + panel->step_s));
    }
    add(panel, "\"/>\n");
}

static void add_counts(struct panel *panel)
{
    const struct kms_history_series *series = &panel->counts;

    for (int layer = 0; layer < 2; layer++) {
        for (size_t i = 0; i < series->count;) {
            if (!series->point[i].count_known) {
                i++;
                continue;
            }
            size_t end = run_end(panel, i);
            if (layer == 0) {
                add_band(panel, i, end);
            } else {
                add_line(panel, i, end);
            }
            i = end;
        }
        if (layer == 0) {
            add_thresholds(panel); /* between the band and the line */
        }
    }
}

/* ---- requests ---- */

static void add_bar(struct panel *panel, int64_t from_s, int64_t to_s, int64_t value,
                    const char *colour)
{
    double bottom = panel->y + TITLE_H + COUNT_H + GAP_H + REQUESTS_H;
    double height = (double)value * REQUESTS_H / (double)panel->most;
    double width = x_of(panel, to_s) - x_of(panel, from_s);

    if (value > 0) {
        add(panel, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n",
            x_of(panel, from_s), bottom - height, width > 1.5 ? width - 0.5 : 1.0, height, colour);
    }
}

/* A bar is no narrower than two points. */
static int64_t bar_s(const struct panel *panel)
{
    int64_t span = panel->history->to_s - panel->history->from_s;
    int64_t hours = span / KMS_HISTORY_HOUR_S * 2 / PLOT_W;

    return (hours < 1 ? 1 : hours) * KMS_HISTORY_HOUR_S;
}

static void add_requests(struct panel *panel)
{
    double bottom = panel->y + TITLE_H + COUNT_H + GAP_H + REQUESTS_H;
    int64_t step = bar_s(panel), first = panel->history->from_s;
    char label[64];
    size_t at = 0;

    panel->most = 0;
    for (int64_t s = first; s < panel->history->to_s; s += step) {
        struct kms_history_span span = kms_history_between(panel->series, s, s + step, &at);
        panel->most = span.requests > panel->most ? span.requests : panel->most;
    }
    kms_text_format(label, sizeof(label), "%lld", (long long)panel->most);
    add_text(panel, LEFT - 8, bottom - REQUESTS_H + 8, "end", COLOUR_TEXT, label);
    kms_text_format(label, sizeof(label),
                    step == KMS_HISTORY_HOUR_S ? "requests an hour" : "requests in %lld h",
                    (long long)(step / KMS_HISTORY_HOUR_S));
    add_text(panel, LEFT + PLOT_W + 8, bottom - REQUESTS_H / 2.0, "start", COLOUR_WRITTEN, label);
    add_text(panel, LEFT + PLOT_W + 8, bottom - REQUESTS_H / 2.0 + 16, "start", COLOUR_FAILED,
             "failed");
    at = 0;
    for (int64_t s = first; s < panel->history->to_s; s += step) {
        struct kms_history_span span = kms_history_between(panel->series, s, s + step, &at);
        if (span.requests_known) { /* none is another thing than not known */
            add_rule(panel, x_of(panel, s), x_of(panel, s + step), bottom, bottom, COLOUR_TEXT);
        }
        add_bar(panel, s, s + step, span.requests, COLOUR_REQUESTS);
        add_bar(panel, s, s + step, span.failed, COLOUR_FAILED);
    }
}

/* ---- all of it ---- */

/* Above the panels stands what is to be said of all of them. */
static int head_height(const struct kms_history *history)
{
    return history->is_past ? 40 : 10;
}

static enum kms_status add_head(const struct kms_history *history, struct kms_buf *out)
{
    struct panel panel = {.history = history, .out = out};
    char past[400];

    kms_history_past(history, past, sizeof(past));
    if (past[0] != '\0') {
        add(&panel, "<g font-size=\"14\" font-weight=\"bold\">");
        add_text(&panel, LEFT, 26, "start", COLOUR_FAILED, past);
        add(&panel, "</g>\n");
    }
    return panel.status;
}

static enum kms_status add_panel(const struct kms_history *history, size_t i, struct kms_buf *out)
{
    struct panel panel = {.history = history,
                          .series = &history->series[i],
                          .top = kms_history_top(&history->series[i]),
                          .y = head_height(history) + (double)i * PANEL_H,
                          .out = out};

    make_counts(&panel);
    add_title(&panel);
    add_gaps(&panel);
    add_dates(&panel);
    add_scale(&panel);
    add_counts(&panel);
    add_requests(&panel);
    free(panel.counts.point);
    return panel.status;
}

enum kms_status kms_history_svg(const struct kms_history *history, struct kms_buf *out)
{
    int height = head_height(history) + 10 + (int)history->count * PANEL_H;
    enum kms_status status = kms_buf_addf(out,
                                          "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                                          "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
                                          "height=\"%d\" viewBox=\"0 0 %d %d\" "
                                          "font-family=\"sans-serif\" font-size=\"12\">\n"
                                          "<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n",
                                          WIDTH, height, WIDTH, height, WIDTH, height);

    if (status == KMS_OK) {
        status = add_head(history, out);
    }
    for (size_t i = 0; status == KMS_OK && i < history->count; i++) {
        status = add_panel(history, i, out);
    }
    return status == KMS_OK ? kms_buf_add_str(out, "</svg>\n") : status;
}
