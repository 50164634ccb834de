/* Writes WS-Management requests. */
#include "wsman/envelope.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/text.h"

#define ENUMERATION "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
#define ADDRESSING  "http://schemas.xmlsoap.org/ws/2004/08/addressing"

/* Absent, MaxElements means one (WS-Enumeration 3.2); this is MaxBatchItems, which WinRM has. */
#define AS_MANY_AS_FIT 32000

/* Remembers the first failure, so that a message is written in one go. */
struct writer {
    struct kms_buf *buf;
    size_t start;
    enum kms_status status;
};

static void put(struct writer *writer, const char *xml)
{
    if (writer->status == KMS_OK) {
        writer->status = kms_buf_add_str(writer->buf, xml);
    }
}

static void put_number(struct writer *writer, uint64_t number)
{
    if (writer->status == KMS_OK) {
        writer->status = kms_buf_addf(writer->buf, "%" PRIu64, number);
    }
}

enum blanks { BLANKS_REFUSED, BLANKS_ALLOWED };

/* XML 1.0 2.2: what may stand in a text at all. */
static bool is_allowed(uint32_t c, enum blanks blanks)
{
    if (c < 0x20) {
        return blanks == BLANKS_ALLOWED && (c == '\t' || c == '\n' || c == '\r');
    }
    return !(c >= 0x7F && c < 0xA0) && c != 0xFFFE && c != 0xFFFF;
}

static const char *escape_of(uint32_t c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '\r':
        return "&#13;"; /* a reader would make a line feed of it */
    default:
        return NULL;
    }
}

static void put_bytes(struct writer *writer, const char *bytes, size_t len)
{
    if (writer->status == KMS_OK) {
        writer->status = kms_buf_add(writer->buf, bytes, len);
    }
}

/* As text between two tags. */
static void put_text(struct writer *writer, const char *text, enum blanks blanks)
{
    struct kms_rd rd = kms_rd_over(text, strlen(text));
    size_t written = 0, before = 0;
    uint32_t c;
    while (writer->status == KMS_OK && kms_rd_utf8(&rd, &c)) {
        const char *escape = escape_of(c);
        bool is_broken = c == 0xFFFD && rd.at - before < 3; /* not UTF-8 */
        if (is_broken || !is_allowed(c, blanks)) {
            writer->status = KMS_EINVAL;
        } else if (escape) {
            put_bytes(writer, text + written, before - written);
            put(writer, escape);
            written = rd.at;
        }
        before = rd.at;
    }
    put_bytes(writer, text + written, before - written);
}

static void put_duration(struct writer *writer, int64_t ms)
{
    if (writer->status != KMS_OK) {
        return;
    }
    if (ms <= 0) {
        writer->status = KMS_EINVAL;
        return;
    }
    int64_t part = ms % 1000;
    writer->status = part == 0 ? kms_buf_addf(writer->buf, "PT%" PRId64 "S", ms / 1000)
                               : kms_buf_addf(writer->buf, "PT%" PRId64 ".%03" PRId64 "S",
                                              ms / 1000, part);
}

/* A message is whole or not there at all. */
static enum kms_status finish(struct writer *writer)
{
    if (writer->status != KMS_OK && writer->buf->data) {
        writer->buf->len = writer->start;
        writer->buf->data[writer->start] = '\0';
    }
    return writer->status;
}

static struct writer begin(struct kms_buf *buf)
{
    return (struct writer){buf, buf->len, KMS_OK};
}

