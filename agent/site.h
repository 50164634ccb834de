/* The site: everything that the configuration says, checked and complete. */
#ifndef KMS_AGENT_SITE_H
#define KMS_AGENT_SITE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/conf.h"
#include "base/status.h"
#include "model/policy.h"
#include "model/target.h"

struct kms_site {
    char *agentx; /* address of the AgentX master */
    int64_t ping_ms;
    int64_t interval_ms;
    char *state_dir;
    int64_t log_level; /* enum kms_log_level */
    struct kms_policy policy;
    struct kms_target *host; /* in the order of the file */
    size_t host_count;
};

/* Reads the file and what it includes. KMS_EINVAL: errors holds all that is wrong, a line each. On
 * failure ret_site is not written. */
enum kms_status kms_site_load(const char *path, struct kms_site *ret_site, struct kms_buf *errors);
/* The same from a tree (errors of reading it are in errors already). */
enum kms_status kms_site_build(const struct kms_conf *conf, struct kms_site *ret_site,
                               struct kms_conf_errors *errors);
void kms_site_free(struct kms_site *site);

/* Appends the effective configuration, defaults included, in the syntax that kms_site_load reads.
 * Only the passwords of web addresses are not in it. */
enum kms_status kms_site_print(const struct kms_site *site, struct kms_buf *buf);
/* Appends a line for every key there is: name with its blocks, what is allowed, the default, what
 * it is for. */
enum kms_status kms_site_keys(struct kms_buf *buf);

#endif
