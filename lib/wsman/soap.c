/* Reads one WS-Management message with expat, as its bytes come. */
#include "wsman/soap.h"

#include <expat.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"

#define SOAP        "http://www.w3.org/2003/05/soap-envelope"
#define ADDRESSING  "http://schemas.xmlsoap.org/ws/2004/08/addressing"
#define ENUMERATION "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
#define MANAGEMENT  "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
#define IDENTITY    "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"
#define FAULTS      "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
#define WMI_ERRORS  "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError"
#define CIM         "http://schemas.dmtf.org/wbem/wscim/1/common"
#define INSTANCE    "http://www.w3.org/2001/XMLSchema-instance"

#define SEPARATOR  '\x1f' /* between namespace and local name; XML cannot hold it */
#define DEPTH_MAX  64
#define NAME_MAX   1024 /* bytes of namespace and local name */
#define ATTRIBUTES 64
#define VALUE_MAX  8192  /* of an attribute */
#define TEXT_MAX   16384 /* of what is kept of a text outside of rows */
#define CELLS_MAX  4096  /* of one row */
#define SLICE      16384 /* bytes for expat at once */
#define PENDING_MAX \
    131072 /* bytes that expat may hold back: a tag, a comment, waiting to be whole */

/* Where the reader is: an element whose meaning is known, or any other one. */
enum place {
    NOWHERE,
    OTHER,
    ENVELOPE,
    HEADER,
    RELATES_TO,
    ACTION,
    BODY,
    IDENTIFIED,
    VENDOR,
    VERSION,
    ENUMERATED,
    PULLED,
    RELEASED,
    CONTEXT,
    ITEMS,
    ROW,
    CELL,
    DATE,
    END_OF_SEQUENCE,
    FAULT,
    CODE,
    SUBCODE,
    SUBCODE_VALUE,
    REASON,
    REASON_TEXT,
    DETAIL,
    WINDOWS_FAULT,
    PROVIDER_FAULT,
    INNER_FAULT,
    MESSAGE,
    EXTENDED_ERROR,
    EXTENDED_STATUS,
    STATUS_CODE,
    WMI_ERROR,
    WMI_CODE,
    WMI_TYPE,
    WMI_ID,
    WMI_MESSAGE
};

struct name {
    const char *space;
    size_t space_len;
    const char *local;
};

struct kms_soap {
    XML_Parser parser;
    struct kms_soap_limits limits;
    kms_soap_row_fn *take_row;
    void *arg;
    struct kms_soap_message message;

    enum place path[DEPTH_MAX + 1]; /* path[0] is NOWHERE */
    size_t depth;
    size_t collecting; /* depth of the element whose text is kept; 0: none */
    struct kms_buf text;

    struct kms_wsman_row row;
    size_t row_bytes;
    bool is_null, is_date, is_nested; /* the cell */

    bool has_body, has_content, is_release;
    uint32_t wmi_code, wmi_id; /* of MSFT_WmiError; 0: not said */
    bool is_foreign_type;      /* its error_Type is neither HRESULT nor Win32 */

    size_t fed;  /* bytes */
    size_t read; /* of them, as far as was known last */
    bool is_ended;
    enum kms_status status;
    struct kms_fault fault;
};

