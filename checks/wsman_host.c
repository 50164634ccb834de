/* Makes a target of the command line's host, and the environment that it is asked in. */
#include "wsman_host.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/undumpable.h"
#include "model/credentials_conf.h"
#include "net/http.h"
#include "wsman/logins.h"
#include "wsman/url.h"

enum { GRACE_MS = 200, PIN_DIGITS = 64 }; /* for a KDC that does not answer */

static enum kms_status say(struct kms_buf *errors, const char *what, const char *about)
{
    return kms_buf_addf(errors, "%s%s%s\n", what, about ? ": " : "", about ? about : "") == KMS_OK
               ? KMS_EINVAL
               : KMS_ENOMEM;
}

static enum kms_status check(const struct kms_wsman_options *options, const char *name,
                             struct kms_buf *errors)
{
    struct kms_wsman_url url = {0};
    struct kms_fault fault = {.text = ""};
    size_t digits = options->pin ? strspn(options->pin, "0123456789abcdefABCDEF") : PIN_DIGITS;
    if (!options->credentials) {
        return say(errors, "--credentials is missing: the host tells strangers nothing", NULL);
    }
    if (digits != PIN_DIGITS || (options->pin && strlen(options->pin) != PIN_DIGITS)) {
        return say(errors, "--pin: a pin has 64 hexadecimal digits", NULL);
    }
    enum kms_status status = kms_wsman_url_make(options->url, name, NULL, &url, &fault);
    kms_wsman_url_done(&url);
    return status == KMS_EINVAL ? say(errors, options->url ? "--wsman-url" : "HOST", fault.text)
                                : status;
}

static bool copy_text(char **ret, const char *text)
{
    *ret = text ? kms_text_dup(text) : NULL;
    return *ret || !text;
}

static enum kms_status load(const char *file, struct kms_credentials *ret, struct kms_buf *errors)
{
    enum kms_status status = kms_credentials_load(file, ret, errors);
    return status == KMS_OK || status == KMS_ENOMEM ? status : KMS_EINVAL;
}

static enum kms_status fill_target(struct kms_target *target, const char *name,
                                   const struct kms_wsman_options *options, struct kms_buf *errors)
{
    struct kms_source_config *wsman = &target->source[KMS_SOURCE_WSMAN];
    target->port = KMS_DEFAULT_PORT;
    target->origin = KMS_ORIGIN_CONFIGURED;
    wsman->enabled = true;
    wsman->timeout_ms = options->timeout_ms;
    wsman->credentials = calloc(1, sizeof *wsman->credentials);
    if (!wsman->credentials || !copy_text(&target->name, name) ||
        !copy_text(&wsman->url, options->url) || !copy_text(&wsman->ca_file, options->ca_file) ||
        !copy_text(&wsman->pin, options->pin)) {
        return KMS_ENOMEM;
    }
    return load(options->credentials, wsman->credentials, errors);
}

static enum kms_status open_env(struct kms_env *env)
{
    env->clock = kms_clock_system();
    env->loop = kms_loop_new(&env->clock);
    env->http = env->loop ? kms_http_new(env->loop) : NULL;
    env->logins = env->loop ? kms_logins_new(env->loop, 1, 1) : NULL;
    return env->http && env->logins ? KMS_OK : KMS_ENOMEM;
}

enum kms_status kms_wsman_host_open(struct kms_wsman_host *host, const char *name,
                                    const struct kms_wsman_options *options, struct kms_buf *errors)
{
    struct kms_fault fault = {.text = ""};
    *host = (struct kms_wsman_host){.env = {.loop = NULL}};
    if (kms_undumpable(&fault) != KMS_OK) {
        return say(errors, "the process cannot be closed to debuggers", fault.text);
    }
    enum kms_status status = check(options, name, errors);
    status = status == KMS_OK ? fill_target(&host->target, name, options, errors) : status;
    return status == KMS_OK ? open_env(&host->env) : status;
}

void kms_wsman_host_close(struct kms_wsman_host *host)
{
    struct kms_env *env = &host->env;
    kms_logins_free(env->logins, GRACE_MS);
    if (env->http) {
        kms_http_free(env->http);
    }
    if (env->loop) {
        kms_loop_free(env->loop);
    }
    kms_target_done(&host->target);
    *host = (struct kms_wsman_host){.env = {.loop = NULL}};
}
