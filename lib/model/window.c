/* A trailing window over counters that belong to somebody else. */
#include "model/window.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST   4
#define SPACING_MAX  300 /* seconds: a host may be polled as seldom, and no sample is lost */
#define SPACING_PART 24  /* of the time that samples are kept */
/* A report may be late by so much; one that is older still has a clock that was set. */
#define LATE_MAX_S (INT64_C(3) * 86400)

void kms_window_done(struct kms_window *window)
{
    free(window->sample);
    *window = (struct kms_window){0};
}

enum kms_status kms_window_copy(struct kms_window *ret, const struct kms_window *from)
{
    struct kms_window made = *from;
    made.sample = NULL;
    made.cap = from->count;
    if (from->count > 0) {
        made.sample = malloc(from->count * sizeof *made.sample);
        if (!made.sample) {
            return KMS_ENOMEM;
        }
        memcpy(made.sample, from->sample, from->count * sizeof *made.sample);
    }
    *ret = made;
    return KMS_OK;
}

static struct kms_window_sample *last_of(const struct kms_window *window)
{
    return &window->sample[window->count - 1];
}

/* ---- room ---- */

/* For one more sample; what is there stays. */
static bool make_room(struct kms_window *window)
{
    if (window->count < window->cap || window->count == KMS_WINDOW_SAMPLES) {
        return true;
    }
    size_t cap = window->cap ? window->cap * 2 : ROOM_FIRST;
    cap = cap > KMS_WINDOW_SAMPLES ? KMS_WINDOW_SAMPLES : cap;
    struct kms_window_sample *grown = realloc(window->sample, cap * sizeof *grown);
    if (!grown) {
        return false;
    }
    window->sample = grown;
    window->cap = cap;
    return true;
}

/* Keeps one sample at or before the edge: the window is measured from it. */
static void forget_old(struct kms_window *window, int64_t edge_s)
{
    size_t gone = 0;
    while (window->count - gone > 2 && window->sample[gone + 1].at_s <= edge_s) {
        gone++;
    }
    if (gone > 0) {
        window->count -= gone;
        memmove(&window->sample[0], &window->sample[gone],
                window->count * sizeof window->sample[0]);
    }
}

/* Makes room by giving up every second sample but the oldest and the youngest. */
static void thin_out(struct kms_window *window)
{
    size_t kept = 1;
    for (size_t i = 2; i < window->count; i += 2) {
        window->sample[kept++] = window->sample[i];
    }
    if ((window->count - 1) % 2 != 0) {
        window->sample[kept++] = window->sample[window->count - 1];
    }
    window->count = kept;
}

/* The youngest gives way when it stands so close to the one before that nothing is lost. */
static void append(struct kms_window *window, const struct kms_window_sample *sample,
                   int64_t keep_s)
{
    int64_t spacing = keep_s / SPACING_PART < SPACING_MAX ? keep_s / SPACING_PART : SPACING_MAX;
    size_t n = window->count;
    if (n >= 2 && window->sample[n - 1].at_s - window->sample[n - 2].at_s < spacing) {
        window->sample[n - 1] = *sample;
    } else {
        if (n == KMS_WINDOW_SAMPLES) {
            thin_out(window);
        }
        window->sample[window->count++] = *sample;
    }
    forget_old(window, sample->at_s - keep_s);
}

/* ---- one more reading ---- */

/* How old what was told is, by the wall clock of now. */
static int64_t age_of(const struct kms_window_reading *reading)
{
    int64_t age = reading->data_s == 0 ? 0 : reading->now.wall_s - reading->data_s;
    return age > 0 ? age : 0;
}

/* Between the arrivals of the last sample and of this reading; at least one second. */
static int64_t arrivals_to(const struct kms_window *window,
                           const struct kms_window_reading *reading)
{
    int64_t passed = reading->now.steady_s - window->arrived.steady_s;
    return passed > 1 ? passed : 1;
}

/* By how much the wall clock was set forward between the two; 0 when it was not. */
static int64_t set_forward(const struct kms_window *window,
                           const struct kms_window_reading *reading)
{
    int64_t jump = reading->now.wall_s - window->arrived.wall_s -
                   (reading->now.steady_s - window->arrived.steady_s);
    return jump > 0 ? jump : 0;
}

