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
#define LABEL_WIDTH 15

/* What stands in a cell. */
struct cell {
    uint8_t dots; /* of braille, or 1: a value, 2: the band */
    bool line;    /* of a threshold */
};

struct canvas {
    const struct kms_history *history;
    const struct kms_history_series *series;
    bool utf8;
    size_t width; /* of the whole */
    size_t columns;
    int64_t from_s;   /* of the first column */
    int64_t column_s; /* whole hours; 0: there are more columns than hours */
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
    int64_t span = canvas->history->to_s - canvas->from_s;

    return canvas->from_s + span * (int64_t)x / (int64_t)of;
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

/* Every column has as many hours, or every hour as many columns: else some would be higher than
 * others for no reason of the host's. */
static void divide(struct canvas *canvas)
{
    const struct kms_history *history = canvas->history;
    size_t room = canvas->width - LEFT - LABEL_WIDTH;
    int64_t span = history->to_s - history->from_s;
    size_t hours = span > KMS_HISTORY_HOUR_S ? (size_t)(span / KMS_HISTORY_HOUR_S) : 1;

    if (hours <= room) {
        canvas->columns = room / hours * hours;
        canvas->from_s = history->from_s;
        return;
    }
    size_t each = (hours + room - 1) / room;
    canvas->columns = (hours + each - 1) / each;
    canvas->column_s = (int64_t)each * KMS_HISTORY_HOUR_S;
    canvas->from_s = history->to_s - (int64_t)canvas->columns * canvas->column_s;
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
    if (clients > 0 && servers > 0 && height_of(canvas, clients) / dots_y(canvas) == up &&
        height_of(canvas, servers) / dots_y(canvas) == up) {
        return kms_buf_addf(canvas->out, " need %lld and %lld", (long long)clients,
                            (long long)servers);
    }
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

#define DATES_SIZE (WIDTH_MAX + 64)

/* Writes the date of a mark where there is room for it. */
static void put_date(const struct canvas *canvas, size_t x, const char *date, size_t zone_len,
                     char *dates, size_t *free_from)
{
    size_t len = strlen(date);

    if (x >= *free_from && LEFT + x + len + zone_len <= canvas->width) {
        for (size_t i = 0; i < len; i++) {
            dates[x + i] = date[i];
        }
        *free_from = x + len + 2;
    }
}

static const char *axis_sign(const struct canvas *canvas, bool is_now, bool is_mark)
{
    if (is_now) {
        return canvas->utf8 ? "\u25b2" : "^";
    }
    if (is_mark) {
        return canvas->utf8 ? "\u252c" : "+";
    }
    return canvas->utf8 ? "\u2500" : "-";
}

static enum kms_status end_axis(const struct canvas *canvas)
{
    char clock[16];

    if (!kms_history_has_now(canvas->history)) {
        return kms_buf_add_str(canvas->out, "\n");
    }
    kms_history_clock(canvas->history->now_s, clock, sizeof(clock));
    return kms_buf_addf(canvas->out, " now %s\n", clock);
}

static enum kms_status add_axis(const struct canvas *canvas)
{
    char dates[DATES_SIZE], date[32], zone[70];
    const struct kms_history *history = canvas->history;
    int64_t step = kms_history_step(history->to_s - canvas->from_s, canvas->columns / 16 + 1);
    int64_t mark = kms_history_mark(canvas->from_s, step);
    size_t free_from = 0;

    kms_history_zone(history, zone, sizeof(zone));
    memset(dates, ' ', sizeof(dates));
    enum kms_status status = kms_buf_addf(canvas->out, "%*s%s", LEFT - 1, "",
                                          canvas->utf8 ? "\u2514" : "+");
    for (size_t x = 0; status == KMS_OK && x < canvas->columns; x++) {
        int64_t from_s = time_of(canvas, x, canvas->columns);
        int64_t to_s = time_of(canvas, x + 1, canvas->columns);
        bool is_now = kms_history_has_now(history) && from_s <= history->now_s &&
                      history->now_s < to_s;
        bool is_mark = mark < to_s;
        if (is_mark) {
            kms_history_date(mark, step, date, sizeof(date));
            put_date(canvas, x, date, strlen(zone) + 3, dates, &free_from);
            mark = kms_history_mark(mark + 1, step);
        }
        status = kms_buf_add_str(canvas->out, axis_sign(canvas, is_now, is_mark));
    }
    size_t end = free_from > 2 ? free_from - 2 : 0;
    if (status == KMS_OK) {
        status = end_axis(canvas);
    }
    return status == KMS_OK
               ? kms_buf_addf(canvas->out, "%*s%.*s (%s)\n", LEFT, "", (int)end, dates, zone)
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

/* " max 82/3 h", the most in one column. */
static enum kms_status add_most(const struct canvas *canvas, int64_t most)
{
    int64_t hours = canvas->column_s > 0 ? canvas->column_s / KMS_HISTORY_HOUR_S : 1;
    const char *unit = "";

    if (most >= 100000) {
        unit = most >= 100000000 ? "M" : "k";
        most /= most >= 100000000 ? 1000000 : 1000;
    }
    return kms_buf_addf(canvas->out, " max %lld%s/%lld h\n", (long long)most, unit,
                        (long long)hours);
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
    return status == KMS_OK ? add_most(canvas, most) : status;
}

/* ---- all of it ---- */

/* A text in lines that fit; those after the first are set in. */
static enum kms_status add_lines(struct kms_buf *out, const char *text, size_t width)
{
    enum kms_status status = KMS_OK;
    size_t used = 0;

    while (status == KMS_OK && *text != '\0') {
        size_t len = strcspn(text, " ");
        bool breaks = used > 2 && used + 1 + len > width;
        const char *before = breaks ? "\n  " : used > 2 ? " " : "";
        status = kms_buf_addf(out, "%s%.*s", before, (int)len, text);
        used = (breaks ? 2 : used + strlen(before)) + len;
        text += len + strspn(text + len, " ");
    }
    return status == KMS_OK ? kms_buf_add_str(out, "\n") : status;
}

static enum kms_status plot_series(const struct kms_history *history,
                                   const struct kms_history_series *series, bool utf8, size_t width,
                                   struct kms_buf *out)
{
    char words[400], title[800];
    int64_t clients, servers;
    struct canvas canvas = {.history = history,
                            .series = series,
                            .utf8 = utf8,
                            .width = width,
                            .top = kms_history_top(series),
                            .out = out};

    divide(&canvas);
    canvas.cell = calloc(HEIGHT * canvas.columns, sizeof(struct cell));
    if (canvas.cell == NULL) {
        return KMS_ENOMEM;
    }
    kms_history_required(series, &clients, &servers);
    set_line(&canvas, clients);
    set_line(&canvas, servers);
    draw_count(&canvas);
    kms_history_words(history, series, words, sizeof(words));
    kms_text_format(title, sizeof(title), "%s, %s: %s", history->host, series->key, words);
    enum kms_status status = add_lines(out, title, width);
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
    char past[400];

    width = width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : width;
    kms_history_past(history, past, sizeof(past));
    if (past[0] != '\0') {
        status = add_lines(out, past, width);
    }
    for (size_t i = 0; status == KMS_OK && i < history->count; i++) {
        status = i > 0 ? kms_buf_add_str(out, "\n") : KMS_OK;
        if (status == KMS_OK) {
            status = plot_series(history, &history->series[i], style->utf8, width, out);
        }
    }
    return status;
}
