/* One report, read and judged, and its two forms for people: a row of the overview, and all
 * details. */
#ifndef KMS_CHECKS_LISTING_H
#define KMS_CHECKS_LISTING_H

#include <stdbool.h>

#include "base/bytes.h"
#include "model/judge.h"
#include "model/result.h"
#include "model/target.h"

struct kms_listed {
    const char *report; /* as given on the command line */
    struct kms_target target;
    struct kms_result result;
    bool judged; /* the outcome was good */
    struct kms_judgement judgement;
};

/* OK to UNKNOWN; UNKNOWN when nothing was read. */
enum kms_state kms_listed_state(const struct kms_listed *listed);

struct kms_listing_style {
    bool colours;
    size_t width; /* of the terminal; 0: not limited */
};

/* What is behind the file: colours on a terminal, unless the environment says no. */
struct kms_listing_style kms_listing_style_of(int fd);

/* A table with a row a key, then what is to be said about reports that could not be read. */
enum kms_status kms_listing_overview(const struct kms_listed *listed, size_t count,
                                     const struct kms_listing_style *style, struct kms_buf *out);
/* Everything about one report. */
enum kms_status kms_listing_details(const struct kms_listed *listed,
                                    const struct kms_listing_style *style, struct kms_buf *out);
/* An array with an object a report. */
enum kms_status kms_listing_json(const struct kms_listed *listed, size_t count,
                                 struct kms_buf *out);

#endif