/* Between what the last sample shows and what this reading does; ret_age_s: how old the latter is,
 * by the same reckoning. */
static int64_t span_to(const struct kms_window *window, const struct kms_window_reading *reading,
                       int64_t *ret_age_s)
{
    int64_t arrivals = arrivals_to(window, reading);
    *ret_age_s = age_of(reading);
    if (reading->data_s == 0 || window->data_s == 0) {
        return arrivals;
    }
    int64_t told = reading->data_s - window->data_s;
    /* A clock that was wrong when the last sample came did not know how old that was. */
    int64_t age = window->age_s + set_forward(window, reading);
    if (told >= arrivals && told <= arrivals + age) {
        *ret_age_s = arrivals + age - told;
        return told;
    }
    bool late = told < arrivals && window->age_s + arrivals - told <= LATE_MAX_S;
    *ret_age_s = window->age_s + (late ? arrivals - told : 0);
    return arrivals;
}

/* What a host is capable of in that span. */
static uint64_t capable(int64_t span_s)
{
    return KMS_WINDOW_BURST + (uint64_t)KMS_WINDOW_PER_S * (uint64_t)span_s;
}

static bool goes_on(uint32_t was, uint32_t is, int64_t span_s)
{
    uint32_t growth = is - was; /* modulo 2^32 */
    return growth <= capable(span_s) && (is >= was || growth <= KMS_WINDOW_WRAP_MAX);
}

/* Whether this is an older report that was put back, as far as one can tell. Two that follow each
 * other are a host that began to count again and whose clock was set back. */
static bool is_odd(const struct kms_window *window, const struct kms_window_reading *reading)
{
    const struct kms_window_sample *last = last_of(window);
    bool less = reading->total < last->total || reading->failed < last->failed;
    bool before = window->data_s != 0 && reading->data_s != 0 && reading->data_s < window->data_s;
    if (!less || !before) {
        return false;
    }
    bool follows = window->odd.is && reading->data_s > window->odd.data_s &&
                   reading->total >= window->odd.total && reading->failed >= window->odd.failed;
    return !follows;
}

static void note_odd(struct kms_window *window, const struct kms_window_reading *reading)
{
    window->odd.is = true;
    window->odd.data_s = reading->data_s;
    window->odd.fingerprint = reading->fingerprint;
    window->odd.total = reading->total;
    window->odd.failed = reading->failed;
}

static bool is_news(const struct kms_window *window, const struct kms_window_reading *reading)
{
    int64_t last_s = window->odd.is ? window->odd.data_s : window->data_s;
    if (reading->by_file && reading->data_s > last_s) {
        return true;
    }
    if (reading->fingerprint != 0) {
        return reading->fingerprint != window->fingerprint &&
               (!window->odd.is || reading->fingerprint != window->odd.fingerprint);
    }
    return reading->data_s == 0 ? window->adrift || reading->now.steady_s > window->arrived.steady_s
                                : reading->data_s != window->data_s;
}

/* Steady: when what the last sample shows was true. */
static int64_t moment_of(const struct kms_window *window)
{
    return window->arrived.steady_s - window->age_s;
}

/* Requests that are not our own make the host busy. increase: since the sample before, or since the
 * host began to count. */
static void note_growth(struct kms_window *window, uint32_t increase)
{
    if (increase > window->own) {
        window->grown = true;
        window->grown_s = last_of(window)->at_s;
        window->own = 0;
        return;
    }
    window->own -= increase;
    if (moment_of(window) > window->own_s) {
        window->own = 0; /* the host did not count it, whatever became of it */
    }
}

static void begin(struct kms_window *window, const struct kms_window_reading *reading, int64_t at_s)
{
    window->count = 1;
    window->sample[0] = (struct kms_window_sample){
        .at_s = at_s, .total = reading->total, .failed = reading->failed};
}

static void note_arrival(struct kms_window *window, const struct kms_window_reading *reading,
                         int64_t age_s)
{
    window->arrived = reading->now;
    window->age_s = age_s;
    window->data_s = reading->data_s;
    window->fingerprint = reading->fingerprint;
    window->application = reading->application;
    window->adrift = false;
    window->odd.is = false;
    window->changed = true;
}

