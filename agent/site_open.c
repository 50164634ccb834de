/* The file, and what the command line has in its place. */
#include "agent/site_open.h"

#include <errno.h>
#include <unistd.h>

/* Without -c a file need not be there: what the machine's DNS knows is watched then. */
static bool is_absent(const struct kms_options *options)
{
    return !options->config_given && access(options->config, F_OK) != 0 && errno == ENOENT;
}

enum kms_log_level kms_site_level(const struct kms_options *options, const struct kms_site *site)
{
    return options->verbose > 0 ? KMS_LOG_DEBUG : (enum kms_log_level)site->log_level;
}

enum kms_status kms_site_take_addresses(const struct kms_options *options, struct kms_site *site)
{
    enum kms_status status = KMS_OK;
    if (options->address_count > 0) {
        kms_texts_done(&site->snmp.listen);
    }
    for (size_t i = 0; i < options->address_count && status == KMS_OK; i++) {
        status = kms_texts_add(&site->snmp.listen, options->address[i]);
    }
    return status;
}

enum kms_status kms_site_open(const struct kms_options *options, bool must_exist,
                              struct kms_site *ret_site, bool *ret_absent, struct kms_buf *errors)
{
    struct kms_site site;
    bool absent = !must_exist && is_absent(options);
    enum kms_status status = absent ? kms_site_preset(&site)
                                    : kms_site_load(options->config, &site, errors);
    if (status != KMS_OK) {
        return status;
    }
    status = kms_site_take_addresses(options, &site);
    if (status != KMS_OK) {
        kms_site_free(&site);
        return status;
    }
    *ret_site = site;
    *ret_absent = absent;
    return KMS_OK;
}
