/* Reads a recorded connection from its file, with a JSON library. */
#include "recording.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include <jansson.h>

#include "base/text.h"

static bool read_hex(const json_t *text, struct pdu *pdu)
{
    const char *hex = json_string_value(text);
    if (!hex || strlen(hex) / 2 > sizeof pdu->bytes) {
        return false;
    }
    for (pdu->len = 0; hex[2 * pdu->len]; pdu->len++) {
        uint32_t byte;
        if (!kms_text_hex32(hex + 2 * pdu->len, 2, &byte)) {
            return false;
        }
        pdu->bytes[pdu->len] = (uint8_t)byte;
    }
    return true;
}

static bool read_pdus(const json_t *connection, struct recording *recording)
{
    size_t i;
    const json_t *pdu;
    json_array_foreach(json_object_get(connection, "pdus"), i, pdu)
    {
        const char *direction = json_string_value(json_object_get(pdu, "dir"));
        bool asked = kms_text_equal(direction, "c2s");
        size_t *count = asked ? &recording->asked_count : &recording->answered_count;
        if (!direction || *count == RECORDING_TURNS_MAX) {
            continue;
        }
        if (!read_hex(json_object_get(pdu, "hex"),
                      asked ? &recording->asked[(*count)++] : &recording->answered[(*count)++])) {
            return false;
        }
    }
    return true;
}

static void tell_text(recording_tell_fn *tell, const json_t *inputs, const char *key,
                      const char *name)
{
    const char *text = json_string_value(json_object_get(inputs, key));
    tell(name, text ? text : "");
}

static void tell_number(recording_tell_fn *tell, const json_t *inputs, const char *key,
                        const char *name)
{
    char text[32];
    kms_text_format(text, sizeof text, "%" PRId64,
                    (int64_t)json_integer_value(json_object_get(inputs, key)));
    tell(name, text);
}

static void tell_inputs(recording_tell_fn *tell, const json_t *connection)
{
    const json_t *exchange = json_array_get(json_object_get(connection, "exchanges"), 0);
    const json_t *inputs = json_object_get(exchange, "request");
    tell_text(tell, json_object_get(exchange, "intermediate"), "request_iv_hex", "KMS_RECORDED_IV");
    tell_text(tell, inputs, "version", "KMS_RECORDED_VERSION");
    tell_text(tell, inputs, "app_id", "KMS_RECORDED_APPLICATION");
    tell_text(tell, inputs, "act_id", "KMS_RECORDED_SKU");
    tell_text(tell, inputs, "kms_id", "KMS_RECORDED_COUNTED");
    tell_text(tell, inputs, "cmid", "KMS_RECORDED_CMID");
    tell_text(tell, inputs, "workstation", "KMS_RECORDED_WORKSTATION");
    tell_number(tell, inputs, "license_status", "KMS_RECORDED_STATUS");
    tell_number(tell, inputs, "binding_expiration_min", "KMS_RECORDED_MINUTES");
    tell_number(tell, inputs, "n_policy", "KMS_RECORDED_N");
    tell_number(tell, inputs, "client_time", "KMS_RECORDED_TIME");
}

const char *recording_load(const char *name, struct recording *ret, recording_tell_fn *tell)
{
    char path[512];
    uint64_t number = 0;
    const char *colon = strrchr(name, ':');
    if (!colon || !kms_text_u64(colon + 1, &number)) {
        return "a recording is FILE:CONNECTION";
    }
    kms_text_format(path, sizeof path, "%.*s", (int)(colon - name), name);
    json_t *root = json_load_file(path, 0, NULL);
    const json_t *connection = json_array_get(json_object_get(root, "connections"), number);
    memset(ret, 0, sizeof *ret);
    const char *wrong = !connection                   ? "no such recording"
                        : !read_pdus(connection, ret) ? "a PDU without its bytes"
                                                      : NULL;
    if (!wrong && tell) {
        tell_inputs(tell, connection);
    }
    json_decref(root);
    return wrong;
}
