/* Fuzz harness of the analysis of DNS answers: the verdict is one of the named ones, and sets are
 * in order. */
#include <stdlib.h>
#include <string.h>

#include "dns/srv.h"
#include "fuzz/fuzz.h"

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

static int is_named(enum kms_outcome outcome)
{
    return outcome == KMS_OUTCOME_OK || outcome == KMS_OUTCOME_DNS_NXDOMAIN ||
           outcome == KMS_OUTCOME_DNS_NODATA || outcome == KMS_OUTCOME_DNS_SERVFAIL ||
           outcome == KMS_OUTCOME_DNS_REFUSED || outcome == KMS_OUTCOME_DNS_NOT_SUPPORTED ||
           outcome == KMS_OUTCOME_DNS_NO_SERVICE || outcome == KMS_OUTCOME_DNS_TRUNCATED ||
           outcome == KMS_OUTCOME_DNS_LOOP || outcome == KMS_OUTCOME_DNS_MALFORMED;
}

static void check_set(const struct kms_srv_set *set)
{
    require(set->count > 0 && set->count <= KMS_SRV_MAX);
    for (size_t i = 0; i < set->count; i++) {
        const struct kms_srv *srv = &set->srv[i];
        require(srv->ttl <= INT32_MAX);
        require(srv->target[0] != '\0' && memchr(srv->target, '\0', sizeof srv->target) != NULL);
        require(kms_srv_usable(srv) != (srv->flaw >= KMS_SRV_NO_PORT));
        require(i == 0 || set->srv[i - 1].priority <= srv->priority);
        for (const char *p = srv->target; *p != '\0'; p++) {
            require(*p > 0x20 && *p < 0x7f);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct kms_srv_set set = {.srv = NULL};
    struct kms_fault fault = {.text = ""};
    enum kms_outcome outcome = kms_srv_read(bytes, len, "_vlmcs._tcp.kms.lab", &set, &fault);
    require(is_named(outcome));
    require((outcome == KMS_OUTCOME_OK) == (set.srv != NULL));
    require((outcome == KMS_OUTCOME_DNS_MALFORMED) == (fault.text[0] != '\0'));
    if (outcome == KMS_OUTCOME_OK) {
        check_set(&set);
    }
    kms_srv_set_done(&set);
    struct kms_dns_addresses found = {.count = 0};
    outcome = kms_dns_addresses_read(bytes, len, "kms1.kms.lab", &found, NULL);
    require(is_named(outcome) && found.count <= KMS_DNS_ADDR_MAX);
    require(outcome != KMS_OUTCOME_OK || found.count > 0);
    struct kms_ns_set servers = {.count = 0};
    struct kms_fault of_servers = {.text = ""};
    outcome = kms_ns_read(bytes, len, "kms.lab", &servers, &of_servers);
    require(is_named(outcome) && servers.count <= KMS_NS_MAX);
    require((outcome == KMS_OUTCOME_OK) == (servers.count > 0));
    require((outcome == KMS_OUTCOME_DNS_MALFORMED) == (of_servers.text[0] != '\0'));
    char alias[KMS_DNS_NAME_SIZE];
    if (kms_dns_alias_read(bytes, len, "_vlmcs._tcp.kms.lab", alias)) {
        require(alias[0] != '\0' && memchr(alias, '\0', sizeof alias) != NULL);
    }
    bool loops = kms_dns_alias_loops(bytes, len, "_vlmcs._tcp.kms.lab");
    require(!loops ||
            kms_srv_read(bytes, len, "_vlmcs._tcp.kms.lab", &set, NULL) != KMS_OUTCOME_OK);
    return 0;
}
