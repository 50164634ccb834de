/* The option rows of the checks. */
#ifndef KMS_CHECKS_OPTIONS_H
#define KMS_CHECKS_OPTIONS_H

#include "base/opt.h"

#define KMS_CHECK_ROWS_MAX 56

/* Fills rows (ended by KMS_OPT_END) with what a check of these parts offers, relative to struct
 * kms_check_options. */
void kms_check_opts(unsigned parts, struct kms_opt rows[KMS_CHECK_ROWS_MAX]);

#endif
