/* One question at a time for each domain, and a bound on how many domains are asked about at once.
 */
#include "agent/authorities.h"

#include <stdlib.h>

#include "agent/play.h"
#include "agent/turns.h"
#include "base/text.h"

/* One domain. */
struct inquiry {
    struct kms_authorities *of;
    size_t zone;
    struct kms_dns_domain answer; /* of the resolver */
    struct kms_authority_probe *probe;
    struct kms_turn turn;
    bool busy; /* it waits or runs */
};

struct kms_authorities {
    struct kms_authorities_config config;
    struct inquiry **inquiry; /* by zone; NULL: none yet */
    size_t count;
    struct kms_turns turns;
};

static const char *name_of(const struct inquiry *inquiry)
{
    return kms_zones_get(inquiry->of->config.zones, inquiry->zone)->name;
}

static void publish(struct kms_authorities *authorities, size_t zone,
                    const struct kms_zone_servers *servers)
{
    const struct kms_authorities_config *config = &authorities->config;
    enum kms_status status = kms_zones_publish_servers(config->zones, zone, servers);
    if (status != KMS_OK) {
        config->failed(config->arg, kms_zones_get(config->zones, zone)->name, status);
    }
}

static void forget(struct inquiry *inquiry)
{
    kms_dns_domain_done(&inquiry->answer);
    inquiry->busy = false;
}

static void answered(void *arg, const struct kms_authority *authority)
{
    struct inquiry *inquiry = arg;
    struct kms_authorities *of = inquiry->of;
    struct kms_authority_verdict verdict;
    inquiry->probe = NULL;
    kms_authority_judge(authority, &inquiry->answer, &verdict);
    struct kms_zone_servers servers = {.known = verdict.known,
                                       .differ = verdict.differ,
                                       .disagree = verdict.differ || verdict.resolver_differs};
    kms_authority_text(authority, &inquiry->answer, servers.text, sizeof servers.text);
    forget(inquiry);
    publish(of, inquiry->zone, &servers);
    kms_turns_end(&of->turns);
}

static bool start(void *arg)
{
    struct inquiry *inquiry = arg;
    const struct kms_authorities_config *config = &inquiry->of->config;
    const struct kms_authority_setup setup = {
        .servers = config->servers, .port = config->port, .timeout_ms = config->timeout_ms};
    inquiry->probe = kms_authority_start(config->env->resolver, config->env->loop, name_of(inquiry),
                                         &setup, answered, inquiry);
    if (!inquiry->probe) {
        forget(inquiry);
        config->failed(config->arg, name_of(inquiry), KMS_ENOMEM);
    }
    return inquiry->probe != NULL;
}

static bool grow(struct kms_authorities *authorities, size_t count)
{
    if (count <= authorities->count) {
        return true;
    }
    struct inquiry **grown = realloc(authorities->inquiry, count * sizeof(struct inquiry *));
    if (!grown) {
        return false;
    }
    authorities->inquiry = grown;
    while (authorities->count < count) {
        grown[authorities->count++] = NULL;
    }
    return true;
}

static struct inquiry *inquiry_of(struct kms_authorities *authorities, size_t zone)
{
    if (!grow(authorities, zone + 1)) {
        return NULL;
    }
    struct inquiry *inquiry = authorities->inquiry[zone];
    if (!inquiry) {
        inquiry = calloc(1, sizeof *inquiry);
        if (!inquiry) {
            return NULL;
        }
        *inquiry = (struct inquiry){
            .of = authorities, .zone = zone, .turn = {.start = start, .arg = inquiry}};
        authorities->inquiry[zone] = inquiry;
    }
    return inquiry;
}

/* What they said is recorded as it was judged. */
static void play(struct kms_authorities *authorities, size_t zone)
{
    const struct kms_authorities_config *config = &authorities->config;
    struct kms_zone_servers servers = {.known = false};
    (void)kms_play_servers(config->env->play, kms_zones_get(config->zones, zone)->name, &servers);
    publish(authorities, zone, &servers);
}

void kms_authorities_ask(struct kms_authorities *authorities, size_t zone,
                         const struct kms_dns_domain *answer)
{
    const struct kms_authorities_config *config = &authorities->config;
    bool is_answer = answer->outcome == KMS_OUTCOME_OK ||
                     answer->outcome == KMS_OUTCOME_DNS_NXDOMAIN ||
                     answer->outcome == KMS_OUTCOME_DNS_NODATA ||
                     answer->outcome == KMS_OUTCOME_DNS_NO_SERVICE;
    if (!is_answer) {
        const struct kms_zone_servers unknown = {.known = false};
        publish(authorities, zone, &unknown);
        return;
    }
    if (config->env->play) {
        play(authorities, zone);
        return;
    }
    struct inquiry *inquiry = inquiry_of(authorities, zone);
    if (inquiry && inquiry->busy) {
        return;
    }
    if (!inquiry || !kms_dns_domain_copy(&inquiry->answer, answer, NULL)) {
        config->failed(config->arg, kms_zones_get(config->zones, zone)->name, KMS_ENOMEM);
        return;
    }
    inquiry->busy = true;
    kms_turns_ask(&authorities->turns, &inquiry->turn);
}

void kms_authorities_set(struct kms_authorities *authorities, const char *servers,
                         int64_t timeout_ms)
{
    authorities->config.servers = servers;
    authorities->config.timeout_ms = timeout_ms;
}

void kms_authorities_forget(struct kms_authorities *authorities, size_t zone)
{
    struct inquiry *inquiry = zone < authorities->count ? authorities->inquiry[zone] : NULL;
    if (!inquiry || !inquiry->busy) {
        return;
    }
    bool ran = inquiry->probe != NULL;
    kms_turns_forget(&authorities->turns, &inquiry->turn);
    kms_authority_cancel(inquiry->probe);
    inquiry->probe = NULL;
    forget(inquiry);
    if (ran) {
        kms_turns_end(&authorities->turns);
    }
}

struct kms_authorities *kms_authorities_new(const struct kms_authorities_config *config)
{
    struct kms_authorities *authorities = calloc(1, sizeof *authorities);
    if (authorities) {
        authorities->config = *config;
        authorities->turns.max = KMS_AUTHORITIES_IN_FLIGHT_MAX;
    }
    return authorities;
}

void kms_authorities_free(struct kms_authorities *authorities)
{
    if (!authorities) {
        return;
    }
    for (size_t i = 0; i < authorities->count; i++) {
        if (authorities->inquiry[i]) {
            kms_authority_cancel(authorities->inquiry[i]->probe);
            kms_dns_domain_done(&authorities->inquiry[i]->answer);
            free(authorities->inquiry[i]);
        }
    }
    free(authorities->inquiry);
    free(authorities);
}
