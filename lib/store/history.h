/* What an hour was like, for one key of one host. */
#ifndef KMS_STORE_HISTORY_H
#define KMS_STORE_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "vocab/vocab.h"

#define KMS_HISTORY_NAME_SIZE 256

struct kms_history_hour {
    char host[KMS_HISTORY_NAME_SIZE]; /* whatever its case: it is kept in lower case */
    char key[KMS_HISTORY_NAME_SIZE];  /* name of the key for people: "Windows", "Office" */
    int64_t hour_s;                   /* wall clock at its start, a multiple of 3600 */
    bool count_known;
    uint32_t count_last, count_min, count_max;
    uint32_t required_client,
        required_server; /* thresholds in force then; office: the second; 0: none */
    bool requests_known; /* in this hour, resets and own requests left out */
    uint32_t requests, failed;
};

#endif