/* What an element means by where it stands. NULL stands for anything, "" for no namespace. */
static const struct {
    enum place parent;
    const char *space;
    const char *local;
    enum place place;
} grammar[] = {
    {ROW, NULL, NULL, CELL},
    {ITEMS, NULL, NULL, ROW},
    {CELL, CIM, "Datetime", DATE},
    {CELL, "", "Datetime", DATE},
    {NOWHERE, SOAP, "Envelope", ENVELOPE},
    {ENVELOPE, SOAP, "Header", HEADER},
    {ENVELOPE, SOAP, "Body", BODY},
    {HEADER, ADDRESSING, "RelatesTo", RELATES_TO},
    {HEADER, ADDRESSING, "Action", ACTION},
    {BODY, IDENTITY, "IdentifyResponse", IDENTIFIED},
    {IDENTIFIED, IDENTITY, "ProductVendor", VENDOR},
    {IDENTIFIED, IDENTITY, "ProductVersion", VERSION},
    {BODY, ENUMERATION, "EnumerateResponse", ENUMERATED},
    {BODY, ENUMERATION, "PullResponse", PULLED},
    {BODY, ENUMERATION, "ReleaseResponse", RELEASED},
    {ENUMERATED, ENUMERATION, "EnumerationContext", CONTEXT},
    {ENUMERATED, MANAGEMENT, "Items", ITEMS},
    {ENUMERATED, ENUMERATION, "Items", ITEMS},
    {ENUMERATED, MANAGEMENT, "EndOfSequence", END_OF_SEQUENCE},
    {ENUMERATED, ENUMERATION, "EndOfSequence", END_OF_SEQUENCE},
    {PULLED, ENUMERATION, "EnumerationContext", CONTEXT},
    {PULLED, ENUMERATION, "Items", ITEMS},
    {PULLED, MANAGEMENT, "Items", ITEMS},
    {PULLED, ENUMERATION, "EndOfSequence", END_OF_SEQUENCE},
    {PULLED, MANAGEMENT, "EndOfSequence", END_OF_SEQUENCE},
    {BODY, SOAP, "Fault", FAULT},
    {FAULT, SOAP, "Code", CODE},
    {CODE, SOAP, "Subcode", SUBCODE},
    {SUBCODE, SOAP, "Value", SUBCODE_VALUE},
    {FAULT, SOAP, "Reason", REASON},
    {REASON, SOAP, "Text", REASON_TEXT},
    {FAULT, SOAP, "Detail", DETAIL},
    {DETAIL, FAULTS, "WSManFault", WINDOWS_FAULT},
    {WINDOWS_FAULT, FAULTS, "Message", MESSAGE},
    {MESSAGE, FAULTS, "ProviderFault", PROVIDER_FAULT},
    {PROVIDER_FAULT, FAULTS, "WSManFault", INNER_FAULT},
    {INNER_FAULT, FAULTS, "Message", MESSAGE},
    {PROVIDER_FAULT, FAULTS, "ExtendedError", EXTENDED_ERROR},
    {WINDOWS_FAULT, FAULTS, "ExtendedError", EXTENDED_ERROR},
    {INNER_FAULT, FAULTS, "ExtendedError", EXTENDED_ERROR},
    {EXTENDED_ERROR, NULL, "__ExtendedStatus", EXTENDED_STATUS}, /* of the class's namespace */
    {EXTENDED_STATUS, NULL, "StatusCode", STATUS_CODE},
    {DETAIL, WMI_ERRORS, "MSFT_WmiError", WMI_ERROR},
    {WMI_ERROR, WMI_ERRORS, "error_Code", WMI_CODE},
    {WMI_ERROR, WMI_ERRORS, "error_Type", WMI_TYPE},
    {WMI_ERROR, WMI_ERRORS, "MessageID", WMI_ID},
    {WMI_ERROR, WMI_ERRORS, "Message", WMI_MESSAGE},
};

static size_t offset_of(const struct kms_soap *soap)
{
    XML_Index at = XML_GetCurrentByteIndex(soap->parser);
    return at >= 0 ? (size_t)at : soap->read; /* expat does not always know */
}

/* The first failure stays. Handlers may still be called once after the parser was stopped. */
static void fail(struct kms_soap *soap, enum kms_status status, const char *text)
{
    if (soap->status == KMS_OK) {
        soap->status = kms_fault_set(&soap->fault, status, offset_of(soap), "%s", text);
        XML_StopParser(soap->parser, XML_FALSE);
    }
}

static struct name split(const char *full)
{
    const char *separator = strchr(full, SEPARATOR);
    if (!separator) {
        return (struct name){"", 0, full};
    }
    return (struct name){full, (size_t)(separator - full), separator + 1};
}

