/* Reads and prints the block control. */
#include "agent/site_control.h"

#include <string.h>

#include "agent/control_peer.h"
#include "agent/control_socket.h"
#include "agent/site_check.h"
#include "agent/site_print.h"
#include "base/bind.h"
#include "base/text.h"

#define ROW(name, member)                                      \
    .section = "control", .key = (name), .type = KMS_OPT_TEXT, \
    .offset = offsetof(struct kms_site_control, member), .given_offset = KMS_OPT_NO_GIVEN

static const struct kms_opt rows[] = {
    {ROW("socket", socket), .arg = "PATH|off",
     .help = "where kmsmon and the plugins ask; default: the first of /run/kmsmon/control and "
             "control in the state-dir that can be had"},
    {ROW("group", group), .arg = "NAME",
     .help = "a group whose members may read what is known, beside root and the agent's own user"},
    {ROW("operators", operators), .arg = "NAME",
     .help = "a group whose members may also have hosts polled and the configuration read again"},
    KMS_OPT_END,
};

static const struct kms_bind in_control = {rows, "control", NULL};

static void check_socket(const struct kms_conf_node *block, const char *path,
                         struct kms_conf_errors *errors)
{
    if (!path || kms_text_equal(path, "off")) {
        return;
    }
    if (path[0] != '/') {
        kms_bind_wrong(block, "socket", path, "is not an absolute path; allowed: /FOLDER/NAME, off",
                       errors);
    } else if (strlen(path) >= KMS_CONTROL_PATH_SIZE) {
        kms_bind_wrong(block, "socket", path,
                       "is too long for a unix socket; allowed: at most 107 characters", errors);
    } else {
        kms_site_check_path(block, "socket", path, errors);
    }
}

/* A directory of users that does not answer is no mistake in the file. */
static void check_group(const struct kms_conf_node *block, const char *key, const char *name,
                        struct kms_conf_errors *errors)
{
    struct kms_control_access ignored;
    if (kms_control_access_find(name, NULL, &ignored, NULL) == KMS_ENOTFOUND) {
        kms_bind_wrong(block, key, name,
                       "is not a group of this machine; allowed: see getent group", errors);
    }
}

void kms_site_read_control(const struct kms_conf_node *block, struct kms_site_control *control,
                           struct kms_conf_errors *errors)
{
    if (!block) {
        return;
    }
    kms_bind_apply(&in_control, block, control, errors);
    check_socket(block, control->socket, errors);
    check_group(block, "group", control->group, errors);
    check_group(block, "operators", control->operators, errors);
}

void kms_site_control_done(struct kms_site_control *control)
{
    kms_opts_free_values(rows, control);
}

enum kms_status kms_site_print_control(const struct kms_site_control *control, struct kms_buf *buf)
{
    enum kms_status status = kms_buf_add_str(buf, "\ncontrol {\n");
    if (status == KMS_OK) {
        status = kms_site_print_rows(rows, "control", control, "    ", buf);
    }
    return status == KMS_OK ? kms_buf_add_str(buf, "}\n") : status;
}

enum kms_status kms_site_control_keys(struct kms_buf *buf)
{
    return kms_site_list_keys(&in_control, buf);
}
