/* An IPv4 or IPv6 address with a port, as sockets take it and as people write it. */
#ifndef KMS_NET_ADDRESS_H
#define KMS_NET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <netinet/in.h>
#include <sys/socket.h>

/* Room for the longest text: an IPv6 address with a zone. */
#define KMS_ADDRESS_TEXT 80

/* A plain value; family AF_UNSPEC when zeroed. */
struct kms_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } to;
};

/* From what DNS answers: 4 bytes for AF_INET, 16 for AF_INET6, in network order. */
struct kms_address kms_address_v4(const uint8_t bytes[4], uint16_t port);
struct kms_address kms_address_v6(const uint8_t bytes[16], uint16_t port);
/* "192.0.2.1", "2001:db8::1", "fe80::1%eth0"; false for anything else, names above all. */
bool kms_address_parse(const char *text, uint16_t port, struct kms_address *ret);

void kms_address_set_port(struct kms_address *address, uint16_t port);
int kms_address_family(const struct kms_address *address);
socklen_t kms_address_len(const struct kms_address *address);
/* Without the port. */
void kms_address_text(const struct kms_address *address, char *dst, size_t size);
/* "192.0.2.1:1688", "[2001:db8::1]:1688". */
void kms_address_port_text(const struct kms_address *address, char *dst, size_t size);

#endif
