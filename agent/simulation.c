/* Makes a site out of a recording, and a place to keep its state. */
#include "agent/simulation.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/site_dns.h"
#include "agent/site_wsman.h"
#include "base/file.h"
#include "base/text.h"
#include "control/place.h"

static enum kms_status no_memory(struct kms_fault *fault)
{
    return kms_fault_set(fault, KMS_ENOMEM, 0, "out of memory");
}

/* ---- the file ---- */

static enum kms_status read_file(const char *path, struct kms_buf *text, struct kms_fault *fault)
{
    int error = 0;
    bool stdin_is_meant = kms_text_equal(path, "-");
    enum kms_status status = stdin_is_meant ? kms_file_read_fd(STDIN_FILENO, text)
                                            : kms_file_read(path, text, NULL, &error);
    if (status == KMS_OK) {
        return KMS_OK;
    }
    return kms_fault_set(fault, status, 0,
                         "--simulate: '%.100s' cannot be read (%s); allowed: a recording such as "
                         "'kmsmon dump' prints, or - for standard input",
                         path, kms_file_why(status, error));
}

static enum kms_status load(const char *path, struct kms_recording *ret, struct kms_fault *fault)
{
    struct kms_buf text;
    struct kms_fault inner = {.text = ""};
    kms_buf_init(&text, KMS_SIMULATION_FILE_MAX);
    enum kms_status status = read_file(path, &text, fault);
    if (status == KMS_OK) {
        status = kms_recording_read(kms_buf_str(&text), text.len, true, ret, &inner);
        if (status != KMS_OK) {
            (void)kms_fault_set(fault, status, 0, "%.100s:%zu: %s", path, inner.offset, inner.text);
        } else if (ret->host_count == 0 && ret->domain_count == 0) {
            kms_recording_done(ret);
            status = kms_fault_set(fault, KMS_EINVAL, 0,
                                   "%.140s: no host and no domain; begin one with host \"NAME\"",
                                   path);
        }
    }
    kms_buf_done(&text);
    return status;
}

/* ---- the site ---- */

static const struct kms_target *find_configured(const struct kms_site *site, const char *name)
{
    for (size_t i = 0; i < site->host_count; i++) {
        if (kms_text_equal_nocase(site->host[i].name, name)) {
            return &site->host[i];
        }
    }
    return NULL;
}

/* What the site says of a source counts where the recording has the source, too. */
static void take_sources(struct kms_target *made, const struct kms_target *recorded)
{
    for (int i = 1; i <= KMS_SOURCE_MAX; i++) {
        struct kms_source_config *source = &made->source[i];
        const struct kms_source_config *from = &recorded->source[i];
        if (!source->enabled) {
            source->interval_ms = from->interval_ms;
            source->max_age_ms = from->max_age_ms;
        }
        source->enabled = from->enabled;
    }
}

/* With domains in the recording, source dns needs no results: it is enough that the site or the
 * recording says that the host is published somewhere. */
static enum kms_status make_host(const struct kms_site *site, const struct kms_target *recorded,
                                 bool has_domains, struct kms_target *ret)
{
    const struct kms_target *configured = find_configured(site, recorded->name);
    bool is_published = has_domains &&
                        ((configured && configured->source[KMS_SOURCE_DNS].enabled) ||
                         recorded->publish_in.count > 0);
    enum kms_status status = kms_target_copy(ret, configured ? configured : recorded);
    if (status == KMS_OK) {
        take_sources(ret, recorded);
        ret->source[KMS_SOURCE_DNS].enabled |= is_published;
    }
    return status;
}

static enum kms_status take_hosts(struct kms_site *site, const struct kms_recording *recording)
{
    struct kms_target *host = calloc(recording->host_count + 1, sizeof *host);
    bool has_domains = recording->domain_count > 0;
    size_t count = 0;
    while (host && count < recording->host_count &&
           make_host(site, &recording->host[count].target, has_domains, &host[count]) == KMS_OK) {
        count++;
    }
    bool whole = host && count == recording->host_count;
    size_t gone = whole ? site->host_count : count;
    struct kms_target *old = whole ? site->host : host;
    for (size_t i = 0; i < gone; i++) {
        kms_target_done(&old[i]);
    }
    free(old);
    if (whole) {
        site->host = host;
        site->host_count = count;
    }
    return whole ? KMS_OK : KMS_ENOMEM;
}

/* ---- its domains ---- */

static const struct kms_site_domain *find_domain(const struct kms_site *site, const char *name)
{
    for (size_t i = 0; i < site->dns.domain_count; i++) {
        if (kms_text_equal_nocase(site->dns.domain[i].name, name)) {
            return &site->dns.domain[i];
        }
    }
    return NULL;
}

static enum kms_status make_domain(const struct kms_site *site,
                                   const struct kms_recorded_domain *recorded,
                                   struct kms_site_domain *ret)
{
    const struct kms_site_domain *configured = find_domain(site, recorded->name);
    *ret = (struct kms_site_domain){.name = kms_text_dup(recorded->name),
                                    .want_hosts = configured ? configured->want_hosts
                                                             : recorded->want_hosts};
    enum kms_status status = kms_texts_copy(&ret->expect,
                                            configured ? &configured->expect : &recorded->expect);
    return ret->name ? status : KMS_ENOMEM;
}

