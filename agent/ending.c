/* The end of the daemon: at a signal what is under way may come to its end for a moment; at a
 * second one it may not. */
#include "agent/ending.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static const int stop_signals[] = {SIGTERM, SIGINT};

enum stage { RUNNING, LEAVING, OVER };

struct kms_ending {
    struct kms_ending_config config;
    struct kms_signal *signal[KMS_COUNT_OF(stop_signals)];
    struct kms_timer *patience;
    enum stage stage;
};

static void end(struct kms_ending *ending)
{
    ending->stage = OVER;
    kms_timer_stop(ending->patience);
    kms_loop_stop(ending->config.loop);
}

void kms_ending_ready(struct kms_ending *ending)
{
    if (ending->stage == LEAVING) {
        end(ending);
    }
}

static void waited(void *arg)
{
    struct kms_ending *ending = arg;
    kms_log_write(ending->config.log, KMS_LOG_WARNING,
                  "stop: the master agent did not confirm a notification within %lld ms; the next "
                  "start sends it again",
                  (long long)ending->config.wait_ms);
    end(ending);
}

static void signalled(void *arg, int number)
{
    struct kms_ending *ending = arg;
    if (ending->stage == OVER) {
        return;
    }
    kms_log_write(ending->config.log, KMS_LOG_INFO, "stop: SIG%s%s", sigabbrev_np(number),
                  ending->stage == LEAVING ? " again, at once" : "");
    if (ending->stage == LEAVING) {
        end(ending);
        return;
    }
    ending->stage = LEAVING;
    kms_timer_set_real(ending->patience, ending->config.wait_ms);
    ending->config.leave(ending->config.arg);
}

struct kms_ending *kms_ending_new(const struct kms_ending_config *config)
{
    struct kms_ending *ending = calloc(1, sizeof *ending);
    if (!ending) {
        return NULL;
    }
    ending->config = *config;
    ending->patience = kms_timer_new(config->loop, waited, ending);
    bool complete = ending->patience != NULL;
    for (size_t i = 0; i < KMS_COUNT_OF(stop_signals) && complete; i++) {
        ending->signal[i] = kms_signal_new(config->loop, stop_signals[i], signalled, ending);
        complete = ending->signal[i] != NULL;
    }
    if (!complete) {
        kms_ending_free(ending);
        return NULL;
    }
    return ending;
}

void kms_ending_over(struct kms_ending *ending)
{
    if (ending) {
        ending->stage = OVER;
        kms_timer_stop(ending->patience);
    }
}

void kms_ending_free(struct kms_ending *ending)
{
    if (!ending) {
        return;
    }
    for (size_t i = 0; i < KMS_COUNT_OF(stop_signals); i++) {
        kms_signal_free(ending->signal[i]);
    }
    kms_timer_free(ending->patience);
    free(ending);
}
