/* Completing the facts of a host key from its description, channel and ePID. */
#include "vocab/key_facts.h"

#include <string.h>

#include "vocab/hostkey.h"

/* Not every source has the application id; descriptions are never translated. */
static const char *application_from(const char *description)
{
    if (strstr(description, "Office 2010") || strstr(description, "Office 14")) {
        return "59a52881-a989-479d-af46-f275c6370663";
    }
    if (strstr(description, "Office")) {
        return "0ff1ce15-a989-479d-af46-f275c6370663";
    }
    return strstr(description, "Windows") ? "55c92734-d682-4d71-983e-d6ec3f16059f" : NULL;
}

static enum kms_status put_text(struct kms_facts *facts, enum kms_fact_id id, const char *text)
{
    if (!text || text[0] == '\0' || kms_facts_has(facts, id)) {
        return KMS_OK;
    }
    return kms_facts_set_text(facts, id, text);
}

static enum kms_status put_build(struct kms_facts *host, const char *epid_text)
{
    struct kms_epid epid;
    if (!epid_text || !kms_epid_parse(epid_text, &epid) || kms_facts_has(host, KMS_FACT_OS_BUILD)) {
        return KMS_OK;
    }
    return kms_facts_set_number(host, KMS_FACT_OS_BUILD, epid.build);
}

static enum kms_status put_group(struct kms_facts *key, const char *epid)
{
    struct kms_key_kind kind;
    enum kms_application application = kms_application_of(
        kms_facts_text(key, KMS_FACT_APPLICATION_ID));
    if (!kms_key_kind_of(application, kms_facts_text(key, KMS_FACT_KEY_CHANNEL), epid, &kind)) {
        return KMS_OK;
    }
    return put_text(key, KMS_FACT_KEY_GROUP, kind.name);
}

enum kms_status kms_key_facts_complete(struct kms_facts *key, struct kms_facts *host)
{
    const char *description = kms_facts_text(key, KMS_FACT_KEY_DESCRIPTION);
    enum kms_status status = KMS_OK;
    if (description) {
        status = put_text(key, KMS_FACT_APPLICATION_ID, application_from(description));
    }
    const char *epid = kms_facts_text(key, KMS_FACT_EPID);
    status = status == KMS_OK ? put_build(host, epid) : status;
    return status == KMS_OK ? put_group(key, epid) : status;
}
