/* Reads an HTTP answer as a step of a conversation: its outcome, and what authentication it offers.
 */
#include "wsman/reply.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

static enum kms_outcome outcome_of_transfer(const struct kms_http_reply *reply,
                                            enum kms_talk_stage *ret_stage)
{
    *ret_stage = reply->secured     ? KMS_TALK_HTTP
                 : reply->connected ? KMS_TALK_TLS
                                    : KMS_TALK_CONNECT;
    switch (reply->outcome) {
    case KMS_OUTCOME_HTTP_URL:
        *ret_stage = KMS_TALK_ADDRESS;
        return KMS_OUTCOME_WSMAN_ADDRESS;
    case KMS_OUTCOME_HTTP_RESOLVE:
        *ret_stage = KMS_TALK_ADDRESS;
        return KMS_OUTCOME_WSMAN_UNRESOLVED;
    case KMS_OUTCOME_HTTP_CONNECT:
        *ret_stage = KMS_TALK_CONNECT;
        return KMS_OUTCOME_WSMAN_CONNECT;
    case KMS_OUTCOME_HTTP_TLS:
        *ret_stage = KMS_TALK_TLS;
        return KMS_OUTCOME_WSMAN_TLS;
    case KMS_OUTCOME_HTTP_PIN:
        *ret_stage = KMS_TALK_TLS;
        return KMS_OUTCOME_WSMAN_PIN;
    case KMS_OUTCOME_HTTP_REDIRECT:
        *ret_stage = KMS_TALK_HTTP;
        return KMS_OUTCOME_WSMAN_REDIRECT;
    case KMS_OUTCOME_HTTP_TOO_BIG:
        *ret_stage = KMS_TALK_HTTP;
        return KMS_OUTCOME_WSMAN_TOO_BIG;
    case KMS_OUTCOME_TIMEOUT:
        return KMS_OUTCOME_WSMAN_TIMEOUT;
    case KMS_OUTCOME_NO_MEMORY:
        return KMS_OUTCOME_NO_MEMORY;
    default:
        return KMS_OUTCOME_WSMAN_BROKEN;
    }
}

/* An answer without a SOAP body, by its status. */
static enum kms_outcome outcome_of_status(long status, enum kms_talk_stage *ret_stage)
{
    *ret_stage = KMS_TALK_HTTP;
    switch (status) {
    case 401:
        *ret_stage = KMS_TALK_AUTHENTICATE;
        return KMS_OUTCOME_WSMAN_UNAUTHENTICATED;
    case 403:
        *ret_stage = KMS_TALK_AUTHORIZE;
        return KMS_OUTCOME_WSMAN_DENIED;
    case 404:
    case 405:
        return KMS_OUTCOME_WSMAN_FOREIGN;
    case 500:
        return KMS_OUTCOME_WSMAN_NO_ROOM;
    case 503:
        return KMS_OUTCOME_WSMAN_UNAVAILABLE;
    default:
        return status >= 400 ? KMS_OUTCOME_WSMAN_REJECTED : KMS_OUTCOME_WSMAN_FOREIGN;
    }
}

enum kms_outcome kms_reply_outcome(const struct kms_http_reply *reply,
                                   enum kms_talk_stage *ret_stage)
{
    return reply->outcome == KMS_OUTCOME_OK ? outcome_of_status(reply->status, ret_stage)
                                            : outcome_of_transfer(reply, ret_stage);
}

void kms_reply_describe(const struct kms_http_reply *reply, struct kms_connection_end *ret)
{
    ret->status = reply->status;
    ret->date_s = reply->date_s;
    kms_text_copy(ret->content_type, sizeof ret->content_type, reply->content_type);
    if (reply->detail[0]) {
        kms_text_copy(ret->detail, sizeof ret->detail, reply->detail);
    } else if (reply->status != 0) {
        kms_text_format(ret->detail, sizeof ret->detail, "HTTP status %ld%s%s", reply->status,
                        reply->content_type[0] ? ", " : "", reply->content_type);
    }
}

static bool is_scheme(const char *challenge, const char *scheme)
{
    size_t len = strlen(scheme);
    return strncasecmp(challenge, scheme, len) == 0 &&
           (challenge[len] == '\0' || challenge[len] == ' ');
}

/* What stands behind the scheme's word in any of the challenges; NULL: it is not among them. */
const char *kms_reply_challenge(const struct kms_http_reply *reply, const char *scheme)
{
    const char *found = NULL;
    for (size_t i = 0; i < reply->challenge_count && !found; i++) {
        const char *at = reply->challenge[i];
        found = is_scheme(at, scheme) ? at + strlen(scheme) + strspn(at + strlen(scheme), " ")
                                      : NULL;
    }
    return found;
}

void kms_reply_offered(const struct kms_http_reply *reply, char *dst, size_t size)
{
    dst[0] = '\0';
    kms_text_append(dst, size, "the host offers ");
    for (size_t i = 0; i < reply->challenge_count; i++) {
        const char *at = reply->challenge[i];
        char word[32];
        size_t len = strcspn(at, " ");
        kms_text_clean(word, sizeof word, at, len);
        kms_text_append(dst, size, "%s%s", i > 0 ? ", " : "", word);
    }
    if (reply->challenge_count == 0) {
        kms_text_append(dst, size, "no method at all");
    }
}
