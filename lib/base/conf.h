/* Configuration text as a tree: settings, lists, titled blocks and includes, every node with its
 * file and line. */
#ifndef KMS_BASE_CONF_H
#define KMS_BASE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

#define KMS_CONF_ERRORS_MAX        20 /* shown; the rest is counted */
#define KMS_CONF_TEXT_MAX          4096
#define KMS_CONF_LIST_MAX          64
#define KMS_CONF_BLOCK_DEPTH_MAX   8
#define KMS_CONF_INCLUDE_DEPTH_MAX 8
#define KMS_CONF_FILES_MAX         20000 /* included; a file counts each time */
#define KMS_CONF_FILE_SIZE_MAX     (8U << 20)
#define KMS_CONF_NODES_MAX         500000

/* Collects "file:line: what is wrong; allowed: ..." lines in a buffer of the caller. */
struct kms_conf_errors {
    struct kms_buf *text;
    size_t count;           /* all of them, shown or not */
    enum kms_status status; /* KMS_OK while count is 0; KMS_ENOMEM ends everything */
};

void kms_conf_errors_init(struct kms_conf_errors *errors, struct kms_buf *text);
/* line 0: about the whole file. While errors are shown, one that was is not counted again. */
void kms_conf_error(struct kms_conf_errors *errors, const char *file, unsigned line,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
void kms_conf_out_of_memory(struct kms_conf_errors *errors);
/* Adds the line that says how many more there are. */
void kms_conf_errors_end(struct kms_conf_errors *errors);

struct kms_conf_node {
    const char *file;
    unsigned line;
    bool block; /* else a setting */
    bool list;  /* a setting that was written as { ... } */
    char *name;
    char *title; /* of a block; NULL: none */
    char **value;
    size_t value_count;                 /* 1 unless list */
    struct kms_conf_node *child, *last; /* of a block */
    struct kms_conf_node *next;
};

/* Where includes come from; a test or a fuzzer gives its own, so that reading needs no file. */
struct kms_conf_source {
    /* The names that pattern means in the file from, in order: a heap array of heap strings. No
     * name at all is fine for a pattern with wildcards. */
    enum kms_status (*expand)(void *arg, const char *from, const char *pattern, char ***ret_names,
                              size_t *ret_count, struct kms_fault *fault);
    /* Identity is what two names of the same file have in common. */
    enum kms_status (*read)(void *arg, const char *name, struct kms_buf *text,
                            uint64_t ret_identity[2], struct kms_fault *fault);
    void *arg;
    uint64_t top_identity[2]; /* of the file that the includes begin in; zeros: not known */
};

struct kms_conf;

/* Reads len bytes that came from the file name. source NULL: an include is an error. The tree holds
 * all that could be read even when there were errors; NULL only when memory ran out. Free it with
 * kms_conf_free. */
struct kms_conf *kms_conf_parse(const char *name, const void *bytes, size_t len,
                                const struct kms_conf_source *source,
                                struct kms_conf_errors *errors);
/* The same for a file of the machine, with includes relative to the file they stand in
 * (conf_file.c). NULL too when the file itself cannot be read. */
struct kms_conf *kms_conf_load(const char *path, struct kms_conf_errors *errors);
void kms_conf_free(struct kms_conf *conf);

/* A block without name and title that holds the top of the file. */
const struct kms_conf_node *kms_conf_root(const struct kms_conf *conf);

/* Appends text as a quoted string that reads back to the same text. */
enum kms_status kms_conf_quote(struct kms_buf *buf, const char *text);

#endif
