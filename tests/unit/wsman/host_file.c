/* Reading hosts of tests/fakes/hosts: only the columns that a query names become cells. */
#include "host_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

json_t *host_file_read(const char *name)
{
    char path[512];
    json_error_t error;
    kms_text_format(path, sizeof path, HOST_FILES "/%s.json", name);
    json_t *host = json_load_file(path, 0, &error);
    if (!host) {
        fail_msg("%s:%d: %s", path, error.line, error.text);
    }
    assert_non_null(json_string_value(json_object_get(host, "synthetic")));
    return host;
}

/* "@now", "@now+90", "@now-2" or as it is. */
static const char *moment(const char *text, int64_t now_s, char *dst, size_t size)
{
    if (!kms_text_starts(text, "@now")) {
        return text;
    }
    int64_t away = 0;
    const char *sign = text + strlen("@now");
    if (*sign) {
        assert_true(kms_text_i64(sign + (*sign == '+' ? 1 : 0), &away));
    }
    struct kms_date date = kms_date_of(now_s + away);
    kms_text_format(dst, size, "%04lld-%02u-%02uT%02u:%02u:%02u.250000Z", (long long)date.year,
                    date.month, date.day, date.hour, date.minute, date.second);
    return dst;
}

static void add_cell(struct kms_wsman_row *row, const char *name, const json_t *value,
                     int64_t now_s)
{
    char text[64];
    const char *given = NULL;
    if (json_is_string(value)) {
        given = moment(json_string_value(value), now_s, text, sizeof text);
    } else if (json_is_boolean(value)) {
        given = json_is_true(value) ? "true" : "false";
    } else if (json_is_integer(value)) {
        kms_text_format(text, sizeof text, "%lld", (long long)json_integer_value(value));
        given = text;
    }
    assert_int_equal(kms_wsman_row_add(row, name, given), KMS_OK);
}

/* The columns between SELECT and FROM, of one object. */
static void project(const char *wql, const json_t *object, int64_t now_s, struct kms_wsman_row *row)
{
    const char *at = wql + strlen("SELECT ");
    const char *end = strstr(wql, " FROM ");
    assert_non_null(end);
    row->class_name = kms_text_dup("XmlFragment");
    while (at < end) {
        char name[80];
        size_t len = strcspn(at, ", ");
        kms_text_format(name, sizeof name, "%.*s", (int)len, at);
        add_cell(row, name, json_object_get(object, name), now_s);
        at += len;
        at += strspn(at, ", ");
    }
}

static void take(struct kms_wsman_facts *facts, enum kms_wsman_query query, const json_t *object,
                 int64_t now_s)
{
    struct kms_wsman_row row = {0};
    project(kms_wsman_query(query, facts->tier), object, now_s, &row);
    assert_int_equal(kms_wsman_take(facts, query, &row, now_s), KMS_OK);
    kms_wsman_row_done(&row);
}

enum kms_outcome host_file_take(const json_t *host, int64_t now_s, struct kms_wsman_facts *facts)
{
    take(facts, KMS_WSMAN_Q_SYSTEM, json_object_get(host, "system"), now_s);
    const json_t *service = json_object_get(host, "service");
    if (json_is_object(service)) {
        assert_string_equal(json_string_value(json_object_get(service, "Name")),
                            kms_wsman_service_name(facts->tier));
        take(facts, KMS_WSMAN_Q_SERVICE_STATE, service, now_s);
    }
    take(facts, KMS_WSMAN_Q_SERVICE, json_object_get(host, "licensing"), now_s);
    size_t i;
    const json_t *product;
    json_array_foreach(json_object_get(host, "products"), i, product)
    {
        if (json_is_string(json_object_get(product, "PartialProductKey"))) {
            take(facts, KMS_WSMAN_Q_PRODUCT, product, now_s);
        }
    }
    return kms_wsman_settle(facts);
}

void host_file_result(const char *name, int64_t now_s, struct kms_result *ret)
{
    json_t *host = host_file_read(name);
    struct kms_wsman_facts facts = {0};
    kms_result_init(ret, KMS_SOURCE_WSMAN);
    ret->outcome = host_file_take(host, now_s, &facts);
    ret->wall_s = ret->data_s = ret->data_s_min = ret->data_s_max = now_s;
    assert_string_equal(facts.malformed, "");
    assert_int_equal(kms_facts_copy(&ret->host, &facts.host), KMS_OK);
    for (size_t i = 0; i < facts.key_count; i++) {
        struct kms_facts *key = kms_result_add_key(ret);
        assert_non_null(key);
        assert_int_equal(kms_facts_copy(key, &facts.key[i]), KMS_OK);
    }
    kms_wsman_facts_done(&facts);
    json_decref(host);
}
