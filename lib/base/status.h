/* What this program itself could not do. What the network or a report did is an outcome
 * (vocab/outcome.h). */
#ifndef KMS_BASE_STATUS_H
#define KMS_BASE_STATUS_H

#include <stddef.h>

enum kms_status {
    KMS_OK = 0,
    KMS_ENOMEM,    /* out of memory */
    KMS_EINVAL,    /* a value that is not allowed */
    KMS_ESYNTAX,   /* text that cannot be read as what it should be */
    KMS_ETOOBIG,   /* over a limit that was set at construction */
    KMS_EIO,       /* the operating system refused; errno was kept in the fault's text */
    KMS_ENOTFOUND, /* no such thing */
    KMS_EBUSY,     /* another process holds it, or it changed while it was used */
    KMS_EFULL,     /* no room: the disk, or a quota */
    KMS_EDENIED,   /* not allowed to: permissions, or a file system that is read-only */
};

/* Why and where something failed. The place is a byte offset, or a line where text is read line by
 * line. Functions that take a fault accept NULL; they write it only on failure. */
struct kms_fault {
    size_t offset;
    char text[224];
};

/* A short English name, for messages: "out of memory". Never NULL. */
const char *kms_status_text(enum kms_status status);

/* Fills fault (may be NULL) and returns status, so that a failing function can end in one line. */
enum kms_status kms_fault_set(struct kms_fault *fault, enum kms_status status, size_t offset,
                              const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
