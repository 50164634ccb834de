/* Option rows in the syntax of the configuration file, and as a list of keys. */
#ifndef KMS_AGENT_SITE_PRINT_H
#define KMS_AGENT_SITE_PRINT_H

#include "base/bind.h"
#include "base/bytes.h"
#include "base/opt.h"

/* Appends "KEY = VALUE" for every row of the section that has a default or was given. */
enum kms_status kms_site_print_rows(const struct kms_opt *rows, const char *section,
                                    const void *base, const char *indent, struct kms_buf *buf);
/* Appends a line for every key of the section: name, what is allowed, default, help. */
enum kms_status kms_site_list_keys(const struct kms_bind *bind, struct kms_buf *buf);

#endif
