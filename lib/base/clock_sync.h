/* Whether the machine's clock is kept right by a time service. Alone in its file, so that a test
 * can put an answer in its place when it is linked. */
#ifndef KMS_BASE_CLOCK_SYNC_H
#define KMS_BASE_CLOCK_SYNC_H

enum kms_clock_sync { KMS_CLOCK_SYNC_UNKNOWN, KMS_CLOCK_SYNC_YES, KMS_CLOCK_SYNC_NO };

/* What the kernel was told; UNKNOWN where it may not be asked. */
enum kms_clock_sync kms_clock_sync(void);

#endif
