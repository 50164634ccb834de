/* kmsmonHostTable: one row per KMS host. */
#include "agent/mib_table.h"

#include <arpa/inet.h>
#include <string.h>

#include "vocab/hostkey.h"

/* InetAddressType, RFC 4001 */
enum { ADDRESS_IPV4 = 1, ADDRESS_IPV6 = 2, ADDRESS_DNS = 16 };

enum judged { STATUS, COVERAGE, REASONS, SUMMARY, LAST_POLL, DATA_AGE, FAILURES };

static bool get_name(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    (void)what;
    return kms_mib_text(ret, view->snapshot->target->name);
}

static bool get_address_type(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    (void)what;
    const char *address = kms_target_address(view->snapshot->target);
    uint8_t octet[16];
    if (inet_pton(AF_INET, address, octet) == 1) {
        return kms_mib_number(ret, ADDRESS_IPV4);
    }
    return kms_mib_number(ret,
                          inet_pton(AF_INET6, address, octet) == 1 ? ADDRESS_IPV6 : ADDRESS_DNS);
}

static bool get_address(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    (void)what;
    const char *address = kms_target_address(view->snapshot->target);
    if (inet_pton(AF_INET, address, ret->octet) == 1) {
        ret->len = 4;
        return true;
    }
    if (inet_pton(AF_INET6, address, ret->octet) == 1) {
        ret->len = 16;
        return true;
    }
    return kms_mib_text(ret, address);
}

static bool get_port(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    (void)what;
    return kms_mib_number(ret, view->snapshot->target->port);
}

static bool get_origin(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    (void)what;
    return kms_mib_number(ret, view->snapshot->target->origin);
}

static int64_t last_poll_s(const struct kms_snapshot *snapshot)
{
    int64_t last_s = 0;
    for (size_t i = 0; i <= KMS_SOURCE_MAX; i++) {
        int64_t at_s = snapshot->tally[i].last_attempt_s;
        last_s = at_s > last_s ? at_s : last_s;
    }
    return last_s;
}

static uint32_t worst_failures(const struct kms_snapshot *snapshot)
{
    uint32_t worst = 0;
    for (size_t i = 0; i <= KMS_SOURCE_MAX; i++) {
        uint32_t failures = snapshot->tally[i].consecutive_failures;
        worst = failures > worst ? failures : worst;
    }
    return worst;
}

static bool get_judged(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    const struct kms_judgement *judgement = &view->snapshot->judgement;
    switch ((enum judged)what) {
    case STATUS:
        return kms_mib_number(ret, judgement->state);
    case COVERAGE:
        return kms_mib_bits(ret, judgement->coverage, kms_words_coverage());
    case REASONS:
        return kms_mib_bits(ret, judgement->reasons, kms_words_reason());
    case SUMMARY:
        return kms_mib_text(ret, judgement->summary);
    case LAST_POLL:
        return kms_mib_time(ret, last_poll_s(view->snapshot));
    case DATA_AGE:
        return judgement->data_known && kms_mib_age(ret, view->now_s, judgement->data_s);
    case FAILURES:
        return kms_mib_number(ret, worst_failures(view->snapshot));
    }
    return false;
}

static bool get_fact(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    return kms_mib_fact(ret, &view->snapshot->judgement.host, what);
}

static bool get_word(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    return kms_mib_word(ret, &view->snapshot->judgement.host, what);
}

/* The time until a bind was rejected is no latency of a KMS host. */
static bool get_rpc_latency(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    const struct kms_facts *host = &view->snapshot->judgement.host;
    int64_t state;
    return kms_facts_number(host, KMS_FACT_RPC_STATE, &state) && state == KMS_RPC_ACCEPTED &&
           kms_mib_fact(ret, host, what);
}

/* A host with several keys has several; the first that tells one stands for it. */
static const char *epid_of(const struct kms_judgement *judgement)
{
    for (size_t i = 0; i < judgement->key_count; i++) {
        const char *epid = kms_facts_text(&judgement->key[i].facts, KMS_FACT_EPID);
        if (epid != NULL) {
            return epid;
        }
    }
    return NULL;
}

static bool get_epid(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    (void)what;
    return kms_mib_text(ret, epid_of(&view->snapshot->judgement));
}

static bool get_os_build(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    if (get_fact(view, what, ret)) {
        return true;
    }
    const char *text = epid_of(&view->snapshot->judgement);
    struct kms_epid epid;
    return text != NULL && kms_epid_parse(text, &epid) && kms_mib_number(ret, epid.build);
}

static bool get_time(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    int64_t wall_s;
    return kms_facts_number(&view->snapshot->judgement.host, (enum kms_fact_id)what, &wall_s) &&
           kms_mib_time(ret, wall_s);
}

static const struct kms_mib_column columns[] = {
    {2, ASN_OCTET_STR, 0, get_name},
    {3, ASN_INTEGER, 0, get_address_type},
    {4, ASN_OCTET_STR, 0, get_address},
    {5, ASN_UNSIGNED, 0, get_port},
    {6, ASN_INTEGER, 0, get_origin},
    {7, ASN_INTEGER, STATUS, get_judged},
    {8, ASN_OCTET_STR, COVERAGE, get_judged},
    {9, ASN_OCTET_STR, REASONS, get_judged},
    {10, ASN_OCTET_STR, SUMMARY, get_judged},
    {11, ASN_INTEGER, KMS_FACT_RPC_STATE, get_word},
    {12, ASN_GAUGE, KMS_FACT_RPC_LATENCY, get_rpc_latency},
    {13, ASN_INTEGER, KMS_FACT_ACTIVATION_STATE, get_word},
    {14, ASN_UNSIGNED, KMS_FACT_ACTIVATION_RESULT, get_fact},
    {15, ASN_INTEGER, KMS_FACT_SERVICE_STATE, get_word},
    {16, ASN_OCTET_STR, KMS_FACT_SERVICE_VERSION, get_fact},
    {17, ASN_UNSIGNED, KMS_FACT_LISTENING_PORT, get_fact},
    {18, ASN_INTEGER, KMS_FACT_DNS_PUBLISHING, get_word},
    {19, ASN_INTEGER, KMS_FACT_PRIORITY, get_word},
    {20, ASN_OCTET_STR, KMS_FACT_TRUSTED_TIME, get_fact},
    {21, ASN_INTEGER, KMS_FACT_CLOCK_SKEW, get_fact},
    {22, ASN_GAUGE, KMS_FACT_IDLE_TIME, get_fact},
    {23, ASN_OCTET_STR, 0, get_epid},
    {24, ASN_UNSIGNED, KMS_FACT_OS_BUILD, get_os_build},
    {25, ASN_INTEGER, KMS_FACT_AUTHENTICITY, get_word},
    {26, ASN_OCTET_STR, LAST_POLL, get_judged},
    {27, ASN_GAUGE, DATA_AGE, get_judged},
    {28, ASN_GAUGE, FAILURES, get_judged},
    {29, ASN_INTEGER, KMS_FACT_NDR64, get_fact},
    {30, ASN_OCTET_STR, KMS_FACT_OS_VERSION, get_fact},
    {31, ASN_OCTET_STR, KMS_FACT_BOOT_TIME, get_time},
};

static void lay_out(const struct kms_snapshot *snapshot, size_t slot, struct kms_mib_rows *rows)
{
    kms_mib_rows_add(rows, slot, 0, snapshot->index, 0);
}

const struct kms_mib_table kms_mib_host_table = {.number = 2,
                                                 .index_len = 1,
                                                 .column = columns,
                                                 .column_count = KMS_COUNT_OF(columns),
                                                 .lay_out = lay_out};
