/* Reads configuration text from memory into a tree and reports every error in it. */
#include "base/conf.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct conf_file {
    struct conf_file *next;
    char *name;
};

struct kms_conf {
    struct kms_conf_node root;
    struct conf_file *files;
    size_t file_count;
    size_t node_count;
    bool full; /* a file was left out already */
};

/* Where reading is in one file. */
struct reader {
    struct kms_conf *conf;
    const struct kms_conf_source *source;
    struct kms_conf_errors *errors;
    struct kms_rd rd;
    unsigned line;
    const char *file;
    uint64_t identity[2];
    unsigned block_depth;
    unsigned include_depth;
    const struct reader *outer; /* the file that includes this one */
};

void kms_conf_errors_init(struct kms_conf_errors *errors, struct kms_buf *text)
{
    *errors = (struct kms_conf_errors){.text = text};
}

void kms_conf_out_of_memory(struct kms_conf_errors *errors)
{
    if (errors->status != KMS_ENOMEM) {
        errors->status = KMS_ENOMEM;
        (void)kms_buf_add_str(errors->text, "out of memory\n");
    }
}

static bool is_told(const char *lines, const char *line)
{
    const char *at = lines;
    while ((at = strstr(at, line))) {
        if (at == lines || at[-1] == '\n') {
            return true;
        }
        at++;
    }
    return false;
}

void kms_conf_error(struct kms_conf_errors *errors, const char *file, unsigned line,
                    const char *format, ...)
{
    if (errors->status == KMS_OK) {
        errors->status = KMS_EINVAL;
    }
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)kms_text_vformat(text, sizeof text, format, args);
    va_end(args);
    char place[512], told[sizeof place + sizeof text + 32];
    kms_text_clean(place, sizeof place, file, strlen(file));
    if (line > 0) {
        (void)kms_text_format(told, sizeof told, "%s:%u: %s\n", place, line, text);
    } else {
        (void)kms_text_format(told, sizeof told, "%s: %s\n", place, text);
    }
    /* What thousands of hosts share is wrong once. */
    bool more = errors->count >= KMS_CONF_ERRORS_MAX;
    if (!more && is_told(kms_buf_str(errors->text), told)) {
        return;
    }
    /* A full buffer loses messages, never the fact that there were errors. */
    errors->count++;
    if (!more) {
        (void)kms_buf_add_str(errors->text, told);
    }
}

void kms_conf_errors_end(struct kms_conf_errors *errors)
{
    if (errors->count > KMS_CONF_ERRORS_MAX) {
        (void)kms_buf_addf(errors->text, "and %zu more errors\n",
                           errors->count - KMS_CONF_ERRORS_MAX);
        errors->count = KMS_CONF_ERRORS_MAX;
    }
}

static bool out_of_memory(const struct reader *r)
{
    return r->errors->status == KMS_ENOMEM;
}

/* The byte that comes next, or after it; -1 at the end. */
static int peek_at(const struct reader *r, size_t ahead)
{
    struct kms_rd look = r->rd;
    uint8_t byte;
    return kms_rd_skip(&look, ahead) && kms_rd_u8(&look, &byte) ? byte : -1;
}

static int peek(const struct reader *r)
{
    return peek_at(r, 0);
}

static int take(struct reader *r)
{
    uint8_t byte;
    if (!kms_rd_u8(&r->rd, &byte)) {
        return -1;
    }
    if (byte == '\n') {
        r->line++;
    }
    return byte;
}

static bool at_line_comment(const struct reader *r)
{
    return peek(r) == '#' || (peek(r) == '/' && peek_at(r, 1) == '/');
}

static void skip_block_comment(struct reader *r)
{
    unsigned line = r->line;
    (void)take(r);
    (void)take(r);
    while (peek(r) != '*' || peek_at(r, 1) != '/') {
        if (take(r) < 0) {
            kms_conf_error(r->errors, r->file, line, "this comment is not closed; allowed: */");
            return;
        }
    }
    (void)take(r);
    (void)take(r);
}

