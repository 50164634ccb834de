/* The site that a command line asks for: that of its file, or that of no file where none need be
 * there. */
#ifndef KMS_AGENT_SITE_OPEN_H
#define KMS_AGENT_SITE_OPEN_H

#include "agent/options.h"
#include "agent/site.h"
#include "base/log.h"

/* Reads what options name, and puts the addresses of the command line in the place of the site's.
 * must_exist: also a file that nobody named. ret_absent: there is none, which is fine. May block;
 * touches nothing but its arguments, so that a thread may do it. As kms_site_load. */
enum kms_status kms_site_open(const struct kms_options *options, bool must_exist,
                              struct kms_site *ret_site, bool *ret_absent, struct kms_buf *errors);

/* The level of the log that both ask for. */
enum kms_log_level kms_site_level(const struct kms_options *options, const struct kms_site *site);

/* Puts the addresses of the command line in the place of the site's. KMS_OK or KMS_ENOMEM. */
enum kms_status kms_site_take_addresses(const struct kms_options *options, struct kms_site *site);

#endif
