/* The stable number of a key of a host, for as many keys as a genuine host ever shows. */
#ifndef KMS_AGENT_KEY_NUMBER_H
#define KMS_AGENT_KEY_NUMBER_H

#include <stdint.h>

#include "base/log.h"
#include "store/index.h"

/* Numbers of one host and one kind of identity ("id:", "epid:", "key:"): more than decades of keys
 * need, but a host that tells another ePID at every poll fills neither the file nor the memory. */
#define KMS_KEY_NUMBERS_MAX 100

/* For kms_key_index_fn of the board; 0: the host has had its share. That is logged when it happens
 * to the host for the first time. */
uint32_t kms_key_number(struct kms_index *index, const struct kms_log *log, const char *host,
                        uint32_t host_number, const char *identity);

#endif
