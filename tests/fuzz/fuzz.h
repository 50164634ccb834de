/* What every harness gives: one function that takes any bytes and must come back clean. */
#ifndef KMS_TESTS_FUZZ_H
#define KMS_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#endif