/* Skips blanks and comments; over line ends too when lines is set. */
static void skip_blanks(struct reader *r, bool lines)
{
    for (;;) {
        int c = peek(r);
        if (c == ' ' || c == '\t' || c == '\r' || (lines && c == '\n')) {
            (void)take(r);
        } else if (at_line_comment(r)) {
            while (peek(r) >= 0 && peek(r) != '\n') {
                (void)take(r);
            }
        } else if (c == '/' && peek_at(r, 1) == '*') {
            skip_block_comment(r);
        } else {
            return;
        }
    }
}

static bool is_word_byte(int c, bool in_key)
{
    if (c <= ' ' || c == 0x7F || (in_key && c == '=')) {
        return false;
    }
    return c != '{' && c != '}' && c != ',' && c != ';' && c != '"' && c != '#';
}

/* After an error: to the end of the line, over everything that was opened on it. The brace that
 * closes the block around the statement stays. */
static void skip_statement(struct reader *r, unsigned depth)
{
    for (;;) {
        skip_blanks(r, depth > 0);
        int c = peek(r);
        if (c < 0 || c == '\n' || (c == '}' && depth == 0)) {
            return;
        }
        if (is_word_byte(c, false)) {
            while (is_word_byte(peek(r), false)) {
                (void)take(r);
            }
            continue;
        }
        (void)take(r);
        if (c == '{') {
            depth++;
        } else if (c == '}') {
            depth--;
        } else if (c == '"') {
            while (peek(r) >= 0 && peek(r) != '\n' && peek(r) != '"') {
                if (take(r) == '\\' && peek(r) == '"') {
                    (void)take(r);
                }
            }
            if (peek(r) == '"') {
                (void)take(r);
            }
        }
    }
}

/* "'x'" for messages. */
static const char *show_byte(int c, char dst[static 24])
{
    if (c < 0) {
        kms_text_copy(dst, 24, "the end of the file");
    } else if (c == '\n') {
        kms_text_copy(dst, 24, "the line's end");
    } else if (c < ' ' || c >= 0x7F) {
        kms_text_format(dst, 24, "byte 0x%02X", (unsigned)c);
    } else {
        kms_text_format(dst, 24, "'%c'", c);
    }
    return dst;
}

static bool is_utf8(const char *text, size_t len)
{
    struct kms_rd rd = kms_rd_over(text, len);
    uint32_t c;
    while (kms_rd_utf8(&rd, &c)) {
        if (c == 0xFFFD) {
            return false;
        }
    }
    return true;
}

/* The collected bytes as a heap string, or NULL after an error message. */
static char *finish_text(struct reader *r, struct kms_buf *buf, unsigned line, bool failed)
{
    char *text = NULL;
    if (failed) {
        goto done;
    }
    if (!is_utf8(kms_buf_str(buf), buf->len)) {
        kms_conf_error(r->errors, r->file, line, "this text is not UTF-8; save the file as UTF-8");
        goto done;
    }
    text = kms_text_dup_len(kms_buf_str(buf), buf->len);
    if (!text) {
        kms_conf_out_of_memory(r->errors);
    }
done:
    kms_buf_done(buf);
    return text;
}

/* False after a message; the rest is to be skipped by the caller. */
static bool keep_byte(struct reader *r, struct kms_buf *buf, unsigned line, int c)
{
    char byte = (char)c;
    enum kms_status status = kms_buf_add(buf, &byte, 1);
    if (status == KMS_ETOOBIG) {
        kms_conf_error(r->errors, r->file, line, "this text is too long; allowed: %d bytes",
                       KMS_CONF_TEXT_MAX);
    } else if (status != KMS_OK) {
        kms_conf_out_of_memory(r->errors);
    }
    return status == KMS_OK;
}

