/* A date and time as any Windows locale prints it, where the order of day and month leaves no
 * doubt. */
#ifndef KMS_REPORT_MOMENT_H
#define KMS_REPORT_MOMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kms_moment {
    KMS_MOMENT_NONE,      /* no date and time */
    KMS_MOMENT_AMBIGUOUS, /* day and month could be either */
    KMS_MOMENT_SURE
};

/* is_english: the labels around it are English, whose dates with AM and PM begin with the month. */
enum kms_moment kms_moment_read(const char *text, size_t len, bool is_english, int64_t *ret);

#endif
