/* One reading of a message in the tests: its rows are kept, and its end. */
#ifndef KMS_TESTS_WSMAN_READING_H
#define KMS_TESTS_WSMAN_READING_H

#include "base/bytes.h"
#include "wsman/soap.h"

struct reading {
    enum kms_status status;
    struct kms_fault fault;
    struct kms_soap_message message; /* when the status is KMS_OK; its context belongs to this */
    struct kms_wsman_row *row;
    size_t rows;
};

/* In pieces of so many bytes; 0: at once. Limits NULL: large ones. */
struct reading reading_of(const void *bytes, size_t len, size_t piece,
                          const struct kms_soap_limits *limits);
struct reading reading_of_text(const char *xml);
void reading_done(struct reading *reading);
/* The rows of a are the first ones of b, value by value. */
bool reading_begins(const struct reading *a, const struct reading *b);
bool reading_same(const struct reading *a, const struct reading *b);

/* samples/NAME, or a file of the folder of captures; false when that is not there. */
bool sample_read(const char *name, struct kms_buf *buf);
bool capture_read(const char *name, struct kms_buf *buf);

#endif
