/* A trailing window over counters that belong to somebody else. */
#include "model/window.h"

#include <string.h>

static void drop_first(struct kms_window *window)
{
    memmove(&window->sample[0], &window->sample[1], (window->count - 1) * sizeof window->sample[0]);
    window->count--;
}

/* Keeps one sample at or before the edge: the window is measured from it. */
static void forget_old(struct kms_window *window, int64_t edge_s)
{
    while (window->count > 2 && window->sample[1].at_s <= edge_s) {
        drop_first(window);
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

void kms_window_add(struct kms_window *window, const struct kms_window_sample *sample,
                    int64_t keep_s)
{
    if (window->count > 0) {
        const struct kms_window_sample *last = &window->sample[window->count - 1];
        bool same_content = sample->fingerprint != 0 && sample->fingerprint == last->fingerprint;
        if (same_content || sample->at_s <= last->at_s) {
            return;
        }
        if (sample->total < last->total || sample->failed < last->failed) {
            window->count = 0;
            window->discontinuity_s = sample->at_s;
        }
    }
    if (window->count == KMS_WINDOW_SAMPLES) {
        thin_out(window);
    }
    window->sample[window->count++] = *sample;
    forget_old(window, sample->at_s - keep_s);
}

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
    const struct kms_window_sample *last = &window->sample[window->count - 1];
    size_t first = 0;
    while (first + 2 < window->count && window->sample[first + 1].at_s <= last->at_s - window_s) {
        first++;
    }
    const struct kms_window_sample *from = &window->sample[first];
    view.known = true;
    view.span_s = last->at_s - from->at_s;
    view.total = last->total - from->total;
    view.failed = last->failed - from->failed;
    uint64_t all = view.total > view.failed ? view.total : view.failed;
    view.failed_per_hour = scale(view.failed, 3600, (uint64_t)view.span_s);
    view.failed_permille = scale(view.failed, 1000, all);
    return view;
}
