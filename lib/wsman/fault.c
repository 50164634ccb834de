/* What a WS-Management fault means, by its codes. */
#include "wsman/fault.h"

#include "base/text.h"
#include "vocab/hresult.h"

#define ACCESS_DENIED 0x80070005U
#define WIN32_LAST    0xFFFFU     /* smaller codes are bare numbers of Win32 */
#define WIN32_BASE    0x80070000U /* which are also HRESULTs of this facility */

#define DEFECT    "The monitor sent what WinRM does not take: report this with a capture."
#define MORE_ROOM "Raise MaxEnvelopeSizekb on the host, or the size that the monitor asks for."
#define CRASHED                                                                     \
    "The process of the WMI provider was restarted (WmiPrvSE); look at the host's " \
    "event log if it happens again."
#define NO_PLUGIN "WinRM does not serve WMI there: its WMI plug-in may be disabled."
#define SLOW_WMI  "WMI took longer than it was given; look at the load of the host."

struct meaning {
    uint32_t code;
    const char *name; /* of the WS-Management and WMI headers of Windows */
    struct kms_wsman_verdict verdict;
};

#define MEANS(code, name, outcome, reaction, advice)                    \
    {                                                                   \
        code, name,                                                     \
        {                                                               \
            KMS_OUTCOME_WSMAN_##outcome, KMS_WSMAN_##reaction, (advice) \
        }                                                               \
    }