static char *take_word(struct reader *r, bool in_key)
{
    struct kms_buf buf;
    kms_buf_init(&buf, KMS_CONF_TEXT_MAX);
    bool failed = false;
    while (is_word_byte(peek(r), in_key)) {
        int c = take(r);
        failed = failed || !keep_byte(r, &buf, r->line, c);
    }
    return finish_text(r, &buf, r->line, failed);
}

static char *take_string(struct reader *r)
{
    struct kms_buf buf;
    kms_buf_init(&buf, KMS_CONF_TEXT_MAX);
    unsigned line = r->line;
    bool failed = false;
    (void)take(r);
    for (;;) {
        int c = peek(r);
        if (c < 0 || c == '\n') {
            kms_conf_error(r->errors, r->file, line,
                           "this string is not closed on its line; allowed: \"text\"");
            failed = true;
            break;
        }
        (void)take(r);
        if (c == '"') {
            break;
        }
        if (c == '\\') {
            c = peek(r);
            if (c == '"' || c == '\\') {
                (void)take(r);
            } else if (!failed) {
                char shown[24];
                kms_conf_error(r->errors, r->file, line,
                               "a backslash before %s means nothing; allowed: \\\" and \\\\",
                               show_byte(c, shown));
                failed = true;
            }
        } else if ((c < ' ' && c != '\t') || c == 0x7F) {
            if (!failed) {
                kms_conf_error(r->errors, r->file, line,
                               "control byte 0x%02X in a string; allowed: visible text%s",
                               (unsigned)c, c == 0 ? " in UTF-8" : "");
            }
            failed = true;
        }
        failed = failed || !keep_byte(r, &buf, line, c);
    }
    return finish_text(r, &buf, line, failed);
}

/* A word or a string; NULL after an error message. */
static char *take_text(struct reader *r, const char *wanted)
{
    int c = peek(r);
    if (c == '"') {
        return take_string(r);
    }
    if (c == '\'') {
        kms_conf_error(r->errors, r->file, r->line,
                       "a string begins with a single quote; allowed: \"text\"");
        return NULL;
    }
    if (!is_word_byte(c, false)) {
        char shown[24];
        kms_conf_error(r->errors, r->file, r->line, "%s is missing before %s; allowed: %s", wanted,
                       show_byte(c, shown), "a word or \"text\"");
        return NULL;
    }
    return take_word(r, false);
}

static void free_node(struct kms_conf_node *node);

static void free_children(struct kms_conf_node *node)
{
    struct kms_conf_node *child = node->child;
    while (child) {
        struct kms_conf_node *next = child->next;
        free_node(child);
        child = next;
    }
}

/* As deep as KMS_CONF_BLOCK_DEPTH_MAX. */
static void free_node(struct kms_conf_node *node)
{
    if (!node) {
        return;
    }
    free_children(node);
    for (size_t i = 0; i < node->value_count; i++) {
        free(node->value[i]);
    }
    free(node->value);
    free(node->title);
    free(node->name);
    free(node);
}

static struct kms_conf_node *new_node(struct reader *r, char *name, unsigned line)
{
    struct kms_conf_node *node = calloc(1, sizeof *node);
    if (!node) {
        free(name);
        kms_conf_out_of_memory(r->errors);
        return NULL;
    }
    node->file = r->file;
    node->line = line;
    node->name = name;
    return node;
}

/* Takes the text over, whatever happens. */
static bool add_value(struct reader *r, struct kms_conf_node *node, char *text)
{
    if (node->value_count >= KMS_CONF_LIST_MAX) {
        kms_conf_error(r->errors, r->file, r->line, "%.64s: too many values; allowed: %d",
                       node->name, KMS_CONF_LIST_MAX);
        free(text);
        return false;
    }
    char **values = realloc(node->value, (node->value_count + 1) * sizeof *values);
    if (!values) {
        free(text);
        kms_conf_out_of_memory(r->errors);
        return false;
    }
    node->value = values;
    node->value[node->value_count++] = text;
    return true;
}

