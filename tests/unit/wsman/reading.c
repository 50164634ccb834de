/* Reads a message as the tests want it: in pieces of one size, with its rows kept. */
#include "reading.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

#define FILE_MAX ((size_t)1 << 20)

static enum kms_status keep(void *arg, struct kms_wsman_row *row)
{
    struct reading *reading = arg;
    struct kms_wsman_row *rows = realloc(reading->row, (reading->rows + 1) * sizeof *rows);
    if (!rows) {
        return KMS_ENOMEM;
    }
    reading->row = rows;
    rows[reading->rows++] = *row;
    *row = (struct kms_wsman_row){0};
    return KMS_OK;
}

static enum kms_status feed(struct kms_soap *soap, const char *bytes, size_t len, size_t piece,
                            struct kms_fault *fault)
{
    if (piece == 0) {
        return kms_soap_feed(soap, bytes, len, fault);
    }
    enum kms_status status = KMS_OK;
    for (size_t at = 0; at < len && status == KMS_OK; at += piece) {
        size_t left = len - at;
        status = kms_soap_feed(soap, bytes + at, left < piece ? left : piece, fault);
    }
    return status;
}

struct reading reading_of(const void *bytes, size_t len, size_t piece,
                          const struct kms_soap_limits *limits)
{
    static const struct kms_soap_limits large = {FILE_MAX * 4, 100000, FILE_MAX};
    struct reading reading = {0};
    struct kms_soap *soap = kms_soap_new(limits ? limits : &large, keep, &reading);
    if (!soap) {
        reading.status = KMS_ENOMEM;
        return reading;
    }
    const struct kms_soap_message *message;
    reading.status = feed(soap, bytes, len, piece, &reading.fault);
    if (reading.status == KMS_OK) {
        reading.status = kms_soap_end(soap, &message, &reading.fault);
    }
    if (reading.status == KMS_OK) {
        reading.message = *message;
        reading.message.context = kms_text_dup(message->context);
        if (message->context && !reading.message.context) {
            reading.status = KMS_ENOMEM;
        }
    }
    kms_soap_free(soap);
    return reading;
}

struct reading reading_of_text(const char *xml)
{
    return reading_of(xml, strlen(xml), 0, NULL);
}

void reading_done(struct reading *reading)
{
    for (size_t i = 0; i < reading->rows; i++) {
        kms_wsman_row_done(&reading->row[i]);
    }
    free(reading->row);
    free(reading->message.context);
    *reading = (struct reading){0};
}

static bool is_same_row(const struct kms_wsman_row *a, const struct kms_wsman_row *b)
{
    if (a->count != b->count || !kms_text_equal(a->class_name, b->class_name)) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (!kms_text_equal(a->cell[i].name, b->cell[i].name) ||
            !kms_text_equal(a->cell[i].text, b->cell[i].text)) {
            return false;
        }
    }
    return true;
}

bool reading_begins(const struct reading *a, const struct reading *b)
{
    if (a->rows > b->rows) {
        return false;
    }
    for (size_t i = 0; i < a->rows; i++) {
        if (!is_same_row(&a->row[i], &b->row[i])) {
            return false;
        }
    }
    return true;
}

bool reading_same(const struct reading *a, const struct reading *b)
{
    const struct kms_soap_message *m = &a->message;
    const struct kms_soap_message *n = &b->message;
    return a->status == b->status && a->rows == b->rows && reading_begins(a, b) &&
           m->kind == n->kind && m->rows == n->rows && m->end_of_sequence == n->end_of_sequence &&
           kms_text_equal(m->context, n->context) && strcmp(m->relates_to, n->relates_to) == 0 &&
           strcmp(m->product_vendor, n->product_vendor) == 0 &&
           strcmp(m->product_version, n->product_version) == 0 &&
           m->fault.code_known == n->fault.code_known && m->fault.code == n->fault.code &&
           m->fault.provider_known == n->fault.provider_known &&
           m->fault.provider_code == n->fault.provider_code &&
           strcmp(m->fault.subcode, n->fault.subcode) == 0 &&
           strcmp(m->fault.text, n->fault.text) == 0;
}

static bool read_file(const char *folder, const char *name, struct kms_buf *buf)
{
    char path[1024];
    struct kms_file_stamp stamp;
    kms_buf_init(buf, FILE_MAX);
    return kms_text_format(path, sizeof path, "%s/%s", folder, name) &&
           kms_file_read(path, buf, &stamp, NULL) == KMS_OK;
}

bool sample_read(const char *name, struct kms_buf *buf)
{
    return read_file(KMSMON_SOURCE_DIR "/tests/unit/wsman/samples", name, buf);
}

bool capture_read(const char *name, struct kms_buf *buf)
{
    const char *shared = getenv("KMSMON_SHARED");
    char folder[1024];
    kms_buf_init(buf, FILE_MAX);
    return shared && kms_text_format(folder, sizeof folder, "%s/wsman", shared) &&
           read_file(folder, name, buf);
}
