/* Shows which servers of a zone were asked and which of them differ. */
#include "authoritative.h"

#include "base/text.h"

enum { TEXT_SIZE = 500 };

struct view {
    const struct kms_authority *authority;
    const struct kms_dns_domain *resolver;
    struct kms_authority_verdict verdict;
    struct kms_output *out;
};

static void show_server(const struct view *view, size_t index)
{
    const struct kms_authority_server *server = &view->authority->server[index];
    bool answered = kms_authority_answered(server);
    char lacks[TEXT_SIZE], text[TEXT_SIZE + 400];
    kms_authority_lacks(view->authority, view->resolver, index, lacks, sizeof lacks);
    kms_text_format(text, sizeof text, "%s%s%s%s",
                    server->name[0] != '\0' ? server->name : server->text,
                    server->name[0] != '\0' && server->text[0] != '\0' ? " " : "",
                    server->name[0] != '\0' ? server->text : "", lacks[0] != '\0' ? " " : "");
    if (!answered) {
        kms_text_append(text, sizeof text, ": %s: %s", kms_outcome_row(server->outcome)->token,
                        server->detail);
    } else if (lacks[0] != '\0') {
        kms_text_append(text, sizeof text, "%s", lacks);
    } else if (server->alias[0] != '\0') {
        kms_text_append(text, sizeof text, ": an alias of %s", server->alias);
    } else {
        kms_text_append(text, sizeof text, ": %zu record%s", server->set.count,
                        server->set.count == 1 ? "" : "s");
    }
    kms_output_node(view->out, 1, answered && lacks[0] == '\0' ? KMS_STATE_OK : KMS_STATE_WARNING,
                    "%s", text);
}

static void show_resolver(const struct view *view)
{
    char lacks[TEXT_SIZE];
    kms_authority_lacks(view->authority, view->resolver, view->authority->count, lacks,
                        sizeof lacks);
    if (view->verdict.resolver_differs) {
        kms_output_line(view->out, 1, "the resolver %s says something else%s%s",
                        view->resolver->server, lacks[0] != '\0' ? ": it " : "", lacks);
        kms_output_line(view->out, 1,
                        "it may remember what was so before, until the records' time to live ends");
    }
}

static enum kms_state state_of(const struct view *view)
{
    const struct kms_authority_verdict *verdict = &view->verdict;
    if (view->authority->outcome != KMS_OUTCOME_OK || verdict->answered == 0) {
        return KMS_STATE_UNKNOWN;
    }
    return verdict->differ || verdict->silent > 0 ? KMS_STATE_WARNING : KMS_STATE_OK;
}

static void say_first(const struct view *view)
{
    const struct kms_authority_verdict *verdict = &view->verdict;
    if (view->authority->outcome != KMS_OUTCOME_OK) {
        kms_output_first(view->out, "; the zone's servers are not known");
    } else if (verdict->differ) {
        kms_output_first(view->out, "; the zone's servers disagree");
    }
    if (view->authority->outcome == KMS_OUTCOME_OK && verdict->silent > 0) {
        kms_output_first(view->out, "; %zu of the zone's servers give%s no answer", verdict->silent,
                         verdict->silent == 1 ? "s" : "");
    }
}

static void add_steps(const struct view *view)
{
    if (view->verdict.differ) {
        kms_output_line(view->out, 0,
                        "next step: look at the zone's transfers or replication, and at its serial "
                        "numbers on these servers");
    } else if (view->verdict.silent > 0) {
        for (size_t i = 0; i < view->authority->count; i++) {
            const struct kms_authority_server *server = &view->authority->server[i];
            if (!kms_authority_answered(server)) {
                kms_output_line(view->out, 0, "next step: %s",
                                kms_outcome_row(server->outcome)->hint);
                return;
            }
        }
    }
}

static void add_perf(const struct view *view, bool several, const char *label, size_t value)
{
    char full[KMS_DNS_NAME_SIZE + 32];
    kms_text_format(full, sizeof full, "%s%s%s", label, several ? "_" : "",
                    several ? view->authority->name : "");
    const struct kms_perf perf = {.label = full,
                                  .known = view->authority->outcome == KMS_OUTCOME_OK,
                                  .value = (double)value,
                                  .min_known = true};
    kms_output_perf(view->out, &perf);
}

enum kms_state kms_authoritative_show(const struct kms_authority *authority,
                                      const struct kms_dns_domain *resolver, bool several,
                                      struct kms_output *out)
{
    struct view view = {.authority = authority, .resolver = resolver, .out = out};
    kms_authority_judge(authority, resolver, &view.verdict);
    enum kms_state state = state_of(&view);
    say_first(&view);
    if (authority->outcome != KMS_OUTCOME_OK) {
        kms_output_node(out, 0, state, "the servers of the zone: %s: %s",
                        kms_outcome_row(authority->outcome)->token, authority->detail);
    } else {
        kms_output_node(out, 0, state, "the servers of %s%s: %zu answer, %zu do not",
                        authority->zone[0] != '\0' ? "the zone " : "the list", authority->zone,
                        view.verdict.answered, view.verdict.silent);
    }
    for (size_t i = 0; i < authority->count; i++) {
        show_server(&view, i);
    }
    if (authority->left_out > 0) {
        kms_output_line(out, 1, "%zu more are not asked", authority->left_out);
    }
    show_resolver(&view);
    add_steps(&view);
    add_perf(&view, several, "authoritative", view.verdict.answered);
    add_perf(&view, several, "authoritative_silent", view.verdict.silent);
    return state;
}