/* Behind the opening brace. */
static bool take_list(struct reader *r, struct kms_conf_node *node)
{
    unsigned line = r->line;
    node->list = true;
    for (;;) {
        skip_blanks(r, true);
        if (peek(r) == '}') {
            (void)take(r);
            return true;
        }
        if (peek(r) < 0) {
            kms_conf_error(r->errors, r->file, line, "%.64s: this list is not closed; allowed: }",
                           node->name);
            return false;
        }
        char *text = take_text(r, "a value of the list");
        if (!text || !add_value(r, node, text)) {
            return false;
        }
        skip_blanks(r, true);
        int c = peek(r);
        if (c == ',') {
            (void)take(r);
        } else if (c != '}' && c >= 0) {
            char shown[24];
            kms_conf_error(r->errors, r->file, r->line,
                           "%.64s: %s in a list; allowed: , between values and } at the end",
                           node->name, show_byte(c, shown));
            return false;
        }
    }
}

static void read_body(struct reader *r, struct kms_conf_node *block, const char *open_name,
                      unsigned open_line);

static void add_child(struct kms_conf_node *block, struct kms_conf_node *node)
{
    if (block->last) {
        block->last->next = node;
    } else {
        block->child = node;
    }
    block->last = node;
}

static bool is_being_read(const struct reader *r, const char *name, const uint64_t identity[2],
                          const struct reader **ret_by)
{
    for (; r; r = r->outer) {
        bool same_file = (identity[0] != 0 || identity[1] != 0) && identity[0] == r->identity[0] &&
                         identity[1] == r->identity[1];
        if (same_file || kms_text_equal(name, r->file)) {
            *ret_by = r;
            return true;
        }
    }
    return false;
}

/* False after a message. The file that everything begins in is not included by any. */
static bool may_include_more(const struct reader *r, unsigned line)
{
    if (r->conf->file_count <= KMS_CONF_FILES_MAX) {
        return true;
    }
    r->conf->full = true;
    kms_conf_error(r->errors, r->file, line, "include: too many files; allowed: %d",
                   KMS_CONF_FILES_MAX);
    return false;
}

/* The tree keeps the name, since its nodes point to it. */
static const char *keep_file_name(struct reader *r, const char *name)
{
    struct conf_file *file = calloc(1, sizeof *file);
    if (!file || !(file->name = kms_text_dup(name))) {
        free(file);
        kms_conf_out_of_memory(r->errors);
        return NULL;
    }
    file->next = r->conf->files;
    r->conf->files = file;
    r->conf->file_count++;
    return file->name;
}

/* Reads a whole file's text into block. */
static void read_text(struct reader *r, struct kms_conf_node *block, const void *bytes, size_t len)
{
    r->rd = kms_rd_over(bytes, len);
    if (len > 0 && memchr(bytes, 0, len)) {
        kms_conf_error(r->errors, r->file, 0,
                       "this is not a text file (it has a zero byte); allowed: text in UTF-8");
        return;
    }
    (void)kms_rd_match(&r->rd, "\xEF\xBB\xBF", 3);
    read_body(r, block, NULL, 0);
}

static void include_file(struct reader *r, struct kms_conf_node *block, const char *name,
                         unsigned line)
{
    struct kms_buf text;
    kms_buf_init(&text, KMS_CONF_FILE_SIZE_MAX);
    struct kms_fault fault = {0};
    struct reader inner = {.conf = r->conf,
                           .source = r->source,
                           .errors = r->errors,
                           .line = 1,
                           .block_depth = r->block_depth,
                           .include_depth = r->include_depth + 1,
                           .outer = r};
    const struct reader *by = NULL;
    enum kms_status status = r->source->read(r->source->arg, name, &text, inner.identity, &fault);
    if (status != KMS_OK) {
        kms_conf_error(r->errors, r->file, line, "include: %s", fault.text);
        goto done;
    }
    if (is_being_read(r, name, inner.identity, &by)) {
        kms_conf_error(r->errors, r->file, line,
                       "include: '%.200s' is being read already; a file may not include itself",
                       by->file);
        goto done;
    }
    inner.file = keep_file_name(r, name);
    if (!inner.file) {
        goto done;
    }
    read_text(&inner, block, kms_buf_str(&text), text.len);
done:
    kms_buf_done(&text);
}

