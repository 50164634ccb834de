/* Judges one SRV record for plugins and commands. */
#include "record_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/zone_share.h"

/* ---- the site's list ---- */

bool kms_expected_read(const char *text, uint16_t preset, struct kms_expected *ret)
{
    struct kms_expected made = {.port = preset};
    const char *colon = strrchr(text, ':');
    const char *end = text + strlen(text);
    uint64_t port = preset;
    bool bracketed = text[0] == '[';
    if (bracketed) {
        const char *close = strchr(text, ']');
        if (!close || (close[1] != '\0' && close[1] != ':')) {
            return false;
        }
        colon = close[1] == ':' ? close + 1 : NULL;
        text++;
        end = close;
    } else if (colon && strchr(text, ':') != colon) {
        colon = NULL; /* a bare IPv6 address */
    } else if (colon) {
        end = colon;
    }
    size_t len = (size_t)(end - text);
    if (len == 0 || len >= sizeof made.host ||
        (colon && (!kms_text_u64(colon + 1, &port) || port == 0 || port > UINT16_MAX))) {
        return false;
    }
    memcpy(made.host, text, len);
    made.port = (uint16_t)port;
    struct kms_address address;
    bool is_address = kms_address_parse(made.host, 0, &address);
    if (!is_address && (bracketed || strchr(made.host, ':') || !kms_dns_domain_plain(made.host))) {
        return false;
    }
    *ret = made;
    return true;
}

enum kms_status kms_expected_add(struct kms_expected_list *list, const struct kms_expected *entry)
{
    struct kms_expected *grown = realloc(list->entry, (list->count + 1) * sizeof *grown);
    if (!grown) {
        return KMS_ENOMEM;
    }
    grown[list->count++] = *entry;
    list->entry = grown;
    return KMS_OK;
}

void kms_expected_done(struct kms_expected_list *list)
{
    free(list->entry);
    *list = (struct kms_expected_list){.entry = NULL};
}

enum kms_expected_match kms_expected_match(const struct kms_expected_list *list,
                                           const struct kms_dns_domain *domain,
                                           const struct kms_srv *srv)
{
    enum kms_expected_match match = KMS_EXPECTED_NOT;
    for (size_t i = 0; i < list->count; i++) {
        if (!kms_dns_names_host(domain, srv, list->entry[i].host)) {
            continue;
        }
        if (list->entry[i].port == srv->port) {
            return KMS_EXPECTED_YES;
        }
        match = KMS_EXPECTED_ELSEWHERE;
    }
    return match;
}

/* ---- one record ---- */

bool kms_record_no_address(enum kms_outcome address)
{
    return address == KMS_OUTCOME_DNS_NXDOMAIN || address == KMS_OUTCOME_DNS_NODATA ||
           address == KMS_OUTCOME_DNS_LOOP;
}

bool kms_record_lost(enum kms_srv_state state)
{
    return state == KMS_SRV_DEAD || state == KMS_SRV_UNRESOLVABLE || state == KMS_SRV_WRONG_PORT;
}

enum kms_srv_state kms_record_state(const struct kms_record_evidence *e)
{
    if (e->srv->flaw == KMS_SRV_ROOT || e->srv->flaw == KMS_SRV_ADDRESS ||
        kms_record_no_address(e->address)) {
        return KMS_SRV_UNRESOLVABLE;
    }
    if (e->match == KMS_EXPECTED_ELSEWHERE) {
        return KMS_SRV_WRONG_PORT;
    }
    if (!kms_srv_usable(e->srv)) {
        return KMS_SRV_DEAD;
    }
    if (e->address != KMS_OUTCOME_OK || e->probe == KMS_OUTCOME_NONE) {
        return KMS_SRV_UNKNOWN;
    }
    if (!kms_outcome_good(e->probe)) {
        bool ours = kms_outcome_row(e->probe)->kind == KMS_OUTCOME_IS_OURS;
        return ours ? KMS_SRV_UNKNOWN : KMS_SRV_DEAD;
    }
    return e->site_lists && e->match == KMS_EXPECTED_NOT ? KMS_SRV_ROGUE : KMS_SRV_HEALTHY;
}

bool kms_record_shares(const struct kms_srv *srv, size_t count, uint32_t *ret_share,
                       uint32_t *ret_uniform)
{
    struct kms_zone_choice *choice = calloc(count + 1, sizeof *choice);
    for (size_t i = 0; choice && i < count; i++) {
        /* One that stands there twice has no second share: clients sort it out as one. */
        choice[i] = (struct kms_zone_choice){.priority = srv[i].priority,
                                             .weight = srv[i].weight,
                                             .usable = srv[i].flaw == KMS_SRV_SOUND};
    }
    if (choice) {
        kms_zone_choice_shares(choice, count, KMS_ZONE_CLIENTS_RFC, ret_share);
        kms_zone_choice_shares(choice, count, KMS_ZONE_CLIENTS_UNIFORM, ret_uniform);
    }
    bool whole = choice != NULL;
    free(choice);
    return whole;
}
