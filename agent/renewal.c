/* What a reload of the daemon prepares beside the hosts and swaps in around them: resolver, logins,
 * products, domains, alarms. */
#include "agent/renewal.h"

#include <stdlib.h>

#include "agent/alarms_open.h"
#include "agent/site_diff.h"
#include "agent/site_open.h"
#include "base/file.h"
#include "base/text.h"
#include "base/undumpable.h"
#include "net/resolve.h"
#include "wsman/logins.h"

struct kms_renewal {
    struct kms_renewal_config config;
    struct kms_reload *reload;
    struct kms_options options; /* with an absolute path */
    char *path;                 /* that path; NULL: the working folder is the same */
    bool config_absent;
    bool next_absent;                     /* there is no configuration file */
    struct kms_resolver *next_resolver;   /* NULL: the one in force stays */
    struct kms_products *products_before; /* what runs may point to their rows */
    size_t products_before_count;
};

/* On a worker's thread. */
static enum kms_status load(void *arg, struct kms_site *ret_site, struct kms_buf *errors)
{
    struct kms_renewal *r = arg;
    if (r->config.is_played) {
        (void)kms_buf_add_str(errors, "a recording is played, and no configuration is in force\n");
        return KMS_EINVAL;
    }
    return kms_site_open(&r->options, !r->config_absent, ret_site, &r->next_absent, errors);
}

/* ---- all that may fail ---- */

static bool complain_of(struct kms_buf *errors, const char *what)
{
    (void)kms_buf_addf(errors, "%s\n", what);
    return false;
}

static bool prepare_products(struct kms_renewal *r, struct kms_buf *errors)
{
    struct kms_products *grown = realloc(r->products_before,
                                         (r->products_before_count + 1) * sizeof *grown);
    if (!grown) {
        return complain_of(errors, "out of memory");
    }
    r->products_before = grown;
    return true;
}

static bool prepare_logins(const struct kms_renewal *r, const struct kms_site *next,
                           struct kms_buf *errors)
{
    struct kms_env *env = r->config.env;
    struct kms_fault fault = {0};
    if (next->credentials_count == 0 || env->logins) {
        return true;
    }
    if (kms_undumpable(&fault) != KMS_OK) {
        return complain_of(errors, fault.text);
    }
    env->logins = kms_logins_new(env->loop, KMS_LOGINS_THREADS, KMS_LOGINS_OF_KEY);
    return env->logins || complain_of(errors, "out of memory");
}

static bool prepare_resolver(struct kms_renewal *r, const struct kms_site *next,
                             struct kms_buf *errors)
{
    const struct kms_env *env = r->config.env;
    const struct kms_resolver_setup setup = {.servers = next->dns.servers};
    struct kms_fault fault = {0};
    struct kms_resolver *resolver;
    kms_resolver_free(r->next_resolver); /* of one that was not swapped in */
    r->next_resolver = NULL;
    if (kms_resolvers_reserve(r->config.resolvers) != KMS_OK) {
        return complain_of(errors, "out of memory");
    }
    if (kms_resolver_new(env->loop, &setup, &resolver, &fault) != KMS_OK) {
        return complain_of(errors, fault.text);
    }
    if (kms_resolvers_alike(env->resolver, resolver)) {
        kms_resolver_free(resolver);
    } else {
        r->next_resolver = resolver;
    }
    return true;
}

static bool prepare(void *arg, struct kms_site *next, struct kms_buf *errors)
{
    struct kms_renewal *r = arg;
    if (!prepare_products(r, errors) || !prepare_logins(r, next, errors) ||
        !prepare_resolver(r, next, errors)) {
        return false;
    }
    const struct kms_resolver *resolver = r->next_resolver ? r->next_resolver
                                                           : r->config.env->resolver;
    if (!kms_domains_prepare(r->config.domains, next, resolver)) {
        kms_resolver_free(r->next_resolver);
        r->next_resolver = NULL;
        return complain_of(errors, "out of memory");
    }
    return true;
}

/* ---- what is in force before the hosts change ---- */

/* Requests that are under way, and what is left to write of them, point to rows of the products. */
static void take_products(struct kms_renewal *r, struct kms_site *next)
{
    struct kms_site *site = r->config.site;
    if (kms_site_same_products(&site->products, &next->products)) {
        return;
    }
    r->products_before[r->products_before_count++] = site->products;
    site->products = next->products;
    next->products = (struct kms_products){0};
}