static void include_pattern(struct reader *r, struct kms_conf_node *block,
                            const struct kms_conf_node *node)
{
    if (node->value_count != 1 || node->list) {
        kms_conf_error(r->errors, r->file, node->line,
                       "include: takes one file or pattern; allowed: include \"conf.d/*.conf\"");
        return;
    }
    if (!r->source) {
        kms_conf_error(r->errors, r->file, node->line, "include: there are no files here");
        return;
    }
    /* Nothing is searched for in vain. */
    if (r->conf->full && !may_include_more(r, node->line)) {
        return;
    }
    if (r->include_depth >= KMS_CONF_INCLUDE_DEPTH_MAX) {
        kms_conf_error(r->errors, r->file, node->line,
                       "include: files include each other too deep; allowed: %d levels",
                       KMS_CONF_INCLUDE_DEPTH_MAX);
        return;
    }
    char **names = NULL;
    size_t count = 0;
    struct kms_fault fault = {0};
    enum kms_status status = r->source->expand(r->source->arg, r->file, node->value[0], &names,
                                               &count, &fault);
    if (status != KMS_OK) {
        kms_conf_error(r->errors, r->file, node->line, "include: %s", fault.text);
        return;
    }
    bool more = true;
    for (size_t i = 0; i < count; i++) {
        more = more && !out_of_memory(r) && may_include_more(r, node->line);
        if (more) {
            include_file(r, block, names[i], node->line);
        }
        free(names[i]);
    }
    free(names);
}

/* What stands between a name and the end of its statement. False after an error message, with the
 * number of braces that are open. */
static bool take_rest(struct reader *r, struct kms_conf_node *node, unsigned *ret_open)
{
    char *text;
    *ret_open = 0;
    skip_blanks(r, false);
    if (peek(r) == '=') {
        (void)take(r);
        skip_blanks(r, false);
        if (peek(r) == '{') {
            (void)take(r);
            *ret_open = 1;
            return take_list(r, node);
        }
        text = take_text(r, "the value");
        return text && add_value(r, node, text);
    }
    int c = peek(r);
    if (c == '\n') {
        skip_blanks(r, true);
        if (peek(r) != '{') {
            kms_conf_error(r->errors, node->file, node->line,
                           "%.64s: the value is missing; allowed: %.64s = VALUE on one line",
                           node->name, node->name);
            return false;
        }
    } else if (c != '{') {
        text = take_text(r, "the value");
        if (!text) {
            return false;
        }
        skip_blanks(r, true);
        if (peek(r) != '{') {
            return add_value(r, node, text);
        }
        node->title = text;
    }
    node->block = true;
    (void)take(r);
    return true;
}

static void read_block(struct reader *r, struct kms_conf_node *node)
{
    if (r->block_depth >= KMS_CONF_BLOCK_DEPTH_MAX) {
        kms_conf_error(r->errors, r->file, node->line,
                       "%.64s: blocks stand in each other too deep; allowed: %d levels", node->name,
                       KMS_CONF_BLOCK_DEPTH_MAX);
        skip_statement(r, 1);
        return;
    }
    r->block_depth++;
    read_body(r, node, node->name, node->line);
    r->block_depth--;
}