static bool is_space(const struct name *name, const char *space)
{
    return strlen(space) == name->space_len && memcmp(space, name->space, name->space_len) == 0;
}

static enum place place_of(enum place parent, const struct name *name)
{
    for (size_t i = 0; i < KMS_COUNT_OF(grammar); i++) {
        if (grammar[i].parent == parent &&
            (!grammar[i].local || strcmp(grammar[i].local, name->local) == 0) &&
            (!grammar[i].space || is_space(name, grammar[i].space))) {
            return grammar[i].place;
        }
    }
    return OTHER;
}

/* The value of an attribute, NULL when it is absent. */
static const char *attribute(const char **attributes, const char *space, const char *local)
{
    for (size_t i = 0; attributes[i]; i += 2) {
        struct name name = split(attributes[i]);
        if (strcmp(name.local, local) == 0 && is_space(&name, space)) {
            return attributes[i + 1];
        }
    }
    return NULL;
}

struct span {
    const char *p;
    size_t len;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct span trimmed(const char *text)
{
    while (is_blank(*text)) {
        text++;
    }
    size_t len = strlen(text);
    while (len > 0 && is_blank(text[len - 1])) {
        len--;
    }
    return (struct span){text, len};
}

/* "2150858778", "-2147217392" or "0x80041010"; false for none and for 0, which is no error. */
static bool read_code(const char *text, uint32_t *ret)
{
    struct span span = trimmed(text);
    char digits[16];
    if (span.len == 0 || span.len >= sizeof digits) {
        return false;
    }
    memcpy(digits, span.p, span.len);
    digits[span.len] = '\0';
    bool is_hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    int64_t value;
    uint32_t code;
    if (is_hex) {
        if (!kms_text_hex32(digits, span.len, &code)) {
            return false;
        }
    } else if (kms_text_i64(digits, &value) && value >= INT32_MIN && value <= UINT32_MAX) {
        code = (uint32_t)value;
    } else {
        return false;
    }
    if (code == 0) {
        return false;
    }
    *ret = code;
    return true;
}

static bool check_limits(struct kms_soap *soap, const char *full, const char **attributes)
{
    if (soap->depth == DEPTH_MAX) {
        fail(soap, KMS_ETOOBIG, "elements are nested too deeply");
        return false;
    }
    if (strlen(full) > NAME_MAX) {
        fail(soap, KMS_ETOOBIG, "the name of an element is too long");
        return false;
    }
    for (size_t i = 0; attributes[i]; i += 2) {
        if (i / 2 >= ATTRIBUTES) {
            fail(soap, KMS_ETOOBIG, "an element has too many attributes");
            return false;
        }
        if (strlen(attributes[i]) > NAME_MAX || strlen(attributes[i + 1]) > VALUE_MAX) {
            fail(soap, KMS_ETOOBIG, "an attribute is too long");
            return false;
        }
    }
    return true;
}

/* A limit of the row, before anything is kept. */
static bool charge_row(struct kms_soap *soap, size_t bytes)
{
    if (bytes > soap->limits.row_bytes_max ||
        soap->row_bytes > soap->limits.row_bytes_max - bytes) {
        fail(soap, KMS_ETOOBIG, "a row is too large");
        return false;
    }
    soap->row_bytes += bytes;
    return true;
}

static void collect(struct kms_soap *soap)
{
    soap->collecting = soap->depth;
    kms_buf_clear(&soap->text);
}

static void start_row(struct kms_soap *soap, const char *local)
{
    if (soap->message.rows >= soap->limits.rows_max) {
        fail(soap, KMS_ETOOBIG, "there are too many rows");
        return;
    }
    soap->row_bytes = 0;
    if (charge_row(soap, strlen(local))) {
        soap->row.class_name = kms_text_dup(local);
        if (!soap->row.class_name) {
            fail(soap, KMS_ENOMEM, "out of memory");
        }
    }
}

static bool is_nil(const char **attributes)
{
    const char *nil = attribute(attributes, INSTANCE, "nil");
    if (!nil) {
        return false;
    }
    struct span span = trimmed(nil);
    return (span.len == 4 && memcmp(span.p, "true", 4) == 0) || (span.len == 1 && *span.p == '1');
}

static void start_cell(struct kms_soap *soap, const char *local, const char **attributes)
{
    if (soap->row.count >= CELLS_MAX) {
        fail(soap, KMS_ETOOBIG, "a row has too many values");
        return;
    }
    if (charge_row(soap, strlen(local))) {
        soap->is_null = is_nil(attributes);
        soap->is_date = false;
        soap->is_nested = false;
        collect(soap);
    }
}

static void start_date(struct kms_soap *soap, const char **attributes)
{
    soap->is_null = soap->is_null || is_nil(attributes);
    soap->is_nested = soap->is_nested || soap->is_date; /* two of them are no date */
    soap->is_date = true;
    collect(soap);
}

static void start_content(struct kms_soap *soap, enum place place)
{
    if (soap->has_content) {
        fail(soap, KMS_EINVAL, "the body has more than one element");
        return;
    }
    soap->has_content = true;
    switch (place) {
    case IDENTIFIED:
        soap->message.kind = KMS_SOAP_IDENTIFY;
        break;
    case ENUMERATED:
        soap->message.kind = KMS_SOAP_ENUMERATE;
        break;
    case PULLED:
        soap->message.kind = KMS_SOAP_PULL;
        break;
    case RELEASED:
        soap->message.kind = KMS_SOAP_RELEASE;
        break;
    case FAULT:
        soap->message.kind = KMS_SOAP_FAULT;
        break;
    default:
        soap->message.kind = KMS_SOAP_OTHER;
        break;
    }
}

static void start_known(struct kms_soap *soap, enum place place, const char *local,
                        const char **attributes)
{
    struct kms_soap_fault *fault = &soap->message.fault;
    switch (place) {
    case BODY:
        if (soap->has_body) {
            fail(soap, KMS_EINVAL, "the envelope has two bodies");
        }
        soap->has_body = true;
        break;
    case ROW:
        start_row(soap, local);
        break;
    case CELL:
        start_cell(soap, local, attributes);
        break;
    case DATE:
        start_date(soap, attributes);
        break;
    case END_OF_SEQUENCE:
        soap->message.end_of_sequence = true;
        break;
    case WINDOWS_FAULT:
        if (!fault->code_known) {
            const char *code = attribute(attributes, "", "Code");
            fault->code_known = code && read_code(code, &fault->code);
        }
        break;
    case INNER_FAULT: {
        const char *code = attribute(attributes, "", "Code");
        if (code && read_code(code, &fault->provider_code)) {
            fault->provider_known = true;
        }
        break;
    }
    case RELATES_TO:
    case ACTION:
    case VENDOR:
    case VERSION:
    case CONTEXT:
    case SUBCODE_VALUE:
    case REASON_TEXT:
    case PROVIDER_FAULT:
    case MESSAGE:
    case STATUS_CODE:
    case WMI_CODE:
    case WMI_TYPE:
    case WMI_ID:
    case WMI_MESSAGE:
        collect(soap);
        break;
    default:
        break;
    }
}

static void XMLCALL on_start(void *arg, const XML_Char *full, const XML_Char **attributes)
{
    struct kms_soap *soap = arg;
    if (soap->status != KMS_OK || !check_limits(soap, full, attributes)) {
        return;
    }
    struct name name = split(full);
    enum place parent = soap->path[soap->depth];
    enum place place = place_of(parent, &name);
    if (parent == NOWHERE && place != ENVELOPE) {
        fail(soap, KMS_EINVAL, "this is not an envelope of SOAP 1.2");
        return;
    }
    soap->path[++soap->depth] = place;
    if (parent == BODY) {
        start_content(soap, place);
    }
    if (parent == CELL && place == OTHER) {
        soap->is_nested = true;
    }
    start_known(soap, place, name.local, attributes);
}

static void XMLCALL on_text(void *arg, const XML_Char *text, int len)
{
    struct kms_soap *soap = arg;
    if (soap->status != KMS_OK || soap->collecting == 0 || soap->depth != soap->collecting ||
        len <= 0) {
        return;
    }
    enum place place = soap->path[soap->depth];
    size_t more = (size_t)len;
    if (place == CELL || place == DATE) {
        if (!charge_row(soap, more)) {
            return;
        }
    } else if (soap->text.len + more > TEXT_MAX) {
        if (place == CONTEXT) {
            fail(soap, KMS_ETOOBIG, "the context is too long");
        }
        return; /* the beginning of a message is enough */
    }
    enum kms_status status = kms_buf_add(&soap->text, text, more);
    if (status != KMS_OK) {
        fail(soap, status, kms_status_text(status));
    }
}

static void end_row(struct kms_soap *soap)
{
    enum kms_status status = soap->take_row ? soap->take_row(soap->arg, &soap->row) : KMS_OK;
    kms_wsman_row_done(&soap->row);
    if (status != KMS_OK) {
        fail(soap, status, "a row was not taken");
        return;
    }
    soap->message.rows++;
}

/* References and embedded objects are no values. */
static void end_cell(struct kms_soap *soap, const char *local)
{
    if (soap->is_nested) {
        return;
    }
    const char *text = soap->is_null ? NULL : kms_buf_str(&soap->text);
    enum kms_status status = kms_wsman_row_add(&soap->row, local, text);
    if (status != KMS_OK) {
        fail(soap, status, kms_status_text(status));
    }
}

static void end_context(struct kms_soap *soap)
{
    struct span span = trimmed(kms_buf_str(&soap->text));
    free(soap->message.context);
    soap->message.context = NULL;
    if (span.len > 0) {
        soap->message.context = kms_text_dup_len(span.p, span.len);
        if (!soap->message.context) {
            fail(soap, KMS_ENOMEM, "out of memory");
        }
    }
}

/* "n:CannotProcessFilter": the prefix means nothing. */
static void end_subcode(struct kms_soap *soap)
{
    struct span span = trimmed(kms_buf_str(&soap->text));
    const char *colon = memchr(span.p, ':', span.len);
    if (colon) {
        span.len -= (size_t)(colon + 1 - span.p);
        span.p = colon + 1;
    }
    struct kms_soap_fault *fault = &soap->message.fault;
    kms_text_clean(fault->subcode, sizeof fault->subcode, span.p, span.len);
}

/* WinRM repeats itself from the general to the special: the last that says something stays. */
static void keep_text(struct kms_soap *soap)
{
    struct span span = trimmed(kms_buf_str(&soap->text));
    struct kms_soap_fault *fault = &soap->message.fault;
    if (span.len > 0) {
        kms_text_clean(fault->text, sizeof fault->text, span.p, span.len);
    }
}

static void clean_into(struct kms_soap *soap, char *dst, size_t size)
{
    kms_text_clean(dst, size, kms_buf_str(&soap->text), soap->text.len);
}

/* "HRESULT 0x803381a5" */
static void end_wmi_id(struct kms_soap *soap)
{
    static const char word[] = "HRESULT";
    struct span span = trimmed(kms_buf_str(&soap->text));
    if (span.len > sizeof word && memcmp(span.p, word, sizeof word - 1) == 0) {
        (void)read_code(span.p + sizeof word, &soap->wmi_id);
    }
}

static void end_wmi_type(struct kms_soap *soap)
{
    char type[16];
    clean_into(soap, type, sizeof type);
    soap->is_foreign_type = type[0] != '\0' && !kms_text_equal_nocase(type, "HRESULT") &&
                            !kms_text_equal_nocase(type, "Win32");
}

static void end_wmi_error(struct kms_soap *soap)
{
    struct kms_soap_fault *fault = &soap->message.fault;
    uint32_t code = soap->wmi_code != 0 && !soap->is_foreign_type ? soap->wmi_code : soap->wmi_id;
    if (!fault->code_known && code != 0) {
        fault->code_known = true;
        fault->code = code;
    }
}

static void end_body(struct kms_soap *soap)
{
    if (!soap->has_content && soap->is_release) {
        soap->message.kind = KMS_SOAP_RELEASE; /* WS-Enumeration 3.5: the body is empty */
    }
}

/* Elements whose text was collected. */
static void end_text(struct kms_soap *soap, enum place place)
{
    struct kms_soap_message *message = &soap->message;
    switch (place) {
    case RELATES_TO:
        if (message->relates_to[0] == '\0') {
            clean_into(soap, message->relates_to, sizeof message->relates_to);
        }
        break;
    case ACTION: {
        struct span span = trimmed(kms_buf_str(&soap->text));
        static const char action[] = ENUMERATION "/ReleaseResponse";
        soap->is_release = span.len == sizeof action - 1 && memcmp(span.p, action, span.len) == 0;
        break;
    }
    case VENDOR:
        clean_into(soap, message->product_vendor, sizeof message->product_vendor);
        break;
    case VERSION:
        clean_into(soap, message->product_version, sizeof message->product_version);
        break;
    case CONTEXT:
        end_context(soap);
        break;
    case SUBCODE_VALUE:
        end_subcode(soap);
        break;
    case REASON_TEXT:
        if (message->fault.text[0] == '\0') {
            keep_text(soap);
        }
        break;
    case PROVIDER_FAULT:
    case MESSAGE:
    case WMI_MESSAGE:
        keep_text(soap);
        break;
    case STATUS_CODE:
        if (read_code(kms_buf_str(&soap->text), &message->fault.provider_code)) {
            message->fault.provider_known = true;
        }
        break;
    case WMI_CODE:
        (void)read_code(kms_buf_str(&soap->text), &soap->wmi_code);
        break;
    case WMI_TYPE:
        end_wmi_type(soap);
        break;
    case WMI_ID:
        end_wmi_id(soap);
        break;
    default:
        break;
    }
}

static void XMLCALL on_end(void *arg, const XML_Char *full)
{
    struct kms_soap *soap = arg;
    if (soap->status != KMS_OK || soap->depth == 0) {
        return;
    }
    enum place place = soap->path[soap->depth];
    bool has_text = soap->collecting == soap->depth;
    if (has_text) {
        soap->collecting = 0;
    }
    soap->depth--;
    switch (place) {
    case ROW:
        end_row(soap);
        break;
    case CELL: {
        struct name name = split(full);
        end_cell(soap, name.local);
        break;
    }
    case BODY:
        end_body(soap);
        break;
    case WMI_ERROR:
        end_wmi_error(soap);
        break;
    default:
        if (has_text) {
            end_text(soap, place);
        }
        break;
    }
}

static void XMLCALL on_doctype(void *arg, const XML_Char *name, const XML_Char *system_id,
                               const XML_Char *public_id, int has_internal_subset)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_internal_subset;
    fail(arg, KMS_EINVAL, "a document type declaration is not allowed");
}

