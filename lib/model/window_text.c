/* A request window as lines, and back, on another clock. */
#include "model/window.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"

#define BELIEVED_S (INT64_C(31) * 86400) /* between two starts of the machine */
#define TIME_MAX   (INT64_C(1) << 40)    /* so that no sum of a few runs over */

enum kms_status kms_window_write(const struct kms_window *window, const struct kms_now *now,
                                 const char *boot, struct kms_buf *buf)
{
    enum kms_status status = kms_buf_addf(
        buf, "window 1\nwritten %" PRId64 " %" PRId64 " %s\nkey %u %" PRId64 "\n", now->steady_s,
        now->wall_s, boot[0] ? boot : "-", (unsigned)window->application, window->discontinuity_s);
    if (status == KMS_OK && window->count > 0) {
        status = kms_buf_addf(
            buf,
            "last %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRIu64 " %d\n"
            "idle %d %" PRId64 " %" PRId64 " %" PRIu32 " %" PRId64 " %" PRId64 "\n",
            window->arrived.steady_s, window->arrived.wall_s, window->age_s, window->data_s,
            window->fingerprint, window->adrift, window->grown, window->grown_s, window->since_s,
            window->own, window->own_s, window->own_wall);
    }
    for (size_t i = 0; i < window->count && status == KMS_OK; i++) {
        const struct kms_window_sample *sample = &window->sample[i];
        status = kms_buf_addf(buf, "sample %" PRId64 " %" PRIu32 " %" PRIu32 "\n", sample->at_s,
                              sample->total, sample->failed);
    }
    return status == KMS_OK ? kms_buf_add_str(buf, "end\n") : status;
}

/* ---- reading ---- */

struct reading {
    const struct kms_now *now;
    const char *boot;
    bool headed, written, keyed, has_last, has_idle, ended;
    int64_t passed_s; /* steady: what to add to times of then */
    bool adrift;
    struct kms_window window;
    struct kms_window_sample sample[KMS_WINDOW_SAMPLES];
};

static bool next_time(struct kms_rd *line, int64_t *ret)
{
    char word[32];
    return kms_rd_word(line, word, sizeof word) && kms_text_i64(word, ret) && *ret <= TIME_MAX &&
           *ret >= -TIME_MAX;
}

static bool next_u64(struct kms_rd *line, uint64_t max, uint64_t *ret)
{
    char word[32];
    return kms_rd_word(line, word, sizeof word) && kms_text_u64(word, ret) && *ret <= max;
}

static bool next_u32(struct kms_rd *line, uint32_t *ret)
{
    uint64_t value;
    if (!next_u64(line, UINT32_MAX, &value)) {
        return false;
    }
    *ret = (uint32_t)value;
    return true;
}

static bool next_flag(struct kms_rd *line, bool *ret)
{
    uint64_t value;
    if (!next_u64(line, 1, &value)) {
        return false;
    }
    *ret = value != 0;
    return true;
}

/* How long ago that was, and what its steady times are now. */
static bool read_written(struct reading *reading, struct kms_rd *line)
{
    int64_t steady_s, wall_s;
    char boot[KMS_BOOT_SIZE];
    if (!next_time(line, &steady_s) || !next_time(line, &wall_s) ||
        !kms_rd_word(line, boot, sizeof boot)) {
        return false;
    }
    reading->written = true;
    if (kms_text_equal(boot, reading->boot) && reading->now->steady_s >= steady_s) {
        return true;
    }
    int64_t ago = reading->now->wall_s - wall_s;
    reading->adrift = ago < 0 || ago > BELIEVED_S;
    reading->passed_s = reading->now->steady_s - steady_s - (reading->adrift ? 0 : ago);
    return true;
}

static bool read_key(struct reading *reading, struct kms_rd *line)
{
    uint64_t application;
    if (!next_u64(line, KMS_APPLICATION_MAX, &application) ||
        !next_time(line, &reading->window.discontinuity_s)) {
        return false;
    }
    reading->window.application = (enum kms_application)application;
    reading->keyed = true;
    return true;
}

