/* A report while it is read: what was kept of its lines so far. Only for the files behind
 * report/parse.h. */
#ifndef KMS_REPORT_READING_H
#define KMS_REPORT_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "report/labels.h"
#include "report/lines.h"
#include "report/parse.h"

#define KMS_NO_LINE ((size_t)-1)

/* One product block while it is read. */
struct kms_block {
    struct kms_facts facts;
    bool open;
    bool described, host_channel, client_channel, not_in_use;
    bool status_seen, status_unsure, host_block, count_seen, port_seen, requests_begun;
    unsigned requests;
    size_t described_at, last_line; /* indexes of lines */
};

struct kms_reading {
    struct kms_report *report;
    struct kms_label_book *book;
    struct kms_lines lines;
    struct kms_status_words learned;
    struct kms_block product;
    struct kms_block last; /* flags of the product that ended last; holds no facts */
    const char *language;
    bool is_english;
    bool by_structure;
    bool client_seen;
    bool versioned; /* the version of the service is there: the output of /dlv */
    size_t client_at;
    size_t host_keys;  /* those that do not fit, too */
    size_t incomplete; /* index of the line where a block ended too early, KMS_NO_LINE: none */
    const char *missing;
    enum kms_status status;
};

/* The first failure counts. */
void kms_reading_keep(struct kms_reading *r, enum kms_status status);

/* The first mention of a fact counts. */
void kms_reading_put_number(struct kms_reading *r, struct kms_facts *facts, enum kms_fact_id id,
                            int64_t number);
/* NULL and "" are no mention. */
void kms_reading_put_text(struct kms_reading *r, struct kms_facts *facts, enum kms_fact_id id,
                          const char *text);
void kms_reading_put_value(struct kms_reading *r, struct kms_facts *facts, enum kms_fact_id id,
                           const struct kms_line *line);
/* The line's value, cleaned. */
void kms_reading_value(const struct kms_reading *r, const struct kms_line *line, char *dst,
                       size_t size);

/* The line as it is, for people; within a product its key is not known yet. */
void kms_reading_note(struct kms_reading *r, const struct kms_line *line);
/* Notes of the product that ended belong to that key; key -1: it is no host key, and they go with
 * it. */
void kms_reading_settle_notes(struct kms_report *report, int key);
/* What a whole report leaves out: the detail says it, and a note keeps it. */
void kms_reading_leave_out(struct kms_reading *r, const char *what, const char *shown);

#endif
