/* Fuzz harness of a request window's text: what is read can be added to and looked at, never makes
 * a span of no time, and is written to a text that is read to the same. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "model/window.h"

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

static void look(const struct kms_window *window)
{
    struct kms_window_idle idle;
    struct kms_window_view view = kms_window_look(window, 3600);
    require(window->count <= KMS_WINDOW_SAMPLES);
    require(!view.known || view.span_s > 0);
    require(view.failed_permille <= 1000);
    (void)kms_window_idle(window, &idle);
}

static void write_again(const struct kms_window *window, const struct kms_now *now)
{
    struct kms_buf text, again;
    struct kms_window back = {0};
    size_t used;
    kms_buf_init(&text, KMS_WINDOW_TEXT_LIMIT);
    kms_buf_init(&again, KMS_WINDOW_TEXT_LIMIT);
    require(kms_window_write(window, now, "b", &text) == KMS_OK);
    /* Times that run over what a text may hold are the only thing that is refused. */
    if (kms_window_read(kms_buf_str(&text), text.len, now, "b", &back, &used, NULL) == KMS_OK) {
        require(used == text.len);
        require(kms_window_write(&back, now, "b", &again) == KMS_OK);
        require(strcmp(kms_buf_str(&text), kms_buf_str(&again)) == 0);
    }
    kms_window_done(&back);
    kms_buf_done(&text);
    kms_buf_done(&again);
}

static void add(struct kms_window *window, const struct kms_window_reading *reading)
{
    require(kms_window_add(window, reading, 3600) == KMS_OK);
    look(window);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct kms_window window = {0};
    struct kms_fault fault = {.offset = 0};
    const struct kms_now now = {5000, 1700000000};
    size_t used;
    if (len == 0 ||
        kms_window_read((const char *)bytes, len, &now, "boot", &window, &used, &fault) != KMS_OK) {
        require(len == 0 || fault.text[0] != '\0');
        return 0;
    }
    require(used <= len);
    look(&window);
    write_again(&window, &now);
    kms_window_own(&window, &now, 1700000000);
    add(&window, &(struct kms_window_reading){.now = now, .total = 5, .failed = 1});
    add(&window, &(struct kms_window_reading){.now = {5060, 1700000060}, .total = 9, .failed = 1});
    add(&window, &(struct kms_window_reading){
                     .now = {5120, 1}, .data_s = 1700000000, .fingerprint = 7, .total = 3});
    write_again(&window, &now);
    kms_window_done(&window);
    return 0;
}
