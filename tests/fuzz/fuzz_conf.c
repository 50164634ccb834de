/* Feeds any bytes to the configuration reader; what reads well must print and read back to the same
 * site. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/site.h"
#include "base/text.h"
#include "fuzz/fuzz.h"

#define SEPARATOR "\n%%%%\n" /* between the files of one input */
#define FILES_MAX 8

struct part {
    const char *text;
    size_t len;
};

/* The included files of an input are named 1, 2, ...; "*" means all. */
struct parts {
    struct part part[FILES_MAX];
    size_t count;
};

static void split(const uint8_t *data, size_t size, struct parts *parts)
{
    struct part rest = {(const char *)data, size};
    while (parts->count < FILES_MAX - 1) {
        const char *cut = rest.len > 0 ? memmem(rest.text, rest.len, SEPARATOR, strlen(SEPARATOR))
                                       : NULL;
        if (!cut) {
            break;
        }
        size_t len = (size_t)(cut - rest.text);
        parts->part[parts->count++] = (struct part){rest.text, len};
        rest.text = cut + strlen(SEPARATOR);
        rest.len -= len + strlen(SEPARATOR);
    }
    parts->part[parts->count++] = rest;
}

static enum kms_status expand(void *arg, const char *from, const char *pattern, char ***ret_names,
                              size_t *ret_count, struct kms_fault *fault)
{
    (void)from;
    const struct parts *parts = arg;
    char **names = calloc(FILES_MAX, sizeof *names);
    size_t count = 0;
    if (!names) {
        return kms_fault_set(fault, KMS_ENOMEM, 0, "out of memory");
    }
    if (pattern[0] == '*') {
        for (size_t i = 1; i < parts->count; i++) {
            char name[2] = {(char)('0' + i), 0};
            names[count++] = kms_text_dup(name);
        }
    } else {
        names[count++] = kms_text_dup(pattern);
    }
    *ret_names = names;
    *ret_count = count;
    return KMS_OK;
}

static enum kms_status read_part(void *arg, const char *name, struct kms_buf *text,
                                 uint64_t ret_identity[2], struct kms_fault *fault)
{
    const struct parts *parts = arg;
    uint64_t number;
    if (!kms_text_u64(name, &number) || number >= parts->count) {
        return kms_fault_set(fault, KMS_ENOTFOUND, 0, "no such file");
    }
    ret_identity[0] = number + 1;
    ret_identity[1] = 0;
    return kms_buf_add(text, parts->part[number].text, parts->part[number].len);
}

static bool build(struct parts *parts, struct kms_site *ret_site)
{
    const struct kms_conf_source source = {.expand = expand, .read = read_part, .arg = parts};
    struct kms_buf text;
    kms_buf_init(&text, 65536);
    struct kms_conf_errors errors;
    kms_conf_errors_init(&errors, &text);
    struct kms_conf *conf = kms_conf_parse("0", parts->part[0].text, parts->part[0].len, &source,
                                           &errors);
    bool good = conf && kms_site_build(conf, ret_site, &errors) == KMS_OK;
    kms_conf_errors_end(&errors);
    if (good != (text.len == 0)) {
        abort(); /* an error without a message, or the reverse */
    }
    kms_conf_free(conf);
    kms_buf_done(&text);
    return good;
}

static void print(const struct kms_site *site, struct kms_buf *buf)
{
    kms_buf_init(buf, (size_t)64 << 20);
    if (kms_site_print(site, buf) != KMS_OK) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct parts parts = {.count = 0};
    split(data, size, &parts);
    struct kms_site site;
    if (!build(&parts, &site)) {
        return 0;
    }
    struct kms_buf once;
    print(&site, &once);
    bool whole = !site.snmp.community; /* which is not printed, and may be needed */
    kms_site_free(&site);
    if (!whole) {
        kms_buf_done(&once);
        return 0;
    }
    struct parts printed = {.part = {{once.data, once.len}}, .count = 1};
    if (!build(&printed, &site)) {
        abort();
    }
    struct kms_buf twice;
    print(&site, &twice);
    kms_site_free(&site);
    if (!kms_text_equal(kms_buf_str(&once), kms_buf_str(&twice))) {
        abort();
    }
    kms_buf_done(&once);
    kms_buf_done(&twice);
    return 0;
}