static void note_reset(struct kms_window *window, const struct kms_window_reading *reading)
{
    window->discontinuity_s = reading->data_s ? reading->data_s : reading->now.wall_s;
}

/* The first sample, or the first after a time of which nothing is known. */
static void watch(struct kms_window *window, const struct kms_window_reading *reading)
{
    int64_t age_s = age_of(reading);
    begin(window, reading, reading->now.steady_s - age_s);
    note_arrival(window, reading, age_s);
    window->grown = false;
    window->own = 0;
    window->since_s = window->sample[0].at_s;
}

static void compare(struct kms_window *window, const struct kms_window_reading *reading,
                    int64_t keep_s)
{
    const struct kms_window_sample was = *last_of(window);
    int64_t age_s;
    int64_t span_s = span_to(window, reading, &age_s);
    bool same = goes_on(was.total, reading->total, span_s) &&
                goes_on(was.failed, reading->failed, span_s);
    if (same) {
        const struct kms_window_sample sample = {
            .at_s = was.at_s + span_s, .total = reading->total, .failed = reading->failed};
        append(window, &sample, keep_s);
    } else {
        begin(window, reading, was.at_s + span_s);
        note_reset(window, reading);
    }
    note_arrival(window, reading, age_s);
    note_growth(window, same ? reading->total - was.total : reading->total);
}

enum kms_status kms_window_add(struct kms_window *window, const struct kms_window_reading *reading,
                               int64_t keep_s)
{
    if (!make_room(window)) {
        return KMS_ENOMEM;
    }
    if (window->count == 0) {
        watch(window, reading);
        return KMS_OK;
    }
    if (!is_news(window, reading)) {
        return KMS_OK;
    }
    if (is_odd(window, reading)) {
        note_odd(window, reading);
        return KMS_OK;
    }
    if (!window->adrift) {
        compare(window, reading, keep_s);
        return KMS_OK;
    }
    const struct kms_window_sample *was = last_of(window);
    if (reading->total < was->total || reading->failed < was->failed) {
        note_reset(window, reading);
    }
    watch(window, reading);
    return KMS_OK;
}

void kms_window_own(struct kms_window *window, const struct kms_now *now, int64_t asked_s)
{
    if (window->count == 0 || asked_s == window->own_wall) {
        return;
    }
    int64_t age = now->wall_s > asked_s ? now->wall_s - asked_s : 0;
    window->own_wall = asked_s;
    window->own_s = now->steady_s - age;
    window->changed = true;
    /* What was asked before the last sample is in it. */
    if (!window->adrift && window->own_s >= moment_of(window)) {
        window->own++;
    }
}

/* ---- looking ---- */

static uint32_t scale(uint64_t number, uint64_t by, uint64_t over)
{
    uint64_t value = over ? (number * by + over / 2) / over : 0;
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

struct kms_window_view kms_window_look(const struct kms_window *window, int64_t window_s)
{
    struct kms_window_view view = {0};
    if (!window || window->count < 2) {
        return view;
    }
    const struct kms_window_sample *last = last_of(window);
    size_t first = 0;
    while (first + 2 < window->count && window->sample[first + 1].at_s <= last->at_s - window_s) {
        first++;
    }
    const struct kms_window_sample *from = &window->sample[first];
    view.known = true;
    view.span_s = last->at_s - from->at_s;
    view.total = last->total - from->total; /* modulo 2^32, as the host counts */
    view.failed = last->failed - from->failed;
    uint64_t all = view.total > view.failed ? view.total : view.failed;
    view.rate_known = view.span_s >= KMS_WINDOW_RATE_SPAN_S;
    if (view.rate_known) {
        view.total_per_hour = scale(view.total, 3600, (uint64_t)view.span_s);
        view.failed_per_hour = scale(view.failed, 3600, (uint64_t)view.span_s);
    }
    view.failed_permille = scale(view.failed, 1000, all);
    return view;
}

bool kms_window_idle(const struct kms_window *window, struct kms_window_idle *ret)
{
    if (!window || window->count == 0) {
        return false;
    }
    int64_t last_s = last_of(window)->at_s;
    *ret = (struct kms_window_idle){.grown = window->grown,
                                    .idle_s = window->grown ? last_s - window->grown_s : 0,
                                    .watched_s = last_s - window->since_s};
    return true;
}