static void put_head(struct writer *writer, const struct kms_wsman_address *address,
                     const char *action)
{
    char id[KMS_WSMAN_MESSAGE_ID_SIZE];
    kms_wsman_message_id(&address->message_id, id);
    put(writer, "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\""
                " xmlns:a=\"" ADDRESSING "\""
                " xmlns:n=\"" ENUMERATION "\""
                " xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\""
                " xmlns:p=\"http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd\">"
                "<s:Header><a:To>");
    put_text(writer, address->to, BLANKS_REFUSED);
    put(writer, "</a:To><w:ResourceURI s:mustUnderstand=\"true\">");
    put_text(writer, address->resource_uri, BLANKS_REFUSED);
    put(writer, "</w:ResourceURI><a:ReplyTo><a:Address s:mustUnderstand=\"true\">" ADDRESSING
                "/role/anonymous</a:Address></a:ReplyTo>"
                "<a:Action s:mustUnderstand=\"true\">" ENUMERATION "/");
    put(writer, action);
    put(writer, "</a:Action><w:MaxEnvelopeSize s:mustUnderstand=\"true\">");
    put_number(writer, address->envelope_max);
    put(writer, "</w:MaxEnvelopeSize><a:MessageID>");
    put(writer, id);
    put(writer, "</a:MessageID><w:Locale xml:lang=\"en-US\" s:mustUnderstand=\"false\"/>"
                "<p:DataLocale xml:lang=\"en-US\" s:mustUnderstand=\"false\"/>"
                "<w:OperationTimeout>");
    put_duration(writer, address->operation_timeout_ms);
    put(writer, "</w:OperationTimeout></s:Header><s:Body>");
}

static uint32_t elements(uint32_t max_elements)
{
    return max_elements > 0 ? max_elements : AS_MANY_AS_FIT;
}

enum kms_status kms_wsman_write_identify(struct kms_buf *buf)
{
    struct writer writer = begin(buf);
    put(&writer, "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\""
                 " xmlns:id=\"http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd\">"
                 "<s:Header/><s:Body><id:Identify/></s:Body></s:Envelope>");
    return finish(&writer);
}

enum kms_status kms_wsman_write_enumerate(const struct kms_wsman_address *address, const char *wql,
                                          uint32_t max_elements, struct kms_buf *buf)
{
    struct writer writer = begin(buf);
    put_head(&writer, address, "Enumerate");
    put(&writer, "<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>");
    put_number(&writer, elements(max_elements));
    put(&writer, "</w:MaxElements>"
                 "<w:Filter Dialect=\"http://schemas.microsoft.com/wbem/wsman/1/WQL\">");
    put_text(&writer, wql, BLANKS_ALLOWED);
    put(&writer, "</w:Filter></n:Enumerate></s:Body></s:Envelope>");
    return finish(&writer);
}

static void put_context(struct writer *writer, const char *context)
{
    put(writer, "<n:EnumerationContext>");
    put_text(writer, context, BLANKS_REFUSED);
    put(writer, "</n:EnumerationContext>");
}

enum kms_status kms_wsman_write_pull(const struct kms_wsman_address *address, const char *context,
                                     uint32_t max_elements, struct kms_buf *buf)
{
    struct writer writer = begin(buf);
    put_head(&writer, address, "Pull");
    put(&writer, "<n:Pull>");
    put_context(&writer, context);
    put(&writer, "<n:MaxElements>");
    put_number(&writer, elements(max_elements));
    put(&writer, "</n:MaxElements></n:Pull></s:Body></s:Envelope>");
    return finish(&writer);
}

enum kms_status kms_wsman_write_release(const struct kms_wsman_address *address,
                                        const char *context, struct kms_buf *buf)
{
    struct writer writer = begin(buf);
    put_head(&writer, address, "Release");
    put(&writer, "<n:Release>");
    put_context(&writer, context);
    put(&writer, "</n:Release></s:Body></s:Envelope>");
    return finish(&writer);
}

void kms_wsman_message_id(const struct kms_guid *id, char dst[KMS_WSMAN_MESSAGE_ID_SIZE])
{
    char text[KMS_GUID_TEXT];
    kms_guid_text(id, text);
    kms_text_format(dst, KMS_WSMAN_MESSAGE_ID_SIZE, "uuid:%s", text);
}