static const struct kms_credentials *find_credentials(const struct kms_site *site, const char *name)
{
    for (size_t i = 0; i < site->credentials_count; i++) {
        if (kms_text_equal(site->credentials[i].name, name)) {
            return &site->credentials[i];
        }
    }
    return NULL;
}

/* What was refused was another login. */
static void forget_refusals(const struct kms_renewal *r, const struct kms_site *next)
{
    struct kms_logins *logins = r->config.env->logins;
    for (size_t i = 0; logins && i < next->credentials_count; i++) {
        const struct kms_credentials *is = &next->credentials[i];
        if (!kms_site_same_credentials(find_credentials(r->config.site, is->name), is)) {
            kms_logins_rest(logins, is->name, 0, "");
        }
    }
}

static void take_resolver(struct kms_renewal *r)
{
    struct kms_env *env = r->config.env;
    if (r->next_resolver) {
        kms_resolvers_keep(r->config.resolvers, env->resolver);
        env->resolver = r->next_resolver;
        r->next_resolver = NULL;
    }
}

static void begin(void *arg, struct kms_site *next)
{
    struct kms_renewal *r = arg;
    forget_refusals(r, next);
    r->config.log->level = kms_site_level(r->config.options, next);
    kms_agent_alarms_hold(r->config.alarms, true);
    take_products(r, next);
    take_resolver(r);
}

/* ---- what follows from the hosts ---- */

static enum kms_status settle(void *arg, const struct kms_site *next)
{
    const struct kms_renewal *r = arg;
    enum kms_status status = kms_domains_settle(r->config.domains, next);
    if (status != KMS_OK) {
        return status;
    }
    const struct kms_agent_alarms_policy alarms = kms_alarms_policy(&next->alarms);
    return kms_agent_alarms_set_policy(r->config.alarms, &alarms);
}

static void over(void *arg)
{
    struct kms_renewal *r = arg;
    r->config_absent = r->next_absent;
    *r->config.config_path = r->config_absent ? NULL : r->options.config;
    kms_agent_alarms_hold(r->config.alarms, false);
    kms_agent_alarms_sweep(r->config.alarms);
    r->config.over(r->config.arg);
}

/* ---- coming and going ---- */

static uint32_t number_of_host(void *arg, const char *name)
{
    const struct kms_renewal *r = arg;
    return r->config.number_of_host(r->config.arg, name);
}

static bool open_reload(struct kms_renewal *r)
{
    const struct kms_renewal_config *config = &r->config;
    r->options = *config->options;
    if (config->options->detach) { /* the working folder is given up */
        r->path = kms_file_absolute(config->options->config);
        if (!r->path) {
            return false;
        }
        r->options.config = r->path;
    }
    const struct kms_reload_config reload = {.env = config->env,
                                             .board = config->board,
                                             .scheduler = config->scheduler,
                                             .lookups = kms_domains_lookups(config->domains),
                                             .log = config->log,
                                             .facts = config->facts,
                                             .site = config->site,
                                             .with_port = config->options->standalone,
                                             .load = load,
                                             .load_arg = r,
                                             .prepare = prepare,
                                             .begin = begin,
                                             .settle = settle,
                                             .over = over,
                                             .number_of_host = number_of_host,
                                             .arg = r};
    r->reload = kms_reload_new(&reload);
    return r->reload != NULL;
}

struct kms_renewal *kms_renewal_open(const struct kms_renewal_config *config)
{
    struct kms_renewal *r = calloc(1, sizeof *r);
    if (!r) {
        return NULL;
    }
    r->config = *config;
    r->config_absent = config->config_absent;
    if (!open_reload(r)) {
        kms_renewal_free(r);
        return NULL;
    }
    kms_site_forget_hosts(config->site);
    return r;
}

struct kms_reload *kms_renewal_reload(const struct kms_renewal *r)
{
    return r ? r->reload : NULL;
}

void kms_renewal_stop(struct kms_renewal *r)
{
    if (r) {
        kms_reload_free(r->reload);
        r->reload = NULL;
        kms_resolver_free(r->next_resolver);
        r->next_resolver = NULL;
    }
}

void kms_renewal_free(struct kms_renewal *r)
{
    if (!r) {
        return;
    }
    for (size_t i = 0; i < r->products_before_count; i++) {
        kms_products_done(&r->products_before[i]);
    }
    free(r->products_before);
    free(r->path);
    free(r);
}
