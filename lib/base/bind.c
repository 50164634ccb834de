/* Sets values from a block of the configuration tree by option rows, and says what else would have
 * been allowed. */
#include "base/bind.h"

#include <string.h>

#include "base/text.h"

#define NEAR       2   /* letters that may be wrong in a name for which another one is suggested */
#define SHOWN_TEXT 128 /* of a wrong value that a message repeats */

const struct kms_conf_node *kms_bind_find(const struct kms_conf_node *node, const char *name)
{
    while (node && !(node->block && kms_text_equal(node->name, name))) {
        node = node->next;
    }
    return node;
}

static const struct kms_opt *find_row(const struct kms_bind *bind, const char *name)
{
    for (const struct kms_opt *opt = bind->opts; !kms_opt_is_end(opt); opt++) {
        if (kms_text_equal(opt->section, bind->section) && kms_text_equal(opt->key, name)) {
            return opt;
        }
    }
    return NULL;
}

static const struct kms_bind_block *find_block(const struct kms_bind *bind, const char *name)
{
    for (const struct kms_bind_block *kind = bind->blocks; kind && kind->name; kind++) {
        if (kms_text_equal(kind->name, name)) {
            return kind;
        }
    }
    return NULL;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t kms_bind_distance(const char *a, const char *b)
{
    size_t row[40];
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);
    if (a_len >= KMS_COUNT_OF(row) || b_len >= KMS_COUNT_OF(row)) {
        return KMS_COUNT_OF(row);
    }
    for (size_t j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = least(change, least(row[j - 1], row[j]) + 1);
        }
    }
    return row[b_len];
}

static void consider(const char *wanted, const char *name, const char **best, size_t *best_distance)
{
    size_t d = kms_bind_distance(wanted, name);
    if (d < *best_distance) {
        *best = name;
        *best_distance = d;
    }
}

/* The allowed name that was probably meant; NULL: none is near. */
static const char *nearest(const struct kms_bind *bind, const char *wanted)
{
    const char *best = NULL;
    size_t best_distance = NEAR + 1;
    for (const struct kms_opt *opt = bind->opts; !kms_opt_is_end(opt); opt++) {
        if (kms_text_equal(opt->section, bind->section)) {
            consider(wanted, opt->key, &best, &best_distance);
        }
    }
    for (const struct kms_bind_block *kind = bind->blocks; kind && kind->name; kind++) {
        consider(wanted, kind->name, &best, &best_distance);
    }
    return best;
}

/* "agentx, interval; blocks: host, judgement" */
static void list_allowed(const struct kms_bind *bind, char *dst, size_t size)
{
    dst[0] = '\0';
    for (const struct kms_opt *opt = bind->opts; !kms_opt_is_end(opt); opt++) {
        if (kms_text_equal(opt->section, bind->section)) {
            kms_text_append(dst, size, "%s%s", dst[0] ? ", " : "", opt->key);
        }
    }
    for (const struct kms_bind_block *kind = bind->blocks; kind && kind->name; kind++) {
        const char *first = dst[0] ? "; blocks: " : "blocks: ";
        kms_text_append(dst, size, "%s%s", kind == bind->blocks ? first : ", ", kind->name);
    }
}

static void report_unknown(const struct kms_bind *bind, const struct kms_conf_node *node,
                           struct kms_conf_errors *errors)
{
    char name[64];
    kms_text_clean(name, sizeof name, node->name, strlen(node->name));
    char allowed[640];
    list_allowed(bind, allowed, sizeof allowed);
    const char *near = nearest(bind, node->name);
    kms_conf_error(errors, node->file, node->line, "unknown %s '%s'%s%s%s; allowed: %s",
                   node->block ? "block" : "key", name, near ? ", did you mean '" : "",
                   near ? near : "", near ? "'?" : "", allowed);
}

/* The first node of the same name and kind; node itself when there is none before it. */
static const struct kms_conf_node *first_of(const struct kms_conf_node *block,
                                            const struct kms_conf_node *node)
{
    const struct kms_conf_node *at = block->child;
    while (at != node && !(at->block == node->block && kms_text_equal(at->name, node->name))) {
        at = at->next;
    }
    return at;
}

