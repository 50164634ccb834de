/* The log lines about domains, their records and who is published in them. */
#include "agent/lookups.h"

#include <string.h>

#include "base/text.h"

static enum kms_log_level level_of(bool good)
{
    return good ? KMS_LOG_INFO : KMS_LOG_WARNING;
}

/* " (was ok)"; nothing when there is nothing to tell. */
static void say_before(char *dst, size_t size, bool known, const char *word)
{
    kms_text_copy(dst, size, "");
    if (known) {
        kms_text_format(dst, size, " (was %s)", word);
    }
}

static void tell_lookup(const struct kms_log *log, const struct kms_zone_news *news)
{
    const struct kms_zone *zone = news->zone;
    const struct kms_outcome_row *row = kms_outcome_row(zone->outcome);
    bool good = kms_outcome_good(zone->outcome);
    char before[64], detail[sizeof zone->detail + 32] = "";
    say_before(before, sizeof before, news->was_outcome != KMS_OUTCOME_NONE,
               kms_outcome_row(news->was_outcome)->token);
    if (zone->detail[0] != '\0') {
        kms_text_format(detail, sizeof detail, ": %s", zone->detail);
    } else if (good) {
        kms_text_format(detail, sizeof detail, ": %u record%s", zone->records,
                        zone->records == 1 ? "" : "s");
    }
    kms_log_write(log, level_of(good), "dns %s: %s%s%s%s%s", zone->name, row->token, before, detail,
                  good ? "" : "; ", good ? "" : row->hint);
}

/* A record is worth a line when it is judged; one that nobody probed yet is not. */
static void tell_record(const struct kms_log *log, const struct kms_zone_news *news)
{
    const struct kms_zone_record_view *view = news->record;
    const struct kms_word_set *words = kms_words_srv_state();
    bool unjudged = view->state == KMS_SRV_UNKNOWN;
    bool fine = unjudged || view->state == KMS_SRV_HEALTHY || view->state == KMS_SRV_GONE;
    bool had = !news->record_is_new && news->was_record != KMS_SRV_UNKNOWN;
    char before[32];
    say_before(before, sizeof before, had, kms_word_label(words, (int)news->was_record));
    bool has_flaw = view->record.flaw && view->state != KMS_SRV_GONE;
    kms_log_write(log, unjudged && !had ? KMS_LOG_DEBUG : level_of(fine),
                  "record %s %s:%u: %s%s%s%s", news->zone->name, view->record.target,
                  (unsigned)view->record.port, kms_word_label(words, (int)view->state), before,
                  has_flaw ? ": " : "", has_flaw ? view->record.flaw : "");
}

static void tell_more_records(const struct kms_log *log, const struct kms_zone_news *news)
{
    kms_log_write(log, news->more_unjudged ? KMS_LOG_DEBUG : KMS_LOG_INFO,
                  "records %s: and %zu more", news->zone->name, news->more);
}

static void tell_numbers_out(const struct kms_log *log, const struct kms_zone_news *news)
{
    kms_log_write(
        log, KMS_LOG_WARNING,
        "records %s: %d records had a row so far, new ones get none until the next start; "
        "look at who may write to the zone",
        news->zone->name, KMS_ZONE_NUMBERS_MAX);
}

static void tell_publication(const struct kms_lookups_log *to, const struct kms_zone_news *news)
{
    const struct kms_zone_publication *is = news->publication;
    const struct kms_word_set *words = kms_words_publication_state();
    bool unjudged = is->publication == KMS_PUBLICATION_UNKNOWN;
    bool had = !news->publication_is_new && news->was_publication != KMS_PUBLICATION_UNKNOWN;
    char before[32];
    say_before(before, sizeof before, had, kms_word_label(words, (int)news->was_publication));
    bool fine = unjudged || is->state == KMS_STATE_OK;
    /* The reason stands alone elsewhere and begins with the state then. */
    const char *again = "published: ";
    const char *reason = is->reason + (kms_text_starts(is->reason, again) ? strlen(again) : 0);
    kms_log_write(to->log, unjudged && !had ? KMS_LOG_DEBUG : level_of(fine),
                  "publication %s in %s: %s%s%s%s",
                  kms_board_snapshot(to->board, is->host_slot)->target->name, news->zone->name,
                  kms_word_label(words, (int)is->publication), before, reason[0] ? ": " : "",
                  reason);
}

static void tell_servers(const struct kms_log *log, const struct kms_zone_news *news)
{
    const struct kms_zone_servers *servers = &news->zone->servers;
    const char *who = servers->differ ? "disagree" : "agree, but not with the resolver";
    kms_log_write(log, level_of(!servers->differ), "servers %s: %s%s%s", news->zone->name,
                  servers->disagree ? who : "agree", servers->text[0] ? ": " : "", servers->text);
}

static void tell_hosts(const struct kms_log *log, const struct kms_zone *zone)
{
    kms_log_write(log, level_of(!zone->few_hosts && zone->unmet == 0), "domain %s: %s", zone->name,
                  zone->summary);
}

void kms_lookups_news(void *arg, const struct kms_zone_news *news)
{
    const struct kms_lookups_log *to = arg;
    switch (news->what) {
    case KMS_ZONE_NEWS_LOOKUP:
        tell_lookup(to->log, news);
        break;
    case KMS_ZONE_NEWS_RECORD:
        tell_record(to->log, news);
        break;
    case KMS_ZONE_NEWS_RECORDS_MORE:
        tell_more_records(to->log, news);
        break;
    case KMS_ZONE_NEWS_NUMBERS_OUT:
        tell_numbers_out(to->log, news);
        break;
    case KMS_ZONE_NEWS_PUBLICATION:
        tell_publication(to, news);
        break;
    case KMS_ZONE_NEWS_SERVERS:
        tell_servers(to->log, news);
        break;
    case KMS_ZONE_NEWS_HOSTS:
        tell_hosts(to->log, news->zone);
        break;
    }
}

void kms_lookups_complain(const struct kms_lookups_config *config, const char *about,
                          enum kms_status status)
{
    kms_log_write(config->log, KMS_LOG_ERROR, "dns %s: %s, keeping what was known", about,
                  kms_status_text(status));
}
