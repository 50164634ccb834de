/* Builds DNS messages by hand, for tests. */
#ifndef KMS_TESTS_DNS_MESSAGE_H
#define KMS_TESTS_DNS_MESSAGE_H

#include <stdint.h>
#include <string.h>

#define ASKED "_vlmcs._tcp.kms.lab"

struct message {
    uint8_t bytes[65535];
    size_t len;
};

static inline void put_bytes(struct message *m, const void *bytes, size_t len)
{
    memcpy(m->bytes + m->len, bytes, len);
    m->len += len;
}

static inline void put16(struct message *m, unsigned value)
{
    const uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    put_bytes(m, bytes, 2);
}

static inline void put32(struct message *m, uint32_t value)
{
    put16(m, value >> 16);
    put16(m, value & 0xffff);
}

/* "." is the root. */
static inline void put_name(struct message *m, const char *name)
{
    while (*name != '\0' && strcmp(name, ".") != 0) {
        size_t len = strcspn(name, ".");
        const uint8_t prefix = (uint8_t)len;
        put_bytes(m, &prefix, 1);
        put_bytes(m, name, len);
        name += len + (name[len] == '.' ? 1 : 0);
    }
    put_bytes(m, "", 1);
}

/* Header and question; flags 0x8180 and the code of the answer. */
static inline void begin(struct message *m, unsigned rcode, unsigned answers, const char *name,
                         unsigned type)
{
    m->len = 0;
    put16(m, 0x1234);
    put16(m, 0x8180 | rcode);
    put16(m, 1);
    put16(m, answers);
    put16(m, 0);
    put16(m, 0);
    put_name(m, name);
    put16(m, type);
    put16(m, 1);
}

/* The owner is the name of the question. */
static inline void put_record(struct message *m, unsigned type, uint32_t ttl, unsigned len)
{
    put16(m, 0xC00C);
    put16(m, type);
    put16(m, 1);
    put32(m, ttl);
    put16(m, len);
}

static inline size_t name_len(const char *name)
{
    return strcmp(name, ".") == 0 ? 1 : strlen(name) + 2;
}

static inline void put_srv(struct message *m, unsigned priority, unsigned weight, unsigned port,
                           uint32_t ttl, const char *target)
{
    put_record(m, 33, ttl, (unsigned)(6 + name_len(target)));
    put16(m, priority);
    put16(m, weight);
    put16(m, port);
    put_name(m, target);
}

#endif
