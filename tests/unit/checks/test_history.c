/* What an administrator sees of a history: local times, gaps, the hour that goes on, 80 columns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "checks/history.h"

#define HOUR_S INT64_C(3600)
#define DAY_S  (24 * HOUR_S)
/* Saturday, 21 November 2026, 14:00 UTC */
#define NOW_S  INT64_C(1795269600)
#define POINTS 400

struct stage {
    struct kms_history history;
    struct kms_history_point point[POINTS];
    struct kms_buf out;
};

static void use_zone(const char *zone)
{
    assert_int_equal(setenv("TZ", zone, 1), 0);
    tzset();
}

/* Hours that end with the present one; those from gap on are missing, gap_len of them. */
static void begin(struct stage *stage, size_t hours, size_t gap, size_t gap_len)
{
    struct kms_history *history = &stage->history;
    *stage = (struct stage){.history = {.host = "kms01.a-long-name.corp.example.com",
                                        .from_s = NOW_S + HOUR_S - (int64_t)hours * HOUR_S,
                                        .to_s = NOW_S + HOUR_S,
                                        .now_s = NOW_S + 720,
                                        .count = 1}};
    kms_text_copy(history->series[0].key, sizeof history->series[0].key, "Windows");
    history->series[0].point = stage->point;
    for (size_t i = 0; i < hours; i++) {
        if (i >= gap && i < gap + gap_len) {
            continue;
        }
        stage->point[history->series[0].count++] = (struct kms_history_point){
            .hour_s = history->from_s + (int64_t)i * HOUR_S,
            .count_known = true,
            .requests_known = true,
            .last = 30,
            .low = 20,
            .high = 31,
            .clients = 25,
            .servers = 5,
            .requests = 12345,
            .failed = 12};
    }
    kms_buf_init(&stage->out, 1 << 20);
}

static const char *plot(struct stage *stage, size_t width, bool utf8)
{
    const struct kms_history_style style = {.width = width, .utf8 = utf8};
    kms_buf_clear(&stage->out);
    assert_int_equal(kms_history_plot(&stage->history, &style, &stage->out), KMS_OK);
    return kms_buf_str(&stage->out);
}

static const char *draw(struct stage *stage)
{
    kms_buf_clear(&stage->out);
    assert_int_equal(kms_history_svg(&stage->history, &stage->out), KMS_OK);
    return kms_buf_str(&stage->out);
}

static void expect_in(const char *text, const char *wanted)
{
    if (!strstr(text, wanted)) {
        fail_msg("'%s' is not in:\n%s", wanted, text);
    }
}

/* The longest line, in characters. */
static size_t widest(const char *text)
{
    size_t most = 0;
    size_t at = 0;
    for (; *text; text++) {
        at = *text == '\n' ? 0 : at + (((unsigned char)*text & 0xC0) != 0x80 ? 1 : 0);
        most = at > most ? at : most;
    }
    return most;
}

/* The first line that begins so. */
static void copy_line(const char *text, const char *start, char *dst, size_t size)
{
    const char *at = strstr(text, start);
    assert_non_null(at);
    assert_true(kms_text_format(dst, size, "%.*s", (int)strcspn(at, "\n"), at));
}

/* ---- times ---- */

static void marks_are_local_midnights_over_the_end_of_summer_time(void **state)
{
    (void)state;
    char date[32];
    use_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    int64_t at_s = INT64_C(
        1792792800); /* 24 October 2026, 00:00 CEST; the clocks change on the 25th */
    assert_int_equal(kms_history_mark(at_s - 1, DAY_S), at_s);
    assert_int_equal(kms_history_mark(at_s, DAY_S), at_s);
    assert_int_equal(kms_history_mark(at_s + 1, DAY_S), at_s + DAY_S);
    assert_int_equal(kms_history_mark(at_s + DAY_S + 1, DAY_S), at_s + 2 * DAY_S + HOUR_S);
    kms_history_date(at_s + 2 * DAY_S + HOUR_S, HOUR_S, date, sizeof date);
    assert_string_equal(date, "26 Oct 00:00");
}

static void every_search_for_a_mark_moves_on(void **state)
{
    (void)state;
    static const char *const zones[] = {"UTC0", "CET-1CEST,M3.5.0,M10.5.0/3", "IST-5:30",
                                        "NST3:30NDT,M3.2.0,M11.1.0"};
    static const int64_t steps[] = {HOUR_S, 6 * HOUR_S, DAY_S, 7 * DAY_S};
    for (size_t i = 0; i < KMS_COUNT_OF(zones); i++) {
        use_zone(zones[i]);
        for (size_t k = 0; k < KMS_COUNT_OF(steps); k++) {
            int64_t at_s = NOW_S - 400 * DAY_S;
            while (at_s < NOW_S) {
                int64_t mark_s = kms_history_mark(at_s, steps[k]);
                assert_true(mark_s >= at_s && mark_s - at_s <= steps[k] + HOUR_S);
                at_s = mark_s + 1;
            }
        }
    }
}

