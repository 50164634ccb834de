/* Fuzz harness of the reader of WS-Management messages: the first byte says in which pieces the
 * rest comes, and they never change what is read. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "fuzz/fuzz.h"
#include "wsman/fault.h"
#include "wsman/soap.h"

#define ROWS_MAX 500
#define SAME_MAX ((size_t)1 << 16) /* above, the limit of a tag depends on the pieces */

struct seen {
    enum kms_status status;
    size_t rows;
    uint64_t sum; /* over names and values */
    struct kms_soap_message message;
};

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

static void add(struct seen *seen, const char *text)
{
    for (const char *p = text ? text : "\x01"; *p != '\0'; p++) {
        seen->sum = seen->sum * 31 + (unsigned char)*p;
    }
    seen->sum = seen->sum * 31 + 7;
}

static enum kms_status take(void *arg, struct kms_wsman_row *row)
{
    struct seen *seen = arg;
    seen->rows++;
    add(seen, row->class_name);
    for (size_t i = 0; i < row->count; i++) {
        const char *name = row->cell[i].name;
        uint32_t number;
        int64_t time;
        bool truth;
        add(seen, name);
        add(seen, row->cell[i].text);
        (void)kms_wsman_row_uint32(row, name, &number, NULL);
        (void)kms_wsman_row_bool(row, name, &truth, NULL);
        (void)kms_wsman_row_time(row, name, &time, NULL);
    }
    return KMS_OK;
}

/* How many bytes come next: at once, always the same, or as a generator has it. */
static size_t piece_of(uint8_t rule, uint32_t *state, size_t left)
{
    size_t piece = left;
    if (rule >= 128) {
        *state = *state * 1103515245U + 12345U;
        piece = 1 + (*state >> 16) % (rule - 127U);
    } else if (rule > 0) {
        piece = rule;
    }
    return piece < left ? piece : left;
}

static void look_at(const struct kms_soap_message *message)
{
    char text[400];
    require(memchr(message->relates_to, '\0', sizeof message->relates_to) != NULL);
    require(!message->context || message->context[0] != '\0');
    kms_wsman_fault_text(&message->fault, text, sizeof text);
    struct kms_wsman_verdict verdict = kms_wsman_judge_fault(&message->fault);
    require(verdict.advice && kms_outcome_row(verdict.outcome)->number == verdict.outcome);
    require(message->fault.code_known == (message->fault.code != 0));
}

static struct seen read_in(uint8_t rule, const uint8_t *bytes, size_t len)
{
    static const struct kms_soap_limits limits = {(size_t)1 << 20, ROWS_MAX, 4096};
    struct seen seen = {0};
    struct kms_fault fault = {0};
    uint32_t state = rule;
    const struct kms_soap_message *message = NULL;
    struct kms_soap *soap = kms_soap_new(&limits, take, &seen);
    require(soap != NULL);
    while (len > 0 && seen.status == KMS_OK) {
        size_t piece = piece_of(rule, &state, len);
        seen.status = kms_soap_feed(soap, bytes, piece, &fault);
        bytes += piece;
        len -= piece;
    }
    if (seen.status == KMS_OK) {
        seen.status = kms_soap_end(soap, &message, &fault);
    }
    require(seen.status == KMS_OK || seen.status == KMS_EINVAL || seen.status == KMS_ETOOBIG);
    require((seen.status == KMS_OK) == (message != NULL));
    require((seen.status == KMS_OK) == (fault.text[0] == '\0'));
    require(seen.rows <= ROWS_MAX);
    if (message) {
        look_at(message);
        require(message->rows == seen.rows);
        seen.message = *message;
        add(&seen, message->context);
        seen.message.context = NULL;
    } else {
        require(kms_soap_feed(soap, "<a>", 3, NULL) == seen.status);
        require(kms_soap_end(soap, &message, NULL) == seen.status);
    }
    kms_soap_free(soap);
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0) {
        return 0;
    }
    struct seen whole = read_in(0, bytes + 1, len - 1);
    struct seen pieces = read_in(bytes[0], bytes + 1, len - 1);
    if (len <= SAME_MAX) {
        require(whole.status == pieces.status && whole.rows == pieces.rows &&
                whole.sum == pieces.sum && whole.message.kind == pieces.message.kind &&
                whole.message.end_of_sequence == pieces.message.end_of_sequence &&
                whole.message.fault.code == pieces.message.fault.code);
    }
    return 0;
}
