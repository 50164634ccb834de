/* The watched domains as a whole: what the configuration wants of them, at the start and when it
 * changes. */
#include "agent/lookups.h"

#include <stdlib.h>

#include "agent/lookups_memory.h"
#include "agent/lookups_parts.h"

/* ---- whom they lead to, and who answers for them ---- */

static void strangers_changed(void *arg)
{
    kms_lookups_poke(arg);
}

static bool open_strangers(struct kms_lookups *l)
{
    const struct kms_lookups_config *config = &l->config;
    if (!config->bind) {
        return true;
    }
    const struct kms_strangers_config strangers = {.env = config->env,
                                                   .bind = config->bind,
                                                   .zones = config->zones,
                                                   .interval_ms = config->interval_ms,
                                                   .timeout_ms = config->rpc_timeout_ms,
                                                   .changed = strangers_changed,
                                                   .arg = l};
    l->strangers = kms_strangers_new(&strangers);
    if (l->strangers) {
        kms_zones_set_strangers(config->zones, kms_strangers_state, l->strangers);
        kms_lookups_hosts_set_strangers(l->hosts, l->strangers);
    }
    return l->strangers != NULL;
}

static void close_strangers(struct kms_lookups *l)
{
    kms_zones_set_strangers(l->config.zones, NULL, NULL);
    kms_lookups_hosts_set_strangers(l->hosts, NULL);
    kms_strangers_free(l->strangers);
    l->strangers = NULL;
}

/* What was found out of them is kept unless nobody asks them any more. */
static bool change_strangers(struct kms_lookups *l)
{
    if (!l->config.bind) {
        if (l->strangers) {
            close_strangers(l);
        }
        return true;
    }
    if (l->strangers) {
        kms_strangers_set_times(l->strangers, l->config.interval_ms, l->config.rpc_timeout_ms);
        return true;
    }
    return open_strangers(l);
}

static void servers_failed(void *arg, const char *domain, enum kms_status status)
{
    const struct kms_lookups *l = arg;
    kms_lookups_complain(&l->config, domain, status);
}

static bool open_authorities(struct kms_lookups *l)
{
    const struct kms_lookups_config *config = &l->config;
    if (!config->ask_servers) {
        return true;
    }
    const struct kms_authorities_config authorities = {.env = config->env,
                                                       .zones = config->zones,
                                                       .servers = config->servers,
                                                       .port = config->servers_port,
                                                       .timeout_ms = config->timeout_ms,
                                                       .failed = servers_failed,
                                                       .arg = l};
    l->authorities = kms_authorities_new(&authorities);
    return l->authorities != NULL;
}

static bool change_authorities(struct kms_lookups *l)
{
    if (!l->config.ask_servers) {
        kms_authorities_free(l->authorities);
        l->authorities = NULL;
        return true;
    }
    if (l->authorities) {
        kms_authorities_set(l->authorities, l->config.servers, l->config.timeout_ms);
        return true;
    }
    return open_authorities(l);
}

/* Nobody asks the servers of a zone: what they said is not known any more. */
static enum kms_status forget_servers(struct kms_lookups *l)
{
    const struct kms_zone_servers unknown = {.known = false};
    enum kms_status status = KMS_OK;
    for (size_t i = 0; status == KMS_OK && !l->config.ask_servers && i < l->count; i++) {
        if (kms_zones_get(l->config.zones, l->lookup[i]->zone)->servers.known) {
            status = kms_zones_publish_servers(l->config.zones, l->lookup[i]->zone, &unknown);
        }
    }
    return status;
}

/* ---- from the start to the end ---- */

static bool recall(struct kms_lookups *l)
{
    kms_zones_forget_after(l->config.zones, (l->config.forget_after_ms + 999) / 1000);
    return !l->config.seen ||
           kms_lookups_recall(&l->config, &l->discovery, l->config.seen) == KMS_OK;
}

struct kms_lookups *kms_lookups_new(const struct kms_lookups_config *config)
{
    struct kms_lookups *l = calloc(1, sizeof *l);
    if (!l) {
        return NULL;
    }
    *l = (struct kms_lookups){.config = *config, .turns = {.max = KMS_LOOKUPS_IN_FLIGHT_MAX}};
    l->hosts = kms_lookups_hosts_new(&l->config);
    if (!l->hosts || !open_strangers(l) || !open_authorities(l) || !kms_lookups_add_domains(l) ||
        !recall(l) || !kms_lookups_hosts_grow(l->hosts)) {
        kms_lookups_free(l);
        return NULL;
    }
    kms_lookups_plan_first_round(l, 0);
    return l;
}

void kms_lookups_free(struct kms_lookups *l)
{
    if (!l) {
        return;
    }
    for (size_t i = 0; i < l->count; i++) {
        kms_lookup_free(l->lookup[i]);
    }
    if (l->strangers) {
        kms_zones_set_strangers(l->config.zones, NULL, NULL);
    }
    kms_strangers_free(l->strangers);
    kms_authorities_free(l->authorities);
    kms_lookups_hosts_free(l->hosts);
    kms_discover_done(&l->discovery);
    free(l->lookup);
    free(l->of_zone);
    free(l);
}

/* ---- other wishes ---- */

bool kms_lookups_is_settled(const struct kms_lookups *l)
{
    return kms_lookups_hosts_is_settled(l->hosts);
}

void kms_lookups_hold(struct kms_lookups *l, bool held)
{
    l->held = held;
}

void kms_lookups_forget_host(struct kms_lookups *l, size_t slot)
{
    kms_discover_forget(&l->discovery, slot);
    kms_lookups_hosts_forget(l->hosts, slot);
}

void kms_lookups_poke(struct kms_lookups *l)
{
    kms_lookups_hosts_poke(l->hosts);
}

static void take_over(struct kms_lookups *l, const struct kms_lookups_config *config)
{
    l->config = *config;
    l->config.seen = NULL;
    kms_zones_forget_after(l->config.zones, (l->config.forget_after_ms + 999) / 1000);
    kms_zones_set_site_lists(l->config.zones, config->site_lists);
}

enum kms_status kms_lookups_change(struct kms_lookups *l, const struct kms_lookups_config *config)
{
    take_over(l, config);
    if (kms_discover_review(&l->config, &l->discovery) > 0) {
        kms_lookups_hosts_forget_retired(l->hosts);
    }
    size_t new_from = l->count;
    bool whole = kms_lookups_wish_nothing(l) == KMS_OK && kms_lookups_add_domains(l);
    kms_lookups_plan_first_round(l, new_from);
    if (!whole || !change_authorities(l) || !change_strangers(l) || forget_servers(l) != KMS_OK ||
        !kms_lookups_hosts_grow(l->hosts)) {
        return KMS_ENOMEM;
    }
    kms_lookups_drop_unwanted(l);
    kms_lookups_keep_within(l);
    kms_lookups_hosts_review(l->hosts);
    kms_lookups_tell_unsaved(l);
    return KMS_OK;
}
