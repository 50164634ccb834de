/* Gives the configuration reader the files of the machine. */
#include "base/conf.h"

#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "base/texts.h"
#include "base/wildcard.h"

/* The pattern beside the file it stands in; wildcards in the folder's own name are none. */
static enum kms_status join(const char *from, const char *pattern, bool escape,
                            struct kms_buf *path)
{
    const char *slash = strrchr(from, '/');
    enum kms_status status = KMS_OK;
    if (pattern[0] != '/' && slash) {
        for (const char *c = from; c <= slash && status == KMS_OK; c++) {
            if (escape && strchr("*?[]\\", *c)) {
                status = kms_buf_add_str(path, "\\");
            }
            if (status == KMS_OK) {
                status = kms_buf_add(path, c, 1);
            }
        }
    }
    return status == KMS_OK ? kms_buf_add_str(path, pattern) : status;
}

/* No match is fine: so is an empty conf.d. */
static enum kms_status expand(void *arg, const char *from, const char *pattern, char ***ret_names,
                              size_t *ret_count, struct kms_fault *fault)
{
    (void)arg;
    struct kms_texts names = {0};
    struct kms_buf path;
    kms_buf_init(&path, (size_t)4 * KMS_CONF_TEXT_MAX);
    bool wild = strpbrk(pattern, "*?[") != NULL;
    enum kms_status status = join(from, pattern, wild, &path);
    if (status == KMS_OK && !wild) {
        status = kms_texts_add(&names, kms_buf_str(&path));
    }
    if (status != KMS_OK) {
        (void)kms_fault_set(fault, status, 0, "%s", kms_status_text(status));
    } else if (wild) {
        status = kms_wildcard_find(kms_buf_str(&path), &names, fault);
    }
    kms_buf_done(&path);
    if (status == KMS_OK) {
        *ret_names = names.text;
        *ret_count = names.count;
    }
    return status;
}

static enum kms_status read_whole(void *arg, const char *name, struct kms_buf *text,
                                  uint64_t ret_identity[2], struct kms_fault *fault)
{
    (void)arg;
    struct kms_file_stamp stamp;
    int error = 0;
    enum kms_status status = kms_file_read(name, text, &stamp, &error);
    if (status != KMS_OK) {
        char shown[128];
        kms_text_clean(shown, sizeof shown, name, strlen(name));
        return kms_fault_set(fault, status, 0, "'%s': %s", shown, kms_file_why(status, error));
    }
    ret_identity[0] = stamp.device;
    ret_identity[1] = stamp.inode;
    return KMS_OK;
}

struct kms_conf *kms_conf_load(const char *path, struct kms_conf_errors *errors)
{
    struct kms_buf text;
    kms_buf_init(&text, KMS_CONF_FILE_SIZE_MAX);
    struct kms_file_stamp stamp;
    int error = 0;
    struct kms_conf *conf = NULL;
    enum kms_status status = kms_file_read(path, &text, &stamp, &error);
    if (status == KMS_OK) {
        const struct kms_conf_source source = {
            .expand = expand, .read = read_whole, .top_identity = {stamp.device, stamp.inode}};
        conf = kms_conf_parse(path, kms_buf_str(&text), text.len, &source, errors);
    } else {
        kms_conf_error(errors, path, 0, "%s", kms_file_why(status, error));
    }
    kms_buf_done(&text);
    return conf;
}
