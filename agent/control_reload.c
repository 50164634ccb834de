/* The command reload: the configuration is read again, and the answer waits until it is in force or
 * rejected. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "agent/control_command.h"
#include "agent/control_json.h"
#include "agent/reload.h"
#include "base/bytes.h"

/* Errors of a large site; what does not fit is in the log. */
#define ERRORS_MAX (KMS_CONTROL_LINE_MAX / 8)

struct reloading {
    struct kms_control_call *call;
    struct kms_reload *reload; /* NULL: over */
};

/* Not in the middle of a character. */
static json_t *errors_of(const char *errors)
{
    struct kms_buf text;
    kms_buf_init(&text, ERRORS_MAX);
    struct kms_rd rd = kms_rd_over(errors, strlen(errors));
    const char *line;
    size_t len;
    json_t *array = json_array();
    while (kms_rd_line(&rd, &line, &len)) {
        if (kms_buf_add(&text, line, len) != KMS_OK) {
            (void)json_array_append_new(array, json_string("and more, see the log of kmsmond"));
            break;
        }
        if (json_array_append_new(array, json_stringn(line, len)) != 0) {
            (void)json_array_append_new(array, json_string("a line that is no UTF-8"));
        }
    }
    kms_buf_done(&text);
    return array;
}

static void put_warning(json_t *item, const struct kms_agent_facts *facts, bool *ok)
{
    struct kms_reload_loss loss;
    if (facts && kms_reload_tell_loss(facts, &loss)) {
        kms_json_text(item, "warning", loss.text, ok);
        kms_json_text(item, "next-step", loss.next, ok);
    }
}

static void on_reloaded(void *arg, bool in_force, const char *summary, const char *errors)
{
    struct reloading *reloading = arg;
    struct kms_control_call *call = reloading->call;
    bool ok = true;
    json_t *item = json_object();
    reloading->reload = NULL;
    kms_json_flag(item, "in-force", in_force, &ok);
    kms_json_text(item, "text", summary, &ok);
    if (in_force) {
        put_warning(item, kms_control_parts(call)->facts, &ok);
    }
    kms_json_put(item, "errors", errors_of(errors), &ok);
    kms_control_put(call, kms_json_whole(item, ok));
    kms_control_end(call);
}

static void start_reload(struct kms_control_call *call)
{
    struct kms_reload *reload = kms_control_parts(call)->reload;
    if (!reload) {
        kms_control_fail(call, "restart kmsmond",
                         "this kmsmond cannot read its configuration again");
        return;
    }
    struct reloading *reloading = calloc(1, sizeof *reloading);
    if (!reloading) {
        kms_control_fail(call, "", "out of memory");
        return;
    }
    kms_control_keep(call, reloading);
    *reloading = (struct reloading){call, reload};
    kms_control_ok(call, NULL);
    if (!kms_reload_start(reload, on_reloaded, reloading)) {
        reloading->reload = NULL;
        kms_control_fail(call, "", "out of memory");
    }
}

static void end_reload(struct kms_control_call *call)
{
    struct reloading *reloading = kms_control_kept(call);
    if (reloading && reloading->reload) {
        kms_reload_forget(reloading->reload, reloading);
    }
    free(reloading);
}

const struct kms_control_command kms_control_reload = {
    .name = "reload", .changes = true, .start = start_reload, .done = end_reload};