static void read_statement(struct reader *r, struct kms_conf_node *block)
{
    unsigned line = r->line;
    char *name = take_word(r, true);
    if (!name) {
        skip_statement(r, 0);
        return;
    }
    struct kms_conf_node *node = new_node(r, name, line);
    if (!node) {
        return;
    }
    unsigned open;
    if (!take_rest(r, node, &open)) {
        /* The line of a name without its value has ended already. */
        if (r->line == line || open > 0) {
            skip_statement(r, open);
        }
        free_node(node);
        return;
    }
    if (!node->block && kms_text_equal(node->name, "include")) {
        include_pattern(r, block, node);
        free_node(node);
        return;
    }
    if (++r->conf->node_count > KMS_CONF_NODES_MAX) {
        if (r->conf->node_count == KMS_CONF_NODES_MAX + 1) {
            kms_conf_error(r->errors, r->file, line, "too many settings; allowed: %d",
                           KMS_CONF_NODES_MAX);
        }
        free_node(node);
        return;
    }
    add_child(block, node);
    if (node->block) {
        read_block(r, node);
    }
}

static void report_unexpected(struct reader *r, int c)
{
    char shown[24];
    const char *help = "a key such as interval, or a block such as host \"NAME\" { ... }";
    if (c == '"' || c == '\'') {
        help = "a key without quotes, then its value";
    } else if (c == ',') {
        help = "several values as key = {a, b}";
    } else if (c == ';') {
        help = "the line's end or a blank after a value";
    } else if (c == 0) {
        help = "text in UTF-8";
    }
    kms_conf_error(r->errors, r->file, r->line, "%s is not expected here; allowed: %s",
                   show_byte(c, shown), help);
}

/* The statements of a file (open_name NULL) or of a block up to its closing brace. */
static void read_body(struct reader *r, struct kms_conf_node *block, const char *open_name,
                      unsigned open_line)
{
    for (;;) {
        skip_blanks(r, true);
        int c = peek(r);
        if (out_of_memory(r)) {
            return;
        }
        if (c < 0) {
            if (open_name) {
                kms_conf_error(r->errors, r->file, open_line,
                               "block '%.64s' is not closed; allowed: }", open_name);
            }
            return;
        }
        if (c == '}') {
            (void)take(r);
            if (open_name) {
                return;
            }
            kms_conf_error(r->errors, r->file, r->line, "this } closes nothing");
        } else if (c != '\'' && is_word_byte(c, true)) {
            read_statement(r, block);
        } else {
            report_unexpected(r, c);
            if (c != '{' && c != '"') {
                (void)take(r);
            }
            skip_statement(r, 0);
        }
    }
}

struct kms_conf *kms_conf_parse(const char *name, const void *bytes, size_t len,
                                const struct kms_conf_source *source,
                                struct kms_conf_errors *errors)
{
    struct kms_conf *conf = calloc(1, sizeof *conf);
    if (!conf) {
        kms_conf_out_of_memory(errors);
        return NULL;
    }
    struct reader r = {.conf = conf, .source = source, .errors = errors, .line = 1, .file = name};
    r.file = keep_file_name(&r, name);
    if (source) {
        memcpy(r.identity, source->top_identity, sizeof r.identity);
    }
    if (r.file) {
        conf->root = (struct kms_conf_node){.file = r.file, .line = 1, .block = true};
        read_text(&r, &conf->root, bytes, len);
    }
    if (errors->status == KMS_ENOMEM) {
        kms_conf_free(conf);
        return NULL;
    }
    return conf;
}

void kms_conf_free(struct kms_conf *conf)
{
    if (!conf) {
        return;
    }
    free_children(&conf->root);
    while (conf->files) {
        struct conf_file *next = conf->files->next;
        free(conf->files->name);
        free(conf->files);
        conf->files = next;
    }
    free(conf);
}

const struct kms_conf_node *kms_conf_root(const struct kms_conf *conf)
{
    return &conf->root;
}

enum kms_status kms_conf_quote(struct kms_buf *buf, const char *text)
{
    enum kms_status status = kms_buf_add_str(buf, "\"");
    for (; *text && status == KMS_OK; text++) {
        if (*text == '"' || *text == '\\') {
            status = kms_buf_add_str(buf, "\\");
        }
        if (status == KMS_OK) {
            status = kms_buf_add(buf, text, 1);
        }
    }
    return status == KMS_OK ? kms_buf_add_str(buf, "\"") : status;
}
