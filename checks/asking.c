/* Asks the daemon and reads the lines of its answer. */
#include "asking.h"

#include <string.h>

#include <jansson.h>

#include "base/text.h"
#include "control/client.h"

struct json_t *kms_asking_request(const struct kms_form *form, int argc, char **argv, int rest)
{
    json_t *request = json_pack("{s:s}", "command", form->name);
    json_t *hosts = rest < argc ? json_array() : NULL;
    bool ok = request != NULL;

    for (int i = rest; i < argc; i++) {
        ok = ok && json_array_append_new(hosts, json_string(argv[i])) == 0;
    }
    if (ok && hosts != NULL) {
        return json_object_set_new(request, "hosts", hosts) == 0 ? request : NULL;
    }
    json_decref(hosts);
    if (!ok) {
        json_decref(request);
    }
    return ok ? request : NULL;
}

static void complain(const struct kms_form *form, const char *error, const char *hint)
{
    kms_form_complain(form, error);
    if (hint[0] != '\0') {
        (void)fprintf(stderr, "  next step: %s\n", hint);
    }
}

/* Text of the daemon, on a terminal. */
static void complain_with(const struct kms_form *form, const json_t *line)
{
    char hint[400];
    const char *next = kms_asking_text(line, "hint");

    kms_text_clean(hint, sizeof(hint), next, strlen(next));
    complain(form, kms_asking_text(line, "error"), hint);
}

struct answer {
    const struct kms_form *form;
    kms_asking_item_fn *item;
    void *arg;
    bool begun;
    bool over;
    int code;
};

static void take(struct answer *answer, const json_t *line)
{
    if (json_object_get(line, "error") != NULL) {
        complain_with(answer->form, line);
        answer->over = true;
        answer->code = KMS_ASKING_NO_REPLY;
    } else if (!answer->begun && json_is_true(json_object_get(line, "ok"))) {
        answer->begun = true;
    } else if (json_is_true(json_object_get(line, "end"))) {
        answer->over = true;
    } else if (!answer->begun) {
        complain(answer->form, "what answers there is not kmsmond",
                 "name its socket with --socket");
        answer->over = true;
        answer->code = KMS_ASKING_NO_REPLY;
    } else if (!answer->item(answer->arg, line)) {
        answer->over = true;
        answer->code = kms_form_no_memory(answer->form);
    }
}

static void read_answer(struct answer *answer, struct kms_control_client *client)
{
    while (!answer->over) {
        struct kms_fault fault = {.text = ""};
        const char *text;
        size_t len;
        json_t *line = NULL;
        if (kms_control_line(client, KMS_ASKING_WAIT_MS, &text, &len, &fault) != KMS_OK) {
            complain(answer->form, fault.text,
                     answer->begun ? "the answer is not whole; ask again" : "look into its log");
            answer->code = KMS_ASKING_NO_REPLY;
            return;
        }
        line = json_loadb(text, len, 0, NULL);
        if (line != NULL) {
            take(answer, line);
            json_decref(line);
        } else {
            complain(answer->form, "a line of the answer cannot be read",
                     "let kmsmond and kmsmon be of the same release");
            answer->code = KMS_ASKING_NO_REPLY;
            return;
        }
    }
}

int kms_asking_run(const struct kms_form *form, const struct kms_asking_options *options,
                   struct json_t *request, kms_asking_item_fn *item, void *arg)
{
    struct answer answer = {.form = form, .item = item, .arg = arg, .code = KMS_ASKING_OK};
    struct kms_control_client client;
    struct kms_fault fault = {.text = ""};
    char *text = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;

    json_decref(request);
    if (text == NULL) {
        return kms_form_no_memory(form);
    }
    if (kms_control_connect(options->socket, KMS_ASKING_WAIT_MS, &client, &fault) != KMS_OK) {
        complain(form, fault.text, "");
        free(text);
        return KMS_ASKING_NO_REPLY;
    }
    if (kms_control_ask(&client, text, KMS_ASKING_WAIT_MS, &fault) == KMS_OK) {
        read_answer(&answer, &client);
    } else {
        complain(form, fault.text, "look into its log");
        answer.code = KMS_ASKING_NO_REPLY;
    }
    kms_control_hang_up(&client);
    free(text);
    return answer.code;
}

/* ---- items ---- */

const char *kms_asking_text(const struct json_t *item, const char *name)
{
    const char *text = json_string_value(json_object_get(item, name));

    return text != NULL ? text : "";
}

bool kms_asking_number(const struct json_t *item, const char *name, int64_t *ret)
{
    const json_t *value = json_object_get(item, name);

    if (!json_is_integer(value)) {
        return false;
    }
    *ret = json_integer_value(value);
    return true;
}

enum kms_state kms_asking_state(const struct json_t *item)
{
    int state = KMS_STATE_UNKNOWN;

    (void)kms_word_number(kms_words_state(), kms_asking_text(item, "state"), &state);
    return (enum kms_state)state;
}
