/* A history in the terminal: the count against its thresholds, requests below, gaps where nothing
 * is known. */
#include "history.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define WIDTH_MIN   40
#define WIDTH_MAX   240
#define WIDTH_FILE  80 /* where there is no terminal */
#define HEIGHT      12
#define LEFT        9 /* of the numbers */
#define DOTS_X      2 /* of a cell, in braille */
#define DOTS_Y      4
#define LABEL_WIDTH 14

/* What stands in a cell. */
struct cell {
    uint8_t dots; /* of braille, or 1: a value, 2: the band */
    bool line;    /* of a threshold */
};

struct canvas {
    const struct kms_history *history;
    const struct kms_history_series *series;
    bool utf8;
    size_t columns;
    int64_t top;
    struct cell *cell; /* HEIGHT rows from the top */
    struct kms_buf *out;
};

static size_t dots_x(const struct canvas *canvas)
{
    return canvas->utf8 ? DOTS_X : 1;
}

static size_t dots_y(const struct canvas *canvas)
{
    return canvas->utf8 ? DOTS_Y : 1;
}

/* Row of dots from the bottom. */
static size_t height_of(const struct canvas *canvas, int64_t value)
{
    size_t rows = HEIGHT * dots_y(canvas);
    int64_t at = value * (int64_t)rows / canvas->top;

    return at < 0 ? 0 : at >= (int64_t)rows ? rows - 1 : (size_t)at;
}

