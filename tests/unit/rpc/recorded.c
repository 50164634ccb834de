/* Reads the recordings with a JSON library. */
#include "recorded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>

#include "base/text.h"

static void path_of(char *path, size_t size, const char *name)
{
    const char *folder = getenv("KMSMON_DATA_DIR");
    kms_text_format(path, size, "%s/kms-exchanges/%s", folder ? folder : KMSMON_DATA_DIR, name);
}

json_t *recorded_load(const char *name)
{
    char path[512];
    json_error_t error;
    path_of(path, sizeof path, name);
    json_t *root = json_load_file(path, 0, &error);
    if (!root) {
        fail_msg("%s:%d: %s", path, error.line, error.text);
    }
    return root;
}

size_t recorded_bytes(const json_t *text, uint8_t *ret)
{
    const char *hex = json_string_value(text);
    assert_non_null(hex);
    size_t len = strlen(hex) / 2;
    assert_int_equal(strlen(hex) % 2, 0);
    assert_true(len <= RECORDED_MAX);
    for (size_t i = 0; i < len; i++) {
        uint32_t byte;
        assert_true(kms_text_hex32(hex + 2 * i, 2, &byte));
        ret[i] = (uint8_t)byte;
    }
    return len;
}

const char *recorded_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (!text) {
        fail_msg("no text '%s'", key);
    }
    return text;
}

static struct kms_guid guid_of(const json_t *inputs, const char *key)
{
    struct kms_guid guid;
    assert_true(kms_guid_parse(recorded_text(inputs, key), &guid));
    return guid;
}

static uint32_t number_of(const json_t *inputs, const char *key)
{
    const json_t *number = json_object_get(inputs, key);
    assert_true(json_is_integer(number));
    return (uint32_t)json_integer_value(number);
}

struct kms_ask recorded_ask(const json_t *inputs, const json_t *iv)
{
    struct kms_ask ask = {
        .virtual_machine = number_of(inputs, "vm_info"),
        .license_status = number_of(inputs, "license_status"),
        .expires_minutes = number_of(inputs, "binding_expiration_min"),
        .application = guid_of(inputs, "app_id"),
        .sku = guid_of(inputs, "act_id"),
        .counted = guid_of(inputs, "kms_id"),
        .cmid = guid_of(inputs, "cmid"),
        .previous_cmid = guid_of(inputs, "cmid_prev"),
        .n_policy = number_of(inputs, "n_policy"),
        .filetime = (uint64_t)json_integer_value(json_object_get(inputs, "client_time")),
        .workstation = recorded_text(inputs, "workstation"),
    };
    const char *version = recorded_text(inputs, "version");
    assert_int_equal(strlen(version), 3);
    ask.major = (uint16_t)(version[0] - '0');
    ask.minor = (uint16_t)(version[2] - '0');
    if (json_is_string(iv)) {
        uint8_t bytes[RECORDED_MAX];
        assert_int_equal(recorded_bytes(iv, bytes), sizeof ask.iv);
        memcpy(ask.iv, bytes, sizeof ask.iv);
    }
    return ask;
}

static void each_in_file(const char *name, void (*call)(const char *, const json_t *))
{
    json_t *root = recorded_load(name);
    size_t i;
    const json_t *connection;
    json_array_foreach(json_object_get(root, "connections"), i, connection)
    {
        call(name, connection);
    }
    json_decref(root);
}

void recorded_each(void (*call)(const char *file, const json_t *connection))
{
    char path[512];
    struct dirent **entry;
    path_of(path, sizeof path, "");
    int count = scandir(path, &entry, NULL, alphasort);
    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        const char *dot = strrchr(entry[i]->d_name, '.');
        if (dot && strcmp(dot, ".json") == 0) {
            each_in_file(entry[i]->d_name, call);
        }
        free(entry[i]);
    }
    free(entry);
}
