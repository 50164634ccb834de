/* Which language a report is in, and its words for the status of a license: pure. */
#include "report/language.h"

#include "base/text.h"

const char *kms_language_find(const struct kms_label_book *book, const struct kms_lines *lines)
{
    size_t votes[KMS_LABEL_LANGS_MAX] = {0};
    bool typical[KMS_LABEL_LANGS_MAX] = {false};
    for (size_t i = 0; i < lines->count; i++) {
        const struct kms_line *line = &lines->line[i];
        for (size_t lang = 0; lang < KMS_LABEL_LANGS_MAX; lang++) {
            if (line->langs & UINT32_C(1) << lang) {
                votes[lang]++;
                typical[lang] = typical[lang] || line->kind == KMS_LINE_COUNT ||
                                line->kind == KMS_LINE_STATUS;
            }
        }
    }
    size_t best = 0;
    for (size_t lang = 1; lang < KMS_LABEL_LANGS_MAX; lang++) {
        bool draw = votes[lang] == votes[best] && kms_text_equal(kms_label_lang(book, lang), "en");
        if (votes[lang] > votes[best] || draw) {
            best = lang;
        }
    }
    return votes[best] >= 3 || typical[best] ? kms_label_lang(book, best) : "unknown";
}

void kms_language_words(const struct kms_lines *lines, struct kms_status_words *ret)
{
    for (size_t i = 0; i + 6 <= lines->count; i++) {
        const struct kms_line *line = &lines->line[i];
        bool six = true;
        for (size_t k = 0; k < 6; k++) {
            six = six && (size_t)line[k].kind == KMS_LINE_REQ_UNLICENSED + k;
        }
        if (!six) {
            continue;
        }
        for (size_t k = 0; k < 6; k++) {
            ret->label[k] = kms_line_text(lines, &line[k]);
            ret->len[k] = line[k].label_len;
        }
        return;
    }
}
