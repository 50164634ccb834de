/* Asks the daemon and reads the lines of its answer. */
#include "asking.h"

#include <string.h>

#include <jansson.h>

#include "base/text.h"
#include "control/client.h"

/* ---- usage ---- */

static void print_line(void *arg, const char *text)
{
    (void)fprintf(arg, "%s\n", text);
}

int kms_asking_mistake(const struct kms_asking *asking, const char *message)
{
    char clean[400];

    kms_text_clean(clean, sizeof(clean), message, strlen(message));
    (void)fprintf(stderr, "kmsmon %s: %s\n%s", asking->name, clean, asking->usage);
    (void)fprintf(stderr, "Try 'kmsmon %s --help' for all options.\n", asking->name);
    return KMS_ASKING_USAGE;
}

static int print_help(const struct kms_asking *asking)
{
    (void)printf("%s\n\n%s\n", asking->purpose, asking->usage);
    kms_opts_help(asking->rows, print_line, stdout);
    (void)printf("\n%s", asking->note);
    return fflush(stdout) == 0 ? KMS_ASKING_OK : KMS_ASKING_NO_REPLY;
}

bool kms_asking_begin(const struct kms_asking *asking, int argc, char **argv, void *options,
                      int *ret_rest, int *ret_code)
{
    const struct kms_asking_options *common = options;
    struct kms_fault fault = {.text = ""};

    if (kms_opts_preset(asking->rows, options) != KMS_OK) {
        *ret_code = kms_asking_no_memory(asking);
        return false;
    }
    if (kms_opts_argv(asking->rows, argc, argv, options, ret_rest, &fault) != KMS_OK) {
        *ret_code = kms_asking_mistake(asking, fault.text);
        return false;
    }
    if (common->help) {
        *ret_code = print_help(asking);
        return false;
    }
    return true;
}

void kms_asking_options_help(const struct kms_asking *asking,
                             void (*line)(void *arg, const char *text), void *arg)
{
    kms_opts_help(asking->rows, line, arg);
}

int kms_asking_no_memory(const struct kms_asking *asking)
{
    (void)fprintf(stderr, "kmsmon %s: out of memory\n", asking->name);
    return KMS_ASKING_NO_REPLY;
}

int kms_asking_print(const struct kms_asking *asking, struct kms_buf *out, int code)
{
    if (fwrite(kms_buf_str(out), 1, out->len, stdout) == out->len && fflush(stdout) == 0) {
        return code;
    }
    (void)fprintf(stderr, "kmsmon %s: the output could not be written\n", asking->name);
    return KMS_ASKING_NO_REPLY;
}

/* ---- questions and answers ---- */

struct json_t *kms_asking_request(const struct kms_asking *asking, int argc, char **argv, int rest)
{
    json_t *request = json_pack("{s:s}", "command", asking->name);
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

static void complain(const struct kms_asking *asking, const char *error, const char *hint)
{
    (void)fprintf(stderr, "kmsmon %s: %s\n", asking->name, error);
    if (hint[0] != '\0') {
        (void)fprintf(stderr, "  next step: %s\n", hint);
    }
}

/* Text of the daemon, on a terminal. */
static void complain_with(const struct kms_asking *asking, const json_t *line)
{
    char error[600], hint[400];
    const char *given = kms_asking_text(line, "error");
    const char *next = kms_asking_text(line, "hint");

    kms_text_clean(error, sizeof(error), given, strlen(given));
    kms_text_clean(hint, sizeof(hint), next, strlen(next));
    complain(asking, error, hint);
}

struct answer {
    const struct kms_asking *asking;
    kms_asking_item_fn *item;
    void *arg;
    bool begun;
    bool over;
    int code;
};

static void take(struct answer *answer, const json_t *line)
{
    if (json_object_get(line, "error") != NULL) {
        complain_with(answer->asking, line);
        answer->over = true;
        answer->code = KMS_ASKING_NO_REPLY;
    } else if (!answer->begun && json_is_true(json_object_get(line, "ok"))) {
        answer->begun = true;
    } else if (json_is_true(json_object_get(line, "end"))) {
        answer->over = true;
    } else if (!answer->begun) {
        complain(answer->asking, "what answers there is not kmsmond",
                 "name its socket with --socket");
        answer->over = true;
        answer->code = KMS_ASKING_NO_REPLY;
    } else if (!answer->item(answer->arg, line)) {
        answer->over = true;
        answer->code = kms_asking_no_memory(answer->asking);
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
            complain(answer->asking, fault.text,
                     answer->begun ? "the answer is not whole; ask again" : "look into its log");
            answer->code = KMS_ASKING_NO_REPLY;
            return;
        }
        line = json_loadb(text, len, 0, NULL);
        if (line != NULL) {
            take(answer, line);
            json_decref(line);
        } else {
            complain(answer->asking, "a line of the answer cannot be read",
                     "let kmsmond and kmsmon be of the same release");
            answer->code = KMS_ASKING_NO_REPLY;
            return;
        }
    }
}

int kms_asking_run(const struct kms_asking *asking, const struct kms_asking_options *options,
                   struct json_t *request, kms_asking_item_fn *item, void *arg)
{
    struct answer answer = {.asking = asking, .item = item, .arg = arg, .code = KMS_ASKING_OK};
    struct kms_control_client client;
    struct kms_fault fault = {.text = ""};
    char *text = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;

    json_decref(request);
    if (text == NULL) {
        return kms_asking_no_memory(asking);
    }
    if (kms_control_connect(options->socket, KMS_ASKING_WAIT_MS, &client, &fault) != KMS_OK) {
        complain(asking, fault.text, "");
        free(text);
        return KMS_ASKING_NO_REPLY;
    }
    if (kms_control_ask(&client, text, KMS_ASKING_WAIT_MS, &fault) == KMS_OK) {
        read_answer(&answer, &client);
    } else {
        complain(asking, fault.text, "look into its log");
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
