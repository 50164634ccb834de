/* Reads one WS-Management message, in pieces of any size, without I/O: what kind it is, its rows,
 * its context, its fault. The only file that knows expat.
 *
 * Elements are matched by namespace and local name, never by prefix (DSP0226; WS-Enumeration;
 * SOAP 1.2). A document type declaration is refused, so there are no entities but XML's own five.
 */
#ifndef KMS_WSMAN_SOAP_H
#define KMS_WSMAN_SOAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "wsman/row.h"

enum kms_soap_kind {
    KMS_SOAP_OTHER, /* an envelope whose body is none of these */
    KMS_SOAP_IDENTIFY,
    KMS_SOAP_ENUMERATE,
    KMS_SOAP_PULL,
    KMS_SOAP_RELEASE, /* also an empty body whose Action says so */
    KMS_SOAP_FAULT
};

/* SOAP 1.2 5.4, with what Windows puts into Detail: f:WSManFault/@Code, or MSFT_WmiError/error_Code
 * (specification wsman 2.6). */
struct kms_soap_fault {
    bool code_known;
    uint32_t code;          /* Win32 number, HRESULT or WS-Management code */
    bool provider_known;    /* a WSManFault nested in ProviderFault, or __ExtendedStatus */
    uint32_t provider_code; /* what the WMI provider said: the status before the code */
    char subcode[64];       /* local name: "CannotProcessFilter"; "" */
    char text[256];         /* for logs only: localized. Cleaned. The most special message of
                             * Detail, else the Reason */
};

struct kms_soap_message {
    enum kms_soap_kind kind;
    char relates_to[80]; /* "" when not said */
    char *context;       /* of an enumeration; NULL: none or empty */
    bool end_of_sequence;
    size_t rows;              /* handed over */
    char product_vendor[80];  /* Identify; cleaned */
    char product_version[80]; /* "OS: 10.0.20348 SP: 0.0 Stack: 3.0" */
    struct kms_soap_fault fault;
};

/* A row that is complete. A value that is a reference or an embedded object is absent from it.
 * The receiver may move it out (zero it), else it is freed. Anything but
 * KMS_OK ends the reading with that status. Rows of a message that turns out to be broken later
 * were handed over already. */
typedef enum kms_status kms_soap_row_fn(void *arg, struct kms_wsman_row *row);

struct kms_soap_limits {
    size_t bytes_max; /* of the message */
    size_t rows_max;
    size_t row_bytes_max; /* names and texts of one row */
};

struct kms_soap; /* a reader */

/* NULL: out of memory. */
struct kms_soap *kms_soap_new(const struct kms_soap_limits *limits, kms_soap_row_fn *row,
                              void *arg);
void kms_soap_free(struct kms_soap *soap);
/* KMS_EINVAL: not well-formed, not a SOAP envelope, or a DOCTYPE; KMS_ETOOBIG: a limit; KMS_ENOMEM.
 * The fault says what and at which byte. After a failure nothing more is read. */
enum kms_status kms_soap_feed(struct kms_soap *soap, const void *bytes, size_t len,
                              struct kms_fault *fault);
/* After the last byte. KMS_EINVAL: it ended in the middle. The message is the reader's. */
enum kms_status kms_soap_end(struct kms_soap *soap, const struct kms_soap_message **ret,
                             struct kms_fault *fault);

#endif
