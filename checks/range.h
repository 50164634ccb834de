/* Alert ranges as monitoring plugins write them: [@]start:end, inclusive, ~ for minus infinity. */
#ifndef KMS_CHECKS_RANGE_H
#define KMS_CHECKS_RANGE_H

#include <stdbool.h>
#include <stddef.h>

struct kms_range {
    bool given;        /* false: no range, nothing alerts */
    bool inside;       /* '@': alert inside the range instead of outside */
    double start, end; /* may be infinite */
};

enum kms_range_error {
    KMS_RANGE_OK = 0,
    KMS_RANGE_EMPTY, /* no text, or '@' alone */
    KMS_RANGE_START, /* the part before ':' is not a number */
    KMS_RANGE_END,   /* the part behind ':' is not a number */
    KMS_RANGE_TILDE, /* '~' somewhere else than at the start */
    KMS_RANGE_COLON, /* more than one ':' */
    KMS_RANGE_ORDER  /* start is greater than end */
};

enum kms_range_error kms_range_parse(const char *text, struct kms_range *ret);
/* What is wrong and what to write instead; "" for KMS_RANGE_OK. */
const char *kms_range_error_text(enum kms_range_error error);

/* "low:": alerts below low. */
struct kms_range kms_range_at_least(double low);
/* "0:high" would alert below 0 too, which counts never are: written as plain "high". */
struct kms_range kms_range_at_most(double high);

/* Whether value alerts; never for a range that is not given. */
bool kms_range_alerts(const struct kms_range *range, double value);
/* In range syntax, the shortest form; "" for a range that is not given. */
void kms_range_print(const struct kms_range *range, char *dst, size_t size);

/* A number for perfdata: '.' decimals, no exponent, at most six decimals, no trailing zeros. */
void kms_number_print(double value, char *dst, size_t size);

#endif
