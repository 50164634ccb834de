/* DNS servers as people write them: only for the files behind net/resolve.h. */
#ifndef KMS_NET_DNS_SERVER_TEXT_H
#define KMS_NET_DNS_SERVER_TEXT_H

#include "net/resolve.h"

/* Room for what kms_resolver_server_text writes. */
#define KMS_DNS_SERVER_TEXT (KMS_ADDRESS_TEXT + 8)

/* The whole of a list that must not be empty, KMS_RESOLVER_SERVERS_MAX of them at most; the fault
 * says where. */
enum kms_status kms_dns_server_list_read(const char *text,
                                         struct kms_address ret[KMS_RESOLVER_SERVERS_MAX],
                                         size_t *ret_count, struct kms_fault *fault);

#endif
