/* The domains of the daemon: which are looked up, what was seen of them before, and what another
 * configuration makes of them. */
#include "agent/domains.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/file_writer.h"
#include "agent/play.h"
#include "agent/state_dir.h"
#include "base/bytes.h"
#include "base/conf.h"
#include "base/text.h"
#include "base/texts.h"
#include "rpc/probe.h"
#include "store/seen.h"

#define UNREAD                ".unread" /* of what may not be read */
#define PATH_SIZE_MAX         ((size_t)16 << 10)
#define DISCOVERED_TIMEOUT_MS 10000 /* of a bind probe, as for hosts of the configuration */

struct kms_domains {
    struct kms_domains_config config;
    struct kms_texts discover; /* the site's, or the system's search domains */
    struct kms_texts next;     /* of a reload, until its hosts are there */
    bool has_next;
    bool is_behind; /* the lookups do not look there yet */
    struct kms_lookups_log news;
    struct kms_zones *zones;
    struct kms_lookups *lookups;
    struct kms_buf seen_path;
    struct kms_file_writer *seen_writer;
};

/* The domains that the site discovers, or those that the system searches. */
static bool find_domains(const struct kms_domains *d, const struct kms_site *site,
                         const struct kms_resolver *resolver, struct kms_texts *ret)
{
    const struct kms_log *log = d->config.log;
    struct kms_texts found = {0};
    enum kms_status status = kms_texts_copy(&found, &site->discover);
    const char *domain;
    for (size_t i = 0;
         status == KMS_OK && site->discover_search && (domain = kms_resolver_domain(resolver, i));
         i++) {
        status = kms_texts_add(&found, domain);
        kms_log_write(log, KMS_LOG_INFO,
                      "start: no host is configured: looking for KMS hosts in the search domain %s",
                      domain);
    }
    if (status != KMS_OK) {
        kms_texts_done(&found);
        return false;
    }
    if (site->discover_search && found.count == 0) {
        kms_log_write(log, KMS_LOG_WARNING,
                      "start: nothing to watch: no host is configured and the system has no DNS "
                      "search domain; name hosts or discover a domain in %s",
                      d->config.config_path);
    }
    *ret = found;
    return true;
}

/* ---- what was seen ---- */

static void save_seen(void *arg)
{
    struct kms_domains *d = arg;
    if (d->seen_writer) {
        kms_file_writer_poke(d->seen_writer);
    }
}

/* It would be written over although nothing is wrong with it. */
static void put_seen_aside(const struct kms_domains *d, const char *state_dir,
                           const struct kms_fault *fault)
{
    const char *path = kms_buf_str(&d->seen_path);
    struct kms_buf aside;
    kms_buf_init(&aside, PATH_SIZE_MAX);
    bool kept = kms_buf_addf(&aside, "%s" UNREAD, path) == KMS_OK &&
                rename(path, kms_buf_str(&aside)) == 0;
    char advice[512];
    kms_state_dir_advice(advice, sizeof advice, state_dir);
    kms_log_write(d->config.log, KMS_LOG_WARNING,
                  "start: what was seen in DNS is not known: %s; %s%s", fault->text,
                  kept ? "it is kept as seen" UNREAD ": to have it back, end kmsmond, rename it to "
                         "seen, and "
                       : "",
                  advice);
    kms_buf_done(&aside);
}

/* A memory that cannot be read is a loss, but no reason not to watch. */
static void load_seen(const struct kms_domains *d, const char *state_dir, struct kms_seen *ret)
{
    const struct kms_log *log = d->config.log;
    struct kms_fault fault = {0};
    if (d->config.env->play) {
        *ret = (struct kms_seen){0};
        return;
    }
    enum kms_status status = kms_seen_load(kms_buf_str(&d->seen_path), ret, &fault);
    if (status == KMS_EDENIED) {
        put_seen_aside(d, state_dir, &fault);
    } else if (status != KMS_OK) {
        kms_log_write(log, KMS_LOG_WARNING, "start: what was seen in DNS is not known: %s",
                      fault.text);
    } else if (ret->left_out > 0) {
        kms_log_write(log, KMS_LOG_WARNING, "start: %zu line%s of %s cannot be read: left out",
                      ret->left_out, kms_text_plural(ret->left_out), kms_buf_str(&d->seen_path));
    }
}

static bool open_seen_writer(struct kms_domains *d)
{
    const struct kms_env *env = d->config.env;
    const struct kms_file_source source = {.name = "seen",
                                           .kept = "what DNS showed is",
                                           .path = kms_buf_str(&d->seen_path),
                                           .unsaved = kms_lookups_unsaved,
                                           .render = kms_lookups_render,
                                           .saved = kms_lookups_saved,
                                           .arg = d->lookups};
    d->seen_writer = kms_file_writer_open(env->loop, env->worker, &source, d->config.log);
    return d->seen_writer != NULL;
}

static void close_seen_writer(struct kms_domains *d, int64_t grace_ms)
{
    if (d->seen_writer) {
        kms_lookups_unsave(d->lookups);
        kms_file_writer_close(d->seen_writer, grace_ms);
        d->seen_writer = NULL;
    }
}

/* ---- what is looked up ---- */

static uint32_t number_of_host(void *arg, const char *name)
{
    const struct kms_domains *d = arg;
    return d->config.number_of_host(d->config.arg, name);
}

