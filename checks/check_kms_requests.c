/* check_kms_requests: did the KMS host fail to serve requests lately? */
#include "frame.h"
#include "requests.h"
#include "show.h"

static void text_of(const struct kms_check *check, size_t key, char *dst, size_t size)
{
    kms_requests_text(check, key, dst, size);
}

static enum kms_state show(struct kms_check *check)
{
    enum kms_state state = KMS_STATE_OK;
    bool stale = kms_show_stale(check);

    if (!stale) {
        kms_show_first(check, text_of, kms_requests_state);
    }
    kms_requests_perf(check, true);
    for (size_t i = 0; i < check->judgement.key_count; i++) {
        enum kms_state of_key = stale ? KMS_STATE_UNKNOWN : kms_requests_state(check, i);
        state = kms_state_worse(state, of_key);
        kms_show_key_node(check, 0, i, of_key);
        kms_requests_node(check, 1, i, of_key);
        kms_requests_details(check, 1, i);
    }
    kms_show_source(check, 0);
    if (stale) {
        kms_show_advice(check, KMS_BIT(KMS_REASON_STALE));
    } else {
        kms_requests_advice(check);
    }
    return state;
}

static const struct kms_check_type type = {
    .name = "check_kms_requests",
    .purpose = "Checks whether requests to a KMS host failed in a trailing window.",
    .parts = KMS_CHECK_REQUESTS,
    .metric = "failed requests in the window, instead of --failed-...",
    .note = "A first run, or one after the counters were reset, starts the window.\n"
            "Where none can be kept, the counters since the host's installation are judged.",
    .show = show,
};

int main(int argc, char **argv)
{
    return kms_check_main(&type, argc, argv);
}
