/* A host of tests/fakes/hosts as rows and as facts, without a wire between. */
#ifndef KMS_TESTS_HOST_FILE_H
#define KMS_TESTS_HOST_FILE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>

#include "model/result.h"
#include "wsman/facts.h"

#define HOST_FILES KMSMON_SOURCE_DIR "/tests/fakes/hosts"

/* By the name of its file without folder and ending; ended with json_decref. */
json_t *host_file_read(const char *name);
/* What the four queries bring, read and settled. now_s is the time of "@now". */
enum kms_outcome host_file_take(const json_t *host, int64_t now_s, struct kms_wsman_facts *facts);
/* The same as a result of source wsman, made now. */
void host_file_result(const char *name, int64_t now_s, struct kms_result *ret);

#endif
