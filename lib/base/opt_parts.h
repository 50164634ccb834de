/* What the parts of base/opt share, and nobody else sees. */
#ifndef KMS_BASE_OPT_PARTS_H
#define KMS_BASE_OPT_PARTS_H

#include "base/opt.h"

/* Room for what kms_opt_allowed writes. */
enum { KMS_OPT_ALLOWED_TEXT = 160 };

/* ---- what a row allows (opt_row.c) ---- */

/* min without max means "no upper limit": INT64_MAX. */
int64_t kms_opt_upper_limit(const struct kms_opt *opt);
bool kms_opt_in_range(const struct kms_opt *opt, int64_t value);
/* In the unit of the row. */
void kms_opt_print_number(const struct kms_opt *opt, int64_t value, char *dst, size_t size);
void kms_opt_append_choices(const struct kms_opt *opt, const char *between, char *dst, size_t size);
/* On the command line. */
bool kms_opt_takes_value(const struct kms_opt *opt);

/* ---- values in (opt.c) ---- */

/* kms_opt_apply for what stood on the command line under that label: a flag is set and a count goes
 * up, whatever the text. */
enum kms_status kms_opt_take(const struct kms_opt *opt, const char *label, const char *text,
                             void *base, struct kms_fault *fault);

#endif