static void XMLCALL on_entity(void *arg, const XML_Char *name, int is_parameter,
                              const XML_Char *value, int value_len, const XML_Char *base,
                              const XML_Char *system_id, const XML_Char *public_id,
                              const XML_Char *notation)
{
    (void)name;
    (void)is_parameter;
    (void)value;
    (void)value_len;
    (void)base;
    (void)system_id;
    (void)public_id;
    (void)notation;
    fail(arg, KMS_EINVAL, "an entity declaration is not allowed");
}

struct kms_soap *kms_soap_new(const struct kms_soap_limits *limits, kms_soap_row_fn *row, void *arg)
{
    /* The program's own functions, so that what goes for its memory goes for expat's. */
    static const XML_Memory_Handling_Suite memory = {malloc, realloc, free};
    static const XML_Char separator[] = {SEPARATOR, '\0'};
    struct kms_soap *soap = calloc(1, sizeof *soap);
    if (!soap) {
        return NULL;
    }
    soap->parser = XML_ParserCreate_MM(NULL, &memory, separator);
    if (!soap->parser) {
        free(soap);
        return NULL;
    }
    soap->limits = *limits;
    soap->take_row = row;
    soap->arg = arg;
    kms_buf_init(&soap->text, limits->row_bytes_max > TEXT_MAX ? limits->row_bytes_max : TEXT_MAX);
    /* Expat's own limits on amplification are in force; without entities nothing comes near. */
    XML_SetUserData(soap->parser, soap);
    XML_SetElementHandler(soap->parser, on_start, on_end);
    XML_SetCharacterDataHandler(soap->parser, on_text);
    XML_SetStartDoctypeDeclHandler(soap->parser, on_doctype);
    XML_SetEntityDeclHandler(soap->parser, on_entity);
    return soap;
}

