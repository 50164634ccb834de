/* Where a report is read from, out of what the site wrote: a path, "-", a file URL or a web
 * address. */
#ifndef KMS_REPORT_PLACE_H
#define KMS_REPORT_PLACE_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/status.h"

enum kms_place_kind { KMS_PLACE_FILE, KMS_PLACE_STDIN, KMS_PLACE_HTTP };

struct kms_place {
    enum kms_place_kind kind;
    char *path;     /* a file's path or the web address; NULL for standard input */
    char name[112]; /* for messages: cleaned, without user name, password and query */
};

/* KMS_EINVAL for what is no place a report can be read from, with the reason in the fault;
 * KMS_ENOMEM. */
enum kms_status kms_place_parse(const char *url, struct kms_place *ret, struct kms_fault *fault);
void kms_place_done(struct kms_place *place);

/* Appends the address as it is, but *** in place of a password before the server's name. */
enum kms_status kms_place_hide_password(const char *url, struct kms_buf *buf, bool *ret_hidden);

#endif
