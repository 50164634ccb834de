/* The recorded exchanges, for tests: files, bytes from hexadecimal text, and requests from their
 * stored inputs. Every failure fails the test. */
#ifndef KMS_TESTS_RECORDED_H
#define KMS_TESTS_RECORDED_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "rpc/call.h"

#define RECORDED_MAX 32768

/* A file of data/kms-exchanges; the caller releases it. */
json_t *recorded_load(const char *name);
/* The bytes of a hexadecimal text, at most RECORDED_MAX. */
size_t recorded_bytes(const json_t *text, uint8_t *ret);
/* The fields of an "inputs" or "request" object; iv is its hexadecimal text or NULL. The
 * workstation is borrowed from inputs. */
struct kms_ask recorded_ask(const json_t *inputs, const json_t *iv);
const char *recorded_text(const json_t *object, const char *key);
/* Calls back for every recorded connection of every file. */
void recorded_each(void (*call)(const char *file, const json_t *connection));

#endif