static bool read_last(struct reading *reading, struct kms_rd *line)
{
    struct kms_window *window = &reading->window;
    bool adrift;
    if (!next_time(line, &window->arrived.steady_s) || !next_time(line, &window->arrived.wall_s) ||
        !next_time(line, &window->age_s) || !next_time(line, &window->data_s) ||
        !next_u64(line, UINT64_MAX, &window->fingerprint) || !next_flag(line, &adrift) ||
        window->age_s < 0) {
        return false;
    }
    window->adrift = adrift || reading->adrift;
    window->arrived.steady_s += reading->passed_s;
    reading->has_last = true;
    return true;
}

static bool read_idle(struct reading *reading, struct kms_rd *line)
{
    struct kms_window *window = &reading->window;
    if (!next_flag(line, &window->grown) || !next_time(line, &window->grown_s) ||
        !next_time(line, &window->since_s) || !next_u32(line, &window->own) ||
        !next_time(line, &window->own_s) || !next_time(line, &window->own_wall)) {
        return false;
    }
    window->own_s += reading->passed_s;
    reading->has_idle = true;
    return true;
}

static bool read_sample(struct reading *reading, struct kms_rd *line)
{
    struct kms_window *window = &reading->window;
    struct kms_window_sample sample;
    if (!reading->has_last || !reading->has_idle || window->count == KMS_WINDOW_SAMPLES ||
        !next_time(line, &sample.at_s) || !next_u32(line, &sample.total) ||
        !next_u32(line, &sample.failed)) {
        return false;
    }
    if (window->count > 0 && sample.at_s <= reading->sample[window->count - 1].at_s) {
        return false; /* what the window relies on; the file may have been edited */
    }
    reading->sample[window->count++] = sample;
    return true;
}

/* Each line once, in its order; only samples are many. */
static bool read_line(struct reading *reading, const char *text, size_t len)
{
    struct kms_rd line = kms_rd_over(text, len);
    char word[16];
    uint64_t version;
    bool ok = kms_rd_word(&line, word, sizeof word);
    if (!ok) {
        return false;
    }
    if (!reading->headed) {
        reading->headed = kms_text_equal(word, "window") && next_u64(&line, 1, &version) &&
                          version == 1;
        ok = reading->headed;
    } else if (!reading->written) {
        ok = kms_text_equal(word, "written") && read_written(reading, &line);
    } else if (!reading->keyed) {
        ok = kms_text_equal(word, "key") && read_key(reading, &line);
    } else if (kms_text_equal(word, "last") && !reading->has_last) {
        ok = read_last(reading, &line);
    } else if (kms_text_equal(word, "idle") && !reading->has_idle) {
        ok = read_idle(reading, &line);
    } else if (kms_text_equal(word, "sample")) {
        ok = read_sample(reading, &line);
    } else {
        reading->ended = kms_text_equal(word, "end");
        ok = reading->ended;
    }
    return ok && kms_rd_left(&line) == 0;
}

enum kms_status kms_window_read(const char *text, size_t len, const struct kms_now *now,
                                const char *boot, struct kms_window *ret, size_t *ret_used,
                                struct kms_fault *fault)
{
    struct reading reading = {.now = now, .boot = boot};
    struct kms_rd rd = kms_rd_over(text, len);
    const char *line;
    size_t line_len, number = 0;
    while (!reading.ended && kms_rd_line(&rd, &line, &line_len)) {
        number++;
        if (!read_line(&reading, line, line_len)) {
            return kms_fault_set(fault, KMS_EINVAL, number, "this is no line of a request window");
        }
    }
    if (!reading.ended || (reading.has_last && reading.window.count == 0)) {
        return kms_fault_set(fault, KMS_EINVAL, number, "the request window is incomplete");
    }
    reading.window.sample = reading.sample;
    enum kms_status status = kms_window_copy(ret, &reading.window);
    if (status == KMS_OK) {
        *ret_used = rd.at;
    }
    return status;
}