static void weeks_begin_on_mondays(void **state)
{
    (void)state;
    char date[32];
    use_zone("UTC0");
    kms_history_date(kms_history_mark(NOW_S, 7 * DAY_S), 7 * DAY_S, date, sizeof date);
    assert_string_equal(date, "23 Nov");
}

static void the_zone_is_named_and_both_where_the_clocks_change(void **state)
{
    (void)state;
    char zone[70];
    struct kms_history history = {.from_s = NOW_S - 7 * DAY_S, .to_s = NOW_S};
    use_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    kms_history_zone(&history, zone, sizeof zone);
    assert_string_equal(zone, "CET");
    history.from_s = NOW_S - 30 * DAY_S;
    kms_history_zone(&history, zone, sizeof zone);
    assert_string_equal(zone, "CEST, CET");
}

/* ---- the plot ---- */

static void a_plot_is_no_wider_than_it_may_be(void **state)
{
    (void)state;
    static const size_t hours[] = {1, 24, 48, 57, 100, 168, 400};
    struct stage *stage = calloc(1, sizeof *stage);
    assert_non_null(stage);
    use_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    for (size_t i = 0; i < KMS_COUNT_OF(hours); i++) {
        for (size_t width = 60; width <= 200; width++) {
            begin(stage, hours[i], 3, 2);
            assert_in_range(widest(plot(stage, width, width % 2 == 0)), 1, width);
            kms_buf_done(&stage->out);
        }
    }
    free(stage);
}

static void a_plot_shows_thresholds_the_gap_and_the_hour_that_goes_on(void **state)
{
    (void)state;
    char line[200];
    struct stage *stage = calloc(1, sizeof *stage);
    assert_non_null(stage);
    use_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    begin(stage, 56, 10, 4);
    const char *text = plot(stage, 80, false);
    expect_in(text, "nothing is known of\n  4 hours\n");
    expect_in(text, " clients need\n");
    expect_in(text, " servers need\n");
    expect_in(text, "^ now 15:12\n");
    expect_in(text, " (CET)\n");
    copy_line(text, "requests ", line, sizeof line);
    assert_string_equal(line, "requests @@@@@@@@@@    "
                              "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@ max 12345/1 h");
    kms_buf_done(&stage->out);
    free(stage);
}

/* Else some columns would seem higher for no reason of the host's. */
static void every_column_has_as_many_hours(void **state)
{
    (void)state;
    char line[200];
    struct stage *stage = calloc(1, sizeof *stage);
    assert_non_null(stage);
    use_zone("UTC0");
    begin(stage, 168, 0, 0);
    copy_line(plot(stage, 80, false), "requests ", line, sizeof line);
    assert_string_equal(line, "requests @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@ "
                              "max 37035/3 h");
    kms_buf_done(&stage->out);
    free(stage);
}

static void a_host_of_the_past_has_no_hour_that_goes_on(void **state)
{
    (void)state;
    struct stage *stage = calloc(1, sizeof *stage);
    assert_non_null(stage);
    use_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    begin(stage, 24, 0, 0);
    stage->history.is_past = true;
    stage->history.last_s = NOW_S;
    const char *text = plot(stage, 97, true);
    expect_in(text, "kms01.a-long-name.corp.example.com is not watched any more; its last hour is "
                    "21 Nov 2026 15:00\n  CET\n");
    assert_null(strstr(text, " now "));
    text = draw(stage);
    expect_in(text, " is not watched any more; its last hour is 21 Nov 2026 15:00 CET</text>");
    assert_null(strstr(text, ">now, "));
    kms_buf_done(&stage->out);
    free(stage);
}

/* ---- the picture ---- */

static void a_picture_shows_the_gap_the_zone_and_the_hour_that_goes_on(void **state)
{
    (void)state;
    struct stage *stage = calloc(1, sizeof *stage);
    assert_non_null(stage);
    use_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    begin(stage, 56, 10, 20);
    const char *text = draw(stage);
    expect_in(text, ">nothing known</text>");
    expect_in(text, ">times in CET</text>");
    expect_in(text, ">now, 15:12; this hour goes on</text>");
    expect_in(text, ">25 for clients</text>");
    expect_in(text, ">5 for servers</text>");
    kms_buf_done(&stage->out);
    begin(stage, 56, 55, 1); /* the present hour is not kept yet: that is no gap */
    assert_null(strstr(draw(stage), "nothing"));
    kms_buf_done(&stage->out);
    free(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_are_local_midnights_over_the_end_of_summer_time),
        cmocka_unit_test(every_search_for_a_mark_moves_on),
        cmocka_unit_test(weeks_begin_on_mondays),
        cmocka_unit_test(the_zone_is_named_and_both_where_the_clocks_change),
        cmocka_unit_test(a_plot_is_no_wider_than_it_may_be),
        cmocka_unit_test(a_plot_shows_thresholds_the_gap_and_the_hour_that_goes_on),
        cmocka_unit_test(every_column_has_as_many_hours),
        cmocka_unit_test(a_host_of_the_past_has_no_hour_that_goes_on),
        cmocka_unit_test(a_picture_shows_the_gap_the_zone_and_the_hour_that_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
