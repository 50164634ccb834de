/* Ownership of a target's texts. */
#include "model/target.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

void kms_target_done(struct kms_target *target)
{
    if (!target) {
        return;
    }
    free(target->name);
    free(target->address);
    for (size_t i = 0; i < KMS_COUNT_OF(target->source); i++) {
        free(target->source[i].url);
        free(target->source[i].ca_file);
        free(target->source[i].product);
        free(target->source[i].service);
        free(target->source[i].pin);
        kms_credentials_done(target->source[i].credentials);
        free(target->source[i].credentials);
    }
    kms_texts_done(&target->publish_in);
    *target = (struct kms_target){0};
}

/* True when there was nothing to copy, or the copy succeeded. */
static bool copy_text(char **ret, const char *from)
{
    *ret = kms_text_dup(from);
    return *ret || !from;
}

static bool copy_credentials(struct kms_credentials **ret, const struct kms_credentials *from)
{
    *ret = from ? calloc(1, sizeof **ret) : NULL;
    return !from || (*ret && kms_credentials_copy(*ret, from) == KMS_OK);
}

enum kms_status kms_target_copy(struct kms_target *ret, const struct kms_target *from)
{
    struct kms_target copy = *from;
    bool whole = copy_text(&copy.name, from->name);
    whole = copy_text(&copy.address, from->address) && whole;
    copy.publish_in = (struct kms_texts){0};
    whole = kms_texts_copy(&copy.publish_in, &from->publish_in) == KMS_OK && whole;
    for (size_t i = 0; i < KMS_COUNT_OF(copy.source); i++) {
        whole = copy_text(&copy.source[i].url, from->source[i].url) && whole;
        whole = copy_text(&copy.source[i].ca_file, from->source[i].ca_file) && whole;
        whole = copy_text(&copy.source[i].product, from->source[i].product) && whole;
        whole = copy_text(&copy.source[i].service, from->source[i].service) && whole;
        whole = copy_text(&copy.source[i].pin, from->source[i].pin) && whole;
        whole = copy_credentials(&copy.source[i].credentials, from->source[i].credentials) && whole;
    }
    if (!whole) {
        kms_target_done(&copy);
        return KMS_ENOMEM;
    }
    *ret = copy;
    return KMS_OK;
}

const char *kms_target_address(const struct kms_target *target)
{
    return target->address ? target->address : target->name;
}

/* Digits and dots alone, or a colon: no label of a top level domain is a number (RFC 3696). */
static bool looks_like_ip(const char *text)
{
    return strchr(text, ':') != NULL || text[strspn(text, "0123456789.")] == '\0';
}

const char *kms_target_dns_name(const struct kms_target *target)
{
    const char *address = kms_target_address(target);
    bool name_is_better = looks_like_ip(address) && !looks_like_ip(target->name);
    return name_is_better ? target->name : address;
}

const char *kms_target_domain(const struct kms_target *target)
{
    const char *name = kms_target_dns_name(target);
    const char *dot = strchr(name, '.');
    if (!dot || looks_like_ip(name) || dot[1] == '\0') {
        return NULL;
    }
    return dot + 1;
}

/* Without regard to ASCII case and a last dot. */
static bool same_domain(const char *a, const char *b)
{
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);
    a_len -= a_len > 0 && a[a_len - 1] == '.' ? 1 : 0;
    b_len -= b_len > 0 && b[b_len - 1] == '.' ? 1 : 0;
    return a_len == b_len && strncasecmp(a, b, a_len) == 0;
}

bool kms_target_expected_in(const struct kms_target *target, const char *domain)
{
    if (!target->source[KMS_SOURCE_DNS].enabled) {
        return false;
    }
    const char *own = kms_target_domain(target);
    if (own && same_domain(own, domain)) {
        return true;
    }
    for (size_t i = 0; i < target->publish_in.count; i++) {
        if (same_domain(target->publish_in.text[i], domain)) {
            return true;
        }
    }
    return false;
}