static void published(void *arg)
{
    const struct kms_domains *d = arg;
    d->config.published(d->config.arg);
}

static bool site_lists(const struct kms_domains *d, const struct kms_site *site)
{
    return site->host_count > 0 && d->discover.count == 0;
}

/* Asks what is no watched host; NULL: nobody does. */
static const struct kms_probe_type *stranger_probe(const struct kms_domains *d,
                                                   const struct kms_site *site)
{
    if (!site->dns.probe_records) {
        return NULL;
    }
    return d->config.env->play ? kms_play_bind() : kms_rpc_probe();
}

static struct kms_lookups_config lookups_of(struct kms_domains *d, const struct kms_site *site)
{
    const struct kms_domains_config *config = &d->config;
    const struct kms_site_dns *dns = &site->dns;
    return (struct kms_lookups_config){.env = config->env,
                                       .board = config->board,
                                       .zones = d->zones,
                                       .scheduler = config->scheduler,
                                       .log = config->log,
                                       .discover = &d->discover,
                                       .discovered_max = (size_t)dns->discovered_max,
                                       .domain = dns->domain,
                                       .domain_count = dns->domain_count,
                                       .site_lists = site_lists(d, site),
                                       .interval_ms = dns->interval_ms > 0 ? dns->interval_ms
                                                                           : site->interval_ms,
                                       .timeout_ms = dns->timeout_ms,
                                       .rpc_timeout_ms = DISCOVERED_TIMEOUT_MS,
                                       .bind = stranger_probe(d, site),
                                       .forget_after_ms = dns->forget_after_ms,
                                       .seen_changed = save_seen,
                                       .ask_servers = dns->all_authoritative,
                                       .servers = dns->authoritative,
                                       .number_of_host = number_of_host,
                                       .published = published,
                                       .arg = d};
}

/* The zones before the lookups, and what was seen before both of them begin. */
static bool open_lookups(struct kms_domains *d, const struct kms_site *site)
{
    const struct kms_domains_config *config = &d->config;
    if (kms_buf_addf(&d->seen_path, "%s/seen", site->state_dir) != KMS_OK ||
        !find_domains(d, site, config->env->resolver, &d->discover)) {
        return false;
    }
    d->news = (struct kms_lookups_log){.log = config->log, .board = config->board};
    d->zones = kms_zones_new(config->board, &config->env->clock, site_lists(d, site),
                             config->number_of_name, config->arg, kms_lookups_news, &d->news);
    if (!d->zones) {
        return false;
    }
    struct kms_seen seen;
    load_seen(d, site->state_dir, &seen);
    struct kms_lookups_config lookups = lookups_of(d, site);
    lookups.seen = &seen;
    d->lookups = kms_lookups_new(&lookups);
    kms_seen_done(&seen);
    return d->lookups && open_seen_writer(d);
}

struct kms_zones *kms_domains_zones(const struct kms_domains *d)
{
    return d->zones;
}

struct kms_lookups *kms_domains_lookups(const struct kms_domains *d)
{
    return d->lookups;
}

void kms_domains_poke(struct kms_domains *d)
{
    kms_lookups_poke(d->lookups);
}

/* ---- another configuration ---- */

bool kms_domains_prepare(struct kms_domains *d, const struct kms_site *next,
                         const struct kms_resolver *resolver)
{
    struct kms_texts discover;
    if (!find_domains(d, next, resolver, &discover)) {
        return false;
    }
    kms_texts_done(&d->next);
    d->next = discover;
    d->has_next = true;
    return true;
}

static void take_next(struct kms_domains *d)
{
    kms_texts_done(&d->discover);
    d->discover = d->next;
    d->next = (struct kms_texts){0};
    d->has_next = false;
    d->is_behind = true;
}

enum kms_status kms_domains_settle(struct kms_domains *d, const struct kms_site *next)
{
    if (d->has_next) {
        take_next(d);
    }
    if (d->is_behind) {
        const struct kms_lookups_config lookups = lookups_of(d, next);
        if (kms_lookups_change(d->lookups, &lookups) != KMS_OK) {
            return KMS_ENOMEM;
        }
        d->is_behind = false;
    }
    return kms_lookups_is_settled(d->lookups) ? KMS_OK : KMS_EBUSY;
}

/* ---- coming and going ---- */

struct kms_domains *kms_domains_open(const struct kms_domains_config *config,
                                     const struct kms_site *site)
{
    struct kms_domains *d = calloc(1, sizeof *d);
    if (!d) {
        return NULL;
    }
    d->config = *config;
    kms_buf_init(&d->seen_path, (size_t)2 * KMS_CONF_TEXT_MAX);
    if (!open_lookups(d, site)) {
        kms_domains_stop(d, 0);
        kms_domains_free(d);
        return NULL;
    }
    return d;
}

void kms_domains_stop(struct kms_domains *d, int64_t grace_ms)
{
    if (!d) {
        return;
    }
    close_seen_writer(d, grace_ms);
    kms_lookups_free(d->lookups);
    d->lookups = NULL;
}

void kms_domains_free(struct kms_domains *d)
{
    if (!d) {
        return;
    }
    kms_zones_free(d->zones);
    kms_texts_done(&d->next);
    kms_texts_done(&d->discover);
    kms_buf_done(&d->seen_path);
    free(d);
}