static bool is_discovered(const struct kms_site *site, const struct kms_recorded_domain *recorded)
{
    return recorded->discover || kms_texts_has(&site->discover, recorded->name);
}

/* What it says of lookups counts, but for whom they go to. */
static enum kms_status take_domains(struct kms_site *site, const struct kms_recording *recording)
{
    struct kms_site_dns made = site->dns;
    struct kms_texts discover = {0};
    enum kms_status status = KMS_OK;
    made.servers = made.authoritative = NULL;
    made.domain = calloc(recording->domain_count + 1, sizeof *made.domain);
    made.domain_count = 0;
    for (size_t i = 0; made.domain && status == KMS_OK && i < recording->domain_count; i++) {
        const struct kms_recorded_domain *recorded = &recording->domain[i];
        status = make_domain(site, recorded, &made.domain[made.domain_count++]);
        if (status == KMS_OK && is_discovered(site, recorded)) {
            status = kms_texts_add(&discover, recorded->name);
        }
    }
    if (!made.domain || status != KMS_OK) {
        kms_site_dns_done(&made);
        kms_texts_done(&discover);
        return KMS_ENOMEM;
    }
    kms_site_dns_done(&site->dns);
    site->dns = made;
    kms_texts_done(&site->discover);
    site->discover = discover;
    site->discover_search = false;
    return KMS_OK;
}

static enum kms_status replace_text(char **text, const char *by)
{
    char *copy = kms_text_dup(by);
    if (!copy) {
        return KMS_ENOMEM;
    }
    free(*text);
    *text = copy;
    return KMS_OK;
}

static enum kms_status take_place(const struct kms_options *options, struct kms_site *site)
{
    if (options->agentx) {
        return replace_text(&site->agentx, options->agentx);
    }
    kms_texts_done(&site->snmp.listen);
    return kms_texts_add(&site->snmp.listen, KMS_SIMULATION_LISTEN);
}

/* ---- the state folder ---- */

static enum kms_status make_state_dir(struct kms_simulation *simulation, struct kms_fault *fault)
{
    const char *parent = getenv("TMPDIR");
    char path[256];
    if (!kms_text_format(path, sizeof path, "%s/kmsmon-simulation.XXXXXX",
                         parent && *parent ? parent : "/tmp") ||
        !mkdtemp(path)) {
        return kms_fault_set(fault, KMS_EIO, 0, "no folder for its state: '%.150s': %s", path,
                             strerrordesc_np(errno));
    }
    simulation->state_dir = kms_text_dup(path);
    if (!simulation->state_dir) {
        (void)rmdir(path);
        return no_memory(fault);
    }
    return KMS_OK;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
    (void)st;
    (void)kind;
    (void)walk;
    (void)remove(path);
    return 0;
}

static bool same_folder(const char *a, const char *b)
{
    struct stat first, second;
    return kms_text_equal(a, b) || (stat(a, &first) == 0 && stat(b, &second) == 0 &&
                                    first.st_dev == second.st_dev && first.st_ino == second.st_ino);
}

static enum kms_status take_state_dir(const struct kms_options *options, struct kms_site *site,
                                      struct kms_simulation *simulation, struct kms_fault *fault)
{
    if (options->state_dir && same_folder(options->state_dir, site->state_dir)) {
        return kms_fault_set(fault, KMS_EINVAL, 0,
                             "state-dir '%.80s' is that of the agent that watches; what is played "
                             "would be its history: name another one, or none",
                             options->state_dir);
    }
    enum kms_status status = options->state_dir ? KMS_OK : make_state_dir(simulation, fault);
    if (status != KMS_OK) {
        return status;
    }
    const char *path = options->state_dir ? options->state_dir : simulation->state_dir;
    char socket[512];
    /* Not where an agent that watches is asked, whatever the configuration says. */
    (void)kms_text_format(socket, sizeof socket, "%s/" KMS_CONTROL_STATE_NAME, path);
    if (replace_text(&site->state_dir, path) != KMS_OK ||
        replace_text(&site->control.socket, socket) != KMS_OK) {
        return no_memory(fault);
    }
    return KMS_OK;
}

/* ---- together ---- */

enum kms_status kms_simulation_open(const struct kms_options *options, struct kms_site *site,
                                    struct kms_simulation *ret, struct kms_fault *fault)
{
    struct kms_simulation made = {.speed = options->speed};
    enum kms_status status = load(options->simulate, &made.recording, fault);
    if (status == KMS_OK &&
        (take_hosts(site, &made.recording) != KMS_OK ||
         take_domains(site, &made.recording) != KMS_OK || take_place(options, site) != KMS_OK)) {
        status = no_memory(fault);
    }
    if (status == KMS_OK) {
        kms_site_credentials_done(site);
        status = take_state_dir(options, site, &made, fault);
    }
    if (status != KMS_OK) {
        kms_simulation_done(&made);
        return status;
    }
    *ret = made;
    return KMS_OK;
}

void kms_simulation_done(struct kms_simulation *simulation)
{
    kms_recording_done(&simulation->recording);
    if (simulation->state_dir) {
        (void)nftw(simulation->state_dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    }
    free(simulation->state_dir);
    *simulation = (struct kms_simulation){0};
}