static const struct meaning meanings[] = {
    MEANS(ACCESS_DENIED, "E_ACCESSDENIED", DENIED, GIVE_UP, ""),
    MEANS(0x80041003U, "WBEM_E_ACCESS_DENIED", NAMESPACE, GIVE_UP, ""),
    MEANS(0x80338104U, "ERROR_WSMAN_WMI_SVC_ACCESS_DENIED", NAMESPACE, GIVE_UP,
          "The WMI service itself refused the user."),
    MEANS(0x80338105U, "ERROR_WSMAN_WMI_PROVIDER_ACCESS_DENIED", NAMESPACE, GIVE_UP,
          "The provider of the class refused the user."),
    MEANS(0x80338106U, "ERROR_WSMAN_WMI_CANNOT_CONNECT_ACCESS_DENIED", NAMESPACE, GIVE_UP,
          "The user may not connect to WMI: Remote Enable is missing."),
    MEANS(0xC004F025U, "SL_E_LUA_ACCESSDENIED", NAMESPACE, GIVE_UP,
          "The licensing provider wants more rights; compare with what an administrator reads."),

    MEANS(0x8033801AU, "ERROR_WSMAN_ENUMERATE_CANNOT_PROCESS_FILTER", NO_CLASS, TRY_OLDER, ""),
    MEANS(0x80041010U, "WBEM_E_INVALID_CLASS", NO_CLASS, TRY_OLDER, ""),
    MEANS(0x8004100EU, "WBEM_E_INVALID_NAMESPACE", NO_CLASS, TRY_OLDER, ""),
    MEANS(0x80041017U, "WBEM_E_INVALID_QUERY", NO_CLASS, TRY_OLDER, ""),
    MEANS(0x80338000U, "ERROR_WSMAN_RESOURCE_NOT_FOUND", NO_CLASS, GIVE_UP, NO_PLUGIN),
    MEANS(0x80338012U, "ERROR_WSMAN_DESTINATION_UNREACHABLE", NO_CLASS, GIVE_UP, NO_PLUGIN),

    MEANS(0x8033801BU, "ERROR_WSMAN_ENUMERATE_INVALID_ENUMERATION_CONTEXT", EXPIRED, START_AGAIN,
          ""),
    MEANS(0x8033801CU, "ERROR_WSMAN_ENUMERATE_TIMED_OUT", EXPIRED, START_AGAIN, ""),

    MEANS(0x80338029U, "ERROR_WSMAN_OPERATION_TIMEDOUT", SLOW, TRY_AGAIN, ""),
    MEANS(0x80041032U, "WBEM_E_CALL_CANCELLED", SLOW, TRY_AGAIN, SLOW_WMI),
    MEANS(0x80041069U, "WBEM_E_TIMED_OUT", SLOW, TRY_AGAIN, SLOW_WMI),

    MEANS(0x80041004U, "WBEM_E_PROVIDER_FAILURE", FAULT, TRY_AGAIN, CRASHED),
    MEANS(0x80041013U, "WBEM_E_PROVIDER_LOAD_FAILURE", FAULT, TRY_AGAIN, CRASHED),
    MEANS(0x80041033U, "WBEM_E_SHUTTING_DOWN", FAULT, TRY_AGAIN, "The WMI service is stopping."),
    MEANS(0x800706BAU, "RPC_S_SERVER_UNAVAILABLE", FAULT, TRY_AGAIN, CRASHED),
    MEANS(0x800706BEU, "RPC_S_CALL_FAILED", FAULT, TRY_AGAIN, CRASHED),

    MEANS(0x80338026U, "ERROR_WSMAN_ENVELOPE_TOO_LARGE", ENVELOPE, GIVE_UP, MORE_ROOM),
    MEANS(0x80338035U, "ERROR_WSMAN_ENCODING_LIMIT", ENVELOPE, GIVE_UP, MORE_ROOM),
    MEANS(0x80338047U, "ERROR_WSMAN_MAX_ENVELOPE_SIZE", ENVELOPE, GIVE_UP, MORE_ROOM),
    MEANS(0x80338048U, "ERROR_WSMAN_MAX_ENVELOPE_SIZE_EXCEEDED", ENVELOPE, GIVE_UP, MORE_ROOM),
    MEANS(0x80338049U, "ERROR_WSMAN_SERVER_ENVELOPE_LIMIT", ENVELOPE, GIVE_UP, MORE_ROOM),
    MEANS(0x8033807EU, "ERROR_WSMAN_MIN_ENVELOPE_SIZE", ENVELOPE, GIVE_UP, MORE_ROOM),

    MEANS(0x8033803FU, "ERROR_WSMAN_QUOTA_LIMIT", QUOTA, BACK_OFF, ""),
    MEANS(0x803381A5U, "ERROR_WSMAN_QUOTA_MAX_SHELLS", QUOTA, BACK_OFF,
          "Too many remote shells are open for the account; the monitor itself opens none."),
    MEANS(0x803381A6U, "ERROR_WSMAN_QUOTA_MAX_OPERATIONS", QUOTA, BACK_OFF,
          "Too many operations run for the account (MaxConcurrentOperationsPerUser)."),
    MEANS(0x803381A7U, "ERROR_WSMAN_QUOTA_USER", QUOTA, BACK_OFF, ""),
    MEANS(0x803381A8U, "ERROR_WSMAN_QUOTA_SYSTEM", QUOTA, BACK_OFF, ""),
    MEANS(0x803381ABU, "ERROR_WSMAN_QUOTA_MAX_SHELLUSERS", QUOTA, BACK_OFF, ""),
    MEANS(0x803381E4U, "ERROR_WSMAN_QUOTA_MAX_SHELLS_PPQ", QUOTA, BACK_OFF, ""),
    MEANS(0x803381E5U, "ERROR_WSMAN_QUOTA_MAX_USERS_PPQ", QUOTA, BACK_OFF, ""),
    MEANS(0x803381E6U, "ERROR_WSMAN_QUOTA_MAX_PLUGINSHELLS_PPQ", QUOTA, BACK_OFF, ""),
    MEANS(0x803381E7U, "ERROR_WSMAN_QUOTA_MAX_PLUGINOPERATIONS_PPQ", QUOTA, BACK_OFF, ""),
    MEANS(0x803381E8U, "ERROR_WSMAN_QUOTA_MAX_OPERATIONS_USER_PPQ", QUOTA, BACK_OFF, ""),
    MEANS(0x8004106CU, "WBEM_E_QUOTA_VIOLATION", QUOTA, BACK_OFF,
          "A quota of WMI itself is used up (__ArbitratorConfiguration)."),

    MEANS(0x803380FAU, "ERROR_WSMAN_INVALID_URI_WMI_SINGLETON", FAULT, GIVE_UP, DEFECT),
    MEANS(0x803380FBU, "ERROR_WSMAN_INVALID_URI_WMI_ENUM_WQL", FAULT, GIVE_UP, DEFECT),
    MEANS(0x803381ADU, "ERROR_WSMAN_PULL_PARAMS_NOT_SAME_AS_ENUM", FAULT, GIVE_UP, DEFECT),
    MEANS(0x80338041U, "ERROR_WSMAN_SCHEMA_VALIDATION_ERROR", FAULT, GIVE_UP, DEFECT),
};