static bool report_repeated(const struct kms_conf_node *block, const struct kms_conf_node *node,
                            struct kms_conf_errors *errors)
{
    const struct kms_conf_node *first = first_of(block, node);
    if (first == node) {
        return false;
    }
    kms_conf_error(errors, node->file, node->line,
                   "%s%s is there a second time; the first is at %.200s:%u; allowed: one of them",
                   node->block ? "block " : "", node->name, first->file, first->line);
    return true;
}

static void apply_block(const struct kms_bind *bind, const struct kms_conf_node *block,
                        const struct kms_conf_node *node, struct kms_conf_errors *errors)
{
    const struct kms_bind_block *kind = find_block(bind, node->name);
    if (!kind) {
        if (find_row(bind, node->name)) {
            kms_conf_error(errors, node->file, node->line,
                           "%s is a key and no block; allowed: %s = VALUE", node->name, node->name);
        } else {
            report_unknown(bind, node, errors);
        }
        return;
    }
    if (!kind->repeated && report_repeated(block, node, errors)) {
        return;
    }
    if (kind->titled && !node->title) {
        kms_conf_error(errors, node->file, node->line, "block %s has no name; allowed: %s",
                       kind->name, kind->usage);
    } else if (!kind->titled && node->title) {
        char title[64];
        kms_text_clean(title, sizeof title, node->title, strlen(node->title));
        kms_conf_error(errors, node->file, node->line,
                       "block %s has no name of its own, but '%s' stands there; allowed: %s",
                       kind->name, title, kind->usage);
    }
}

static void apply_setting(const struct kms_bind *bind, const struct kms_conf_node *block,
                          const struct kms_conf_node *node, void *base,
                          struct kms_conf_errors *errors)
{
    const struct kms_opt *opt = find_row(bind, node->name);
    if (!opt) {
        const struct kms_bind_block *kind = find_block(bind, node->name);
        if (kind) {
            kms_conf_error(errors, node->file, node->line, "%s is a block; allowed: %s", kind->name,
                           kind->usage);
        } else {
            report_unknown(bind, node, errors);
        }
        return;
    }
    if (report_repeated(block, node, errors)) {
        return;
    }
    char allowed[320];
    kms_opt_allowed(opt, allowed, sizeof allowed);
    if (opt->type != KMS_OPT_SET && opt->type != KMS_OPT_TEXTS && node->list) {
        kms_conf_error(errors, node->file, node->line, "%s: one value, not a list; allowed: %s",
                       opt->key, allowed);
        return;
    }
    if (node->value_count == 0) {
        kms_conf_error(errors, node->file, node->line,
                       "%s: this list is empty; leave the key out, or name some; allowed: %s",
                       opt->key, allowed);
        return;
    }
    for (size_t i = 0; i < node->value_count; i++) {
        struct kms_fault fault = {0};
        enum kms_status status = opt->type == KMS_OPT_SET
                                     ? kms_opt_apply_word(opt, node->value[i], base, &fault)
                                     : kms_opt_apply(opt, node->value[i], base, &fault);
        if (status == KMS_ENOMEM) {
            kms_conf_out_of_memory(errors);
        } else if (status != KMS_OK) {
            kms_conf_error(errors, node->file, node->line, "%s", fault.text);
        }
    }
}

void kms_bind_apply(const struct kms_bind *bind, const struct kms_conf_node *block, void *base,
                    struct kms_conf_errors *errors)
{
    for (const struct kms_conf_node *node = block->child; node; node = node->next) {
        if (node->block) {
            apply_block(bind, block, node, errors);
        } else {
            apply_setting(bind, block, node, base, errors);
        }
    }
}

/* ---- what is wrong with a value that was set ---- */

/* The setting of that name; NULL: it was not given. */
static const struct kms_conf_node *find_setting(const struct kms_conf_node *block, const char *key)
{
    const struct kms_conf_node *node = block->child;
    while (node && (node->block || !kms_text_equal(node->name, key))) {
        node = node->next;
    }
    return node;
}

void kms_bind_wrong(const struct kms_conf_node *block, const char *key, const char *value,
                    const char *wrong, struct kms_conf_errors *errors)
{
    const struct kms_conf_node *setting = find_setting(block, key);
    const struct kms_conf_node *place = setting ? setting : block;
    char shown[SHOWN_TEXT];
    kms_text_clean(shown, sizeof shown, value, strlen(value));
    kms_conf_error(errors, place->file, place->line, "%s: '%s' %s", key, shown, wrong);
}

bool kms_bind_is_set(const struct kms_conf_node *block, const char *key)
{
    return find_setting(block, key) != NULL;
}
