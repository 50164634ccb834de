/* The scalars under kmsmonAgent: the program itself and its hosts in numbers. */
#include "agent/mib_table.h"

enum notified { SENT, SUPPRESSED };
enum store { STORE_STATE, STORE_TEXT, STORE_SET_ASIDE };
enum total { HOSTS, PROBES, PROBES_FAILED, OVERALL };

static bool get_version(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    (void)view;
    (void)what;
    return kms_mib_text(ret, KMSMON_VERSION);
}

static bool get_total(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    struct kms_board_totals totals = kms_board_totals(view->board);
    switch ((enum total)what) {
    case HOSTS:
        return kms_mib_number(ret, totals.hosts);
    case PROBES:
        return kms_mib_number(ret, (int64_t)(totals.attempts & UINT32_MAX));
    case PROBES_FAILED:
        return kms_mib_number(ret, (int64_t)(totals.failures & UINT32_MAX));
    case OVERALL:
        return kms_mib_number(ret, totals.overall);
    }
    return false;
}

static bool get_hosts_in(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    struct kms_board_totals totals = kms_board_totals(view->board);
    return kms_mib_number(ret, totals.by_state[what]);
}

static bool get_interval(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    (void)what;
    return view->agent->interval_s > 0 && kms_mib_number(ret, view->agent->interval_s);
}

static bool get_poll_lag(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    (void)what;
    if (view->agent->poll_lag_ms == NULL) {
        return false;
    }
    int64_t lag_ms = view->agent->poll_lag_ms(view->agent->arg);
    return kms_mib_number(ret, lag_ms < 0 ? 0 : lag_ms);
}

static bool get_config_loaded(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    (void)what;
    return kms_mib_time(ret, view->agent->config_loaded_s);
}

static bool get_config_result(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    (void)what;
    return kms_mib_number(ret, view->agent->config_result);
}

static bool get_started(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    (void)what;
    return kms_mib_time(ret, view->agent->started_s);
}

static bool get_active_alarms(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    (void)what;
    return view->alarms->table != NULL &&
           kms_mib_number(ret, (int64_t)kms_alarms_count(view->alarms->table));
}

static bool get_notified(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    if (view->alarms->notified == NULL) {
        return false;
    }
    struct kms_mib_notified notified = view->alarms->notified(view->alarms->arg);
    uint64_t count = what == SENT ? notified.sent : notified.suppressed;
    return notified.known && kms_mib_number(ret, (int64_t)(count & UINT32_MAX));
}

static bool get_simulated(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    (void)what;
    return kms_mib_truth(ret, view->agent->simulated);
}

static bool get_store_text(const struct kms_keeper_view *store, struct kms_mib_value *ret)
{
    char text[KMS_MIB_TEXT_MAX + 1] = "";
    if (store->state != KMS_STORE_STATE_OK) {
        kms_text_format(text, sizeof text, "%s; %s", store->trouble, store->advice);
    }
    return kms_mib_text(ret, text);
}

static bool get_store(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    if (view->agent->store == NULL) {
        return false;
    }
    struct kms_keeper_view store = view->agent->store(view->agent->arg);
    switch ((enum store)what) {
    case STORE_STATE:
        return kms_mib_number(ret, store.state);
    case STORE_TEXT:
        return get_store_text(&store, ret);
    case STORE_SET_ASIDE:
        return kms_mib_time(ret, store.rebuilt_s);
    }
    return false;
}

static const struct kms_mib_column columns[] = {
    {1, ASN_OCTET_STR, 0, get_version},
    {2, ASN_INTEGER, OVERALL, get_total},
    {3, ASN_GAUGE, HOSTS, get_total},
    {4, ASN_GAUGE, KMS_STATE_OK, get_hosts_in},
    {5, ASN_GAUGE, KMS_STATE_WARNING, get_hosts_in},
    {6, ASN_GAUGE, KMS_STATE_CRITICAL, get_hosts_in},
    {7, ASN_GAUGE, KMS_STATE_UNKNOWN, get_hosts_in},
    {8, ASN_UNSIGNED, 0, get_interval},
    {9, ASN_COUNTER, PROBES, get_total},
    {10, ASN_COUNTER, PROBES_FAILED, get_total},
    {11, ASN_GAUGE, 0, get_poll_lag},
    {12, ASN_OCTET_STR, 0, get_config_loaded},
    {13, ASN_INTEGER, 0, get_config_result},
    {14, ASN_GAUGE, 0, get_active_alarms},
    {15, ASN_COUNTER, SENT, get_notified},
    {16, ASN_COUNTER, SUPPRESSED, get_notified},
    {17, ASN_OCTET_STR, 0, get_started},
    {18, ASN_INTEGER, 0, get_simulated},
    {19, ASN_INTEGER, STORE_STATE, get_store},
    {20, ASN_OCTET_STR, STORE_TEXT, get_store},
    {21, ASN_OCTET_STR, STORE_SET_ASIDE, get_store},
};

const struct kms_mib_table kms_mib_agent_table = {.number = 1,
                                                  .scalars = true,
                                                  .index_len = 1,
                                                  .column = columns,
                                                  .column_count = KMS_COUNT_OF(columns)};