static void set_dot(struct canvas *canvas, size_t x, size_t y)
{
    static const uint8_t dots[DOTS_Y][DOTS_X] = {
        {0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    size_t from_top = HEIGHT * dots_y(canvas) - 1 - y;
    struct cell *cell =
        &canvas->cell[from_top / dots_y(canvas) * canvas->columns + x / dots_x(canvas)];

    cell->dots |= canvas->utf8 ? dots[from_top % DOTS_Y][x % DOTS_X] : 1;
}

static void set_bar(struct canvas *canvas, size_t x, int64_t low, int64_t high)
{
    for (size_t y = height_of(canvas, low); y <= height_of(canvas, high); y++) {
        set_dot(canvas, x, y);
    }
}

static void set_line(struct canvas *canvas, int64_t value)
{
    size_t row = HEIGHT - 1 - height_of(canvas, value) / dots_y(canvas);

    for (size_t x = 0; value > 0 && x < canvas->columns; x++) {
        canvas->cell[row * canvas->columns + x].line = true;
    }
}

static int64_t time_of(const struct canvas *canvas, size_t x, size_t of)
{
    int64_t span = canvas->history->to_s - canvas->history->from_s;

    return canvas->history->from_s + span * (int64_t)x / (int64_t)of;
}

/* Where a column is narrower than an hour it has what its hour has. */
static struct kms_history_span span_of(const struct canvas *canvas, size_t x, size_t of, size_t *at)
{
    int64_t from_s = time_of(canvas, x, of), to_s = time_of(canvas, x + 1, of);

    if (to_s - from_s < KMS_HISTORY_HOUR_S) {
        from_s -= from_s % KMS_HISTORY_HOUR_S;
        to_s = from_s + KMS_HISTORY_HOUR_S;
        *at = *at > 0 ? *at - 1 : 0;
    }
    return kms_history_between(canvas->series, from_s, to_s, at);
}

/* Neighbours are joined, so that a jump is a line. */
static void draw_count(struct canvas *canvas)
{
    size_t of = canvas->columns * dots_x(canvas), at = 0;
    struct kms_history_span span = {.low = 0}, before = {.low = 0};

    for (size_t x = 0; x < of; x++) {
        before = span;
        span = span_of(canvas, x, of, &at);
        if (!span.count_known) {
            continue;
        }
        int64_t low = span.low, high = span.high;
        if (before.count_known) {
            low = before.last < low ? before.last : low;
            high = before.last > high ? before.last : high;
        }
        set_bar(canvas, x, low, high);
    }
}

static enum kms_status add_cell(const struct canvas *canvas, const struct cell *cell)
{
    if (cell->dots == 0) {
        const char *line = canvas->utf8 ? "\u2500" : "-";
        return kms_buf_add_str(canvas->out, cell->line ? line : " ");
    }
    return canvas->utf8 ? kms_buf_add_utf8(canvas->out, 0x2800U + cell->dots)
                        : kms_buf_add_str(canvas->out, "*");
}

/* The number of the row's lower edge where it means something, and what a threshold is for. */
static enum kms_status add_scale(const struct canvas *canvas, size_t row)
{
    int64_t clients, servers, shown = -1;
    const char *mark = canvas->utf8 ? "\u2524" : "|", *plain = canvas->utf8 ? "\u2502" : "|";

    kms_history_required(canvas->series, &clients, &servers);
    size_t up = HEIGHT - 1 - row;
    if (up == 0) {
        shown = 0;
    } else if (row == 0) {
        shown = canvas->top;
    }
    if (servers > 0 && height_of(canvas, servers) / dots_y(canvas) == up) {
        shown = servers;
    }
    if (clients > 0 && height_of(canvas, clients) / dots_y(canvas) == up) {
        shown = clients;
    }
    return shown < 0 ? kms_buf_addf(canvas->out, "%*s%s", LEFT - 1, "", plain)
                     : kms_buf_addf(canvas->out, "%*lld%s", LEFT - 1, (long long)shown, mark);
}

static enum kms_status add_label(const struct canvas *canvas, size_t row)
{
    int64_t clients, servers;
    size_t up = HEIGHT - 1 - row;

    kms_history_required(canvas->series, &clients, &servers);
    if (clients > 0 && height_of(canvas, clients) / dots_y(canvas) == up) {
        return kms_buf_add_str(canvas->out, " clients need");
    }
    if (servers > 0 && height_of(canvas, servers) / dots_y(canvas) == up) {
        return kms_buf_add_str(canvas->out, clients > 0 ? " servers need" : " required");
    }
    return KMS_OK;
}

static enum kms_status add_rows(const struct canvas *canvas)
{
    enum kms_status status = KMS_OK;

    for (size_t row = 0; status == KMS_OK && row < HEIGHT; row++) {
        status = add_scale(canvas, row);
        for (size_t x = 0; status == KMS_OK && x < canvas->columns; x++) {
            status = add_cell(canvas, &canvas->cell[row * canvas->columns + x]);
        }
        if (status == KMS_OK) {
            status = add_label(canvas, row);
        }
        if (status == KMS_OK) {
            status = kms_buf_add_str(canvas->out, "\n");
        }
    }
    return status;
}

/* ---- the axis ---- */

static enum kms_status add_axis(const struct canvas *canvas)
{
    char dates[WIDTH_MAX + 40], date[32];
    const struct kms_history *history = canvas->history;
    int64_t span = history->to_s - history->from_s,
            step = kms_history_tick(span, canvas->columns / 16 + 1);
    size_t free_from = 0;

    memset(dates, ' ', sizeof(dates));
    enum kms_status status = kms_buf_addf(canvas->out, "%*s%s", LEFT - 1, "",
                                          canvas->utf8 ? "\u2514" : "+");
    int64_t first = (history->from_s + step - 1) / step * step;
    for (size_t x = 0; status == KMS_OK && x < canvas->columns; x++) {
        bool tick = first < history->to_s && time_of(canvas, x + 1, canvas->columns) > first;
        if (tick) {
            kms_history_date(first, step, date, sizeof(date));
            if (x >= free_from && x + strlen(date) < canvas->columns + 12) {
                for (size_t k = 0; date[k] != '\0'; k++) {
                    dates[x + k] = date[k];
                }
                free_from = x + strlen(date) + 2;
            }
            first += step;
        }
        status = kms_buf_add_str(canvas->out, !canvas->utf8 ? (tick ? "+" : "-")
                                              : tick        ? "\u252c"
                                                            : "\u2500");
    }
    size_t end = free_from > 2 ? free_from - 2 : 0;
    return status == KMS_OK
               ? kms_buf_addf(canvas->out, "\n%*s%.*s (UTC)\n", LEFT, "", (int)end, dates)
               : status;
}

/* ---- requests ---- */

static enum kms_status add_bar(const struct canvas *canvas, bool known, int64_t value, int64_t most)
{
    static const char *const blocks[] = {"\u2581", "\u2582", "\u2583", "\u2584",
                                         "\u2585", "\u2586", "\u2587", "\u2588"};
    static const char *const ascii[] = {".", ":", "-", "=", "+", "*", "#", "@"};

    if (!known) {
        return kms_buf_add_str(canvas->out, " ");
    }
    if (value <= 0) {
        return kms_buf_add_str(canvas->out, canvas->utf8 ? "\u00b7" : "_");
    }
    size_t at = (size_t)((value * 8 - 1) / (most > 0 ? most : 1));
    at = at > 7 ? 7 : at;
    return kms_buf_add_str(canvas->out, canvas->utf8 ? blocks[at] : ascii[at]);
}

static int64_t value_of(const struct kms_history_span *span, bool failed)
{
    return failed ? span->failed : span->requests;
}

static enum kms_status add_requests(const struct canvas *canvas, bool failed)
{
    int64_t most = 0;
    bool any = false;
    size_t at = 0;

    for (size_t x = 0; x < canvas->columns; x++) {
        struct kms_history_span span = span_of(canvas, x, canvas->columns, &at);
        any = any || span.requests_known;
        most = value_of(&span, failed) > most ? value_of(&span, failed) : most;
    }
    if (!any) {
        return KMS_OK;
    }
    enum kms_status status = kms_buf_addf(canvas->out, "%*s ", LEFT - 1,
                                          failed ? "failed" : "requests");
    at = 0;
    for (size_t x = 0; status == KMS_OK && x < canvas->columns; x++) {
        struct kms_history_span span = span_of(canvas, x, canvas->columns, &at);
        status = add_bar(canvas, span.requests_known, value_of(&span, failed), most);
    }
    return status == KMS_OK ? kms_buf_addf(canvas->out, " %lld at most\n", (long long)most)
                            : status;
}

/* ---- all of it ---- */

static enum kms_status plot_series(const struct kms_history *history,
                                   const struct kms_history_series *series, bool utf8, size_t width,
                                   struct kms_buf *out)
{
    char words[300];
    int64_t clients, servers;
    struct canvas canvas = {.history = history,
                            .series = series,
                            .utf8 = utf8,
                            .columns = width - LEFT - LABEL_WIDTH,
                            .top = kms_history_top(series),
                            .out = out};

    canvas.cell = calloc(HEIGHT * canvas.columns, sizeof(struct cell));
    if (canvas.cell == NULL) {
        return KMS_ENOMEM;
    }
    kms_history_required(series, &clients, &servers);
    set_line(&canvas, clients);
    set_line(&canvas, servers);
    draw_count(&canvas);
    kms_history_words(series, words, sizeof(words));
    enum kms_status status = kms_buf_addf(out, "%s, %s: %s\n", history->host, series->key, words);
    if (status == KMS_OK) {
        status = add_rows(&canvas);
    }
    if (status == KMS_OK) {
        status = add_axis(&canvas);
    }
    if (status == KMS_OK) {
        status = add_requests(&canvas, false);
    }
    if (status == KMS_OK) {
        status = add_requests(&canvas, true);
    }
    free(canvas.cell);
    return status;
}

enum kms_status kms_history_plot(const struct kms_history *history,
                                 const struct kms_history_style *style, struct kms_buf *out)
{
    size_t width = style->width == 0 ? WIDTH_FILE : style->width;
    enum kms_status status = KMS_OK;

    width = width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : width;
    for (size_t i = 0; status == KMS_OK && i < history->count; i++) {
        status = i > 0 ? kms_buf_add_str(out, "\n") : KMS_OK;
        if (status == KMS_OK) {
            status = plot_series(history, &history->series[i], style->utf8, width, out);
        }
    }
    return status;
}