/* For faults without a code that is known: SOAP's own classes of faults. */
static const struct {
    const char *subcode;
    uint32_t code;
} classes[] = {
    {"AccessDenied", ACCESS_DENIED},
    {"CannotProcessFilter", 0x8033801AU},
    {"InvalidEnumerationContext", 0x8033801BU},
    {"TimedOut", 0x80338029U},
    {"QuotaLimit", 0x8033803FU},
    {"EncodingLimit", 0x80338035U},
    {"InvalidResourceURI", 0x80338000U},
    {"DestinationUnreachable", 0x80338000U},
    {"SchemaValidationError", 0x80338041U},
};

static const struct kms_wsman_verdict unknown = {KMS_OUTCOME_WSMAN_FAULT, KMS_WSMAN_GIVE_UP, ""};

static uint32_t hresult_of(uint32_t code)
{
    return code > 0 && code <= WIN32_LAST ? WIN32_BASE | code : code;
}

static const struct meaning *meaning_of(uint32_t code)
{
    for (size_t i = 0; i < KMS_COUNT_OF(meanings); i++) {
        if (meanings[i].code == hresult_of(code)) {
            return &meanings[i];
        }
    }
    return NULL;
}

static struct kms_wsman_verdict by_subcode(const char *subcode)
{
    for (size_t i = 0; i < KMS_COUNT_OF(classes); i++) {
        if (kms_text_equal(subcode, classes[i].subcode)) {
            const struct meaning *meaning = meaning_of(classes[i].code);
            return meaning ? meaning->verdict : unknown;
        }
    }
    return unknown;
}

/* The provider knows best what went wrong; WinRM wraps it in a more general code. */
struct kms_wsman_verdict kms_wsman_judge_fault(const struct kms_soap_fault *fault)
{
    const struct meaning *meaning = NULL;
    if (fault->provider_known) {
        meaning = meaning_of(fault->provider_code);
    }
    if (!meaning && fault->code_known) {
        meaning = meaning_of(fault->code);
    }
    if (!meaning) {
        return by_subcode(fault->subcode);
    }
    struct kms_wsman_verdict verdict = meaning->verdict;
    if (meaning->code == ACCESS_DENIED && fault->provider_known) {
        verdict.outcome = KMS_OUTCOME_WSMAN_NAMESPACE; /* WinRM let the user in, WMI did not */
    }
    return verdict;
}

static void add_code(uint32_t code, char *dst, size_t size)
{
    const struct meaning *meaning = meaning_of(code);
    const struct kms_hresult *row = kms_hresult_find(hresult_of(code));
    const char *name = "";
    if (row) {
        name = row->symbol;
    } else if (meaning) {
        name = meaning->name;
    }
    kms_text_append(dst, size, "0x%08X%s%s", code, name[0] != '\0' ? " " : "", name);
}

void kms_wsman_fault_text(const struct kms_soap_fault *fault, char *dst, size_t size)
{
    kms_text_copy(dst, size, "");
    if (fault->code_known) {
        add_code(fault->code, dst, size);
        if (fault->subcode[0] != '\0') {
            kms_text_append(dst, size, " (%s)", fault->subcode);
        }
    } else {
        kms_text_append(dst, size, "%s",
                        fault->subcode[0] != '\0' ? fault->subcode : "a fault without a code");
    }
    if (fault->provider_known && !(fault->code_known && fault->provider_code == fault->code)) {
        kms_text_append(dst, size, ", provider ");
        add_code(fault->provider_code, dst, size);
    }
    if (fault->text[0] != '\0') {
        kms_text_append(dst, size, ": %s", fault->text);
    }
}