void kms_soap_free(struct kms_soap *soap)
{
    if (!soap) {
        return;
    }
    XML_ParserFree(soap->parser);
    kms_wsman_row_done(&soap->row);
    kms_buf_done(&soap->text);
    free(soap->message.context);
    free(soap);
}

static enum kms_status tell(const struct kms_soap *soap, struct kms_fault *fault)
{
    if (soap->status != KMS_OK && fault) {
        *fault = soap->fault;
    }
    return soap->status;
}

static void take_error(struct kms_soap *soap)
{
    enum XML_Error error = XML_GetErrorCode(soap->parser);
    enum kms_status status = KMS_EINVAL;
    if (error == XML_ERROR_NO_MEMORY) {
        status = KMS_ENOMEM;
    } else if (error == XML_ERROR_AMPLIFICATION_LIMIT_BREACH) {
        status = KMS_ETOOBIG;
    }
    const char *text = XML_ErrorString(error);
    fail(soap, status, text ? text : "not well-formed");
}

static void parse(struct kms_soap *soap, const char *bytes, size_t len, bool is_last)
{
    if (XML_Parse(soap->parser, bytes, (int)len, is_last) != XML_STATUS_OK) {
        take_error(soap);
        return;
    }
    soap->fed += len;
    soap->read = offset_of(soap);
    if (soap->fed - soap->read > PENDING_MAX && !is_last) {
        fail(soap, KMS_ETOOBIG, "a tag or comment is too long");
    }
}

enum kms_status kms_soap_feed(struct kms_soap *soap, const void *bytes, size_t len,
                              struct kms_fault *fault)
{
    if (soap->status == KMS_OK && soap->is_ended) {
        fail(soap, KMS_EINVAL, "there are bytes after the end");
    }
    if (soap->status == KMS_OK && len > soap->limits.bytes_max - soap->fed) {
        fail(soap, KMS_ETOOBIG, "the message is too large");
    }
    const char *p = bytes;
    while (soap->status == KMS_OK && len > 0) {
        size_t slice = len < SLICE ? len : SLICE;
        parse(soap, p, slice, false);
        p += slice;
        len -= slice;
    }
    return tell(soap, fault);
}

enum kms_status kms_soap_end(struct kms_soap *soap, const struct kms_soap_message **ret,
                             struct kms_fault *fault)
{
    if (soap->status == KMS_OK && !soap->is_ended) {
        soap->is_ended = true;
        parse(soap, "", 0, true);
        if (!soap->has_body) {
            fail(soap, KMS_EINVAL, "the envelope has no body");
        }
    }
    if (soap->status == KMS_OK) {
        *ret = &soap->message;
    }
    return tell(soap, fault);
}
