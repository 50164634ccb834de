/* Prints option rows as the configuration file writes them, and lists what keys there are. */
#include "agent/site_print.h"

#include <string.h>

#include "base/conf.h"
#include "base/text.h"
#include "base/texts.h"

/* Rows without a default are printed only when they were given; 0 and NULL say that they were not.
 */
static bool is_given(const struct kms_opt *opt, const void *base)
{
    const char *at = (const char *)base + opt->offset;
    if (opt->preset) {
        return true;
    }
    if (opt->type == KMS_OPT_TEXT) {
        char *text;
        memcpy(&text, at, sizeof text);
        return text != NULL;
    }
    if (opt->type == KMS_OPT_TEXTS) {
        struct kms_texts texts;
        memcpy(&texts, at, sizeof texts);
        return texts.count > 0;
    }
    uint64_t number;
    memcpy(&number, at, sizeof number);
    return number != 0;
}

static enum kms_status print_texts(const struct kms_texts *texts, struct kms_buf *buf)
{
    enum kms_status status = texts->count == 1 ? KMS_OK : kms_buf_add_str(buf, "{");
    for (size_t i = 0; i < texts->count && status == KMS_OK; i++) {
        status = kms_buf_add_str(buf, i > 0 ? ", " : "");
        if (status == KMS_OK) {
            status = kms_conf_quote(buf, texts->text[i]);
        }
    }
    return status == KMS_OK && texts->count != 1 ? kms_buf_add_str(buf, "}") : status;
}

static enum kms_status print_value(const struct kms_opt *opt, const void *base, struct kms_buf *buf)
{
    if (opt->type == KMS_OPT_TEXT) {
        char *text;
        memcpy(&text, (const char *)base + opt->offset, sizeof text);
        return kms_conf_quote(buf, text ? text : "");
    }
    if (opt->type == KMS_OPT_TEXTS) {
        struct kms_texts texts;
        memcpy(&texts, (const char *)base + opt->offset, sizeof texts);
        return print_texts(&texts, buf);
    }
    char value[256];
    kms_opt_print(opt, base, value, sizeof value);
    return kms_buf_add_str(buf, value);
}

enum kms_status kms_site_print_rows(const struct kms_opt *rows, const char *section,
                                    const void *base, const char *indent, struct kms_buf *buf)
{
    enum kms_status status = KMS_OK;
    for (const struct kms_opt *opt = rows; status == KMS_OK && !kms_opt_is_end(opt); opt++) {
        if (!kms_text_equal(opt->section, section) || !is_given(opt, base)) {
            continue;
        }
        status = kms_buf_addf(buf, "%s%s = ", indent, opt->key);
        if (status == KMS_OK) {
            status = print_value(opt, base, buf);
        }
        if (status == KMS_OK) {
            status = kms_buf_add_str(buf, "\n");
        }
    }
    return status;
}

enum kms_status kms_site_list_keys(const struct kms_bind *bind, struct kms_buf *buf)
{
    enum kms_status status = KMS_OK;
    for (const struct kms_opt *opt = bind->opts; status == KMS_OK && !kms_opt_is_end(opt); opt++) {
        if (!kms_text_equal(opt->section, bind->section)) {
            continue;
        }
        char allowed[320];
        kms_opt_allowed(opt, allowed, sizeof allowed);
        status = kms_buf_addf(buf, "%s%s%s\t%s\t%s\t%s\n", bind->section,
                              bind->section[0] ? "." : "", opt->key, allowed,
                              opt->preset ? opt->preset : "-", opt->help);
    }
    return status;
}
