/* What reading hosts and reading domains of a recording have in common. */
#ifndef KMS_MODEL_RECORDING_PARTS_H
#define KMS_MODEL_RECORDING_PARTS_H

#include "model/recording.h"
#include "model/script.h"

struct kms_recording_reader {
    struct kms_script script;
    struct kms_recording recording;
    struct kms_recorded_host *host;     /* the lines are about it; NULL: about none */
    struct kms_recorded_domain *domain; /* or about this one; NULL: about none */
    int64_t at_ms;
    bool strict;
};

/* "WORD "TEXT"" and the line's end; nothing for NULL. */
enum kms_status kms_recording_add_text(struct kms_buf *buf, const char *word, const char *text);

/* A word of the set; what: the fault's text before the word that is none. */
enum kms_status kms_recording_read_word(struct kms_recording_reader *reader,
                                        const struct kms_word_set *set, const char *what, int *ret);

/* The line that begins a domain, and the lines that only a domain has. */
enum kms_status kms_recording_line_domain(struct kms_recording_reader *reader);
enum kms_status kms_recording_line_want_hosts(struct kms_recording_reader *reader);
enum kms_status kms_recording_line_expect(struct kms_recording_reader *reader);
enum kms_status kms_recording_line_discover(struct kms_recording_reader *reader);
enum kms_status kms_recording_line_lookup(struct kms_recording_reader *reader);

#endif
