/* Reads reports, and asks hosts over WS-Management, through the probes, several at a time, under
 * one limit: what checks and people's command share. */
#ifndef KMS_CHECKS_READER_H
#define KMS_CHECKS_READER_H

#include <stddef.h>
#include <stdint.h>

#include "model/result.h"
#include "model/target.h"

struct kms_reading {
    enum kms_source source; /* KMS_SOURCE_REPORT or KMS_SOURCE_WSMAN; 0: the report */
    const struct kms_target *target;
    struct kms_result *result; /* initialised; filled by the reader */
};

struct kms_read_setup {
    size_t at_once;
    int64_t limit_ms; /* for all together; 0: no limit but each target's own */
    /* Called now and then with how many are read; NULL: not wanted. */
    void (*progress)(void *arg, size_t finished, size_t all, int64_t elapsed_ms);
    void *arg;
};

enum kms_read_end { KMS_READ_DONE, KMS_READ_LATE, KMS_READ_NO_MEMORY };

/* ret_now_s is the wall clock at the end. After KMS_READ_LATE some results may be missing
 * (KMS_OUTCOME_NONE). */
enum kms_read_end kms_read_reports(const struct kms_read_setup *setup, struct kms_reading *readings,
                                   size_t count, int64_t *ret_now_s);

/* A short name for a report: its file name without the ending, else the host of an address. */
void kms_report_name(const char *report, char *dst, size_t size);
/* The report as it may be shown: an address without user and password. */
void kms_report_show(const char *report, char *dst, size_t size);

#endif
