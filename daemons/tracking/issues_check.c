#include "daemons/tracking/issues_check.h"

#include <errno.h>
#include <string.h>

#include "daemons/tracking/field_check.h"
#include "daemons/tracking/python_text.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/net/aws_sigv4.h"

enum { ID_MAX = 36, ACTOR_MAX = 255, VALUE_MAX = 65536 };

static bool is_within(const char *text, size_t min, size_t max) {
        size_t n = utf8_count(text, strlen(text));

        return n >= min && n <= max;
}

int issues_check_name(struct refusal *r, const char *name) {
        if (!name || is_within(name, 1, ISSUES_CHECK_TEXT_MAX))
                return 0;
        return refusal_invalid(r, "Issue name must contain 1 to 250 characters");
}

static int check_word(struct refusal *r, const char *field, const char *word,
                      const char *const *words) {
        if (!word)
                return 0;
        for (; *words; words++)
                if (str_eq(word, *words))
                        return 0;
        return refusal_invalid(r, "Invalid issue %s: %s", field, field_check_repr(r->arena, word));
}

int issues_check_status(struct refusal *r, const char *status) {
        static const char *const words[] = {"pending", "rejected", "resolved", NULL};

        return check_word(r, "status", status, words);
}

int issues_check_severity(struct refusal *r, const char *severity) {
        static const char *const words[] = {"not_an_issue", "low", "medium", "high", NULL};

        return check_word(r, "severity", severity, words);
}

int issues_check_id(struct refusal *r, const char *id) {
        static const char letters[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
        size_t n = id ? strlen(id) : 0;

        if (!id ||
            (str_starts(id, "iss-") && n > 4 && n <= ID_MAX && strspn(id + 4, letters) == n - 4))
                return 0;
        return refusal_invalid(r, "issue_id must be iss-* and at most 36 characters");
}

int issues_check_actor(struct refusal *r, const char *field, const char *name) {
        if (!name || is_within(name, 0, ACTOR_MAX))
                return 0;
        return refusal_invalid(r, "Invalid %s", field);
}

int issues_check_list(struct refusal *r, const char *field, const char *const *values, size_t n) {
        bool fine = n <= ISSUES_CHECK_LIST_MAX;

        for (size_t i = 0; fine && i < n; i++)
                fine = is_within(values[i], 1, ISSUES_CHECK_TEXT_MAX);
        return fine ? 0
                    : refusal_invalid(r,
                                      "%s must contain at most 100 nonempty strings of at most 250 "
                                      "characters",
                                      field);
}

int issues_check_seen(struct refusal *r, const struct json *value, int64_t *ret_ms) {
        const char *text;
        int64_t ms = -1;
        bool whole;

        if (!value || json_is(value, JSON_NULL))
                return 0;
        if (json_str(value, &text) == 0)
                whole = str_to_i64(text, &ms) == 0;
        else
                whole = json_i64(value, &ms) == 0 && !memchr(value->str, '.', value->len);
        if (!whole || ms < 0)
                return refusal_invalid(r, "last_seen_timestamp must be nonnegative milliseconds");
        *ret_ms = ms;
        return 0;
}

int issues_check_metadata(struct refusal *r, const struct json *metadata) {
        const struct json *item;
        bool fine;

        if (!metadata || json_is(metadata, JSON_NULL))
                return 0;
        fine = json_is(metadata, JSON_OBJECT) && metadata->len <= ISSUES_CHECK_LIST_MAX;
        json_each (item, metadata) {
                fine = fine && json_is(item, JSON_STRING) &&
                       is_within(item->key, 1, ISSUES_CHECK_TEXT_MAX) &&
                       is_within(item->str, 0, VALUE_MAX);
        }
        return fine ? 0
                    : refusal_invalid(r, "metadata must be a string map with at most 100 entries");
}

int issues_check_apart(struct refusal *r, const struct json *metadata, const char *const *deleted,
                       size_t n) {
        for (size_t i = 0; i < n; i++)
                if (json_get(metadata, deleted[i]))
                        return refusal_invalid(r, "Cannot update and delete the same key");
        return 0;
}

const char *issues_check_category_hash(struct arena *a, const char *category) {
        const char *text = python_text_strip(a, category);
        char hash[AWS_SIGV4_HASH_SIZE];

        text = text ? python_text_lower(a, text) : NULL;
        if (!text)
                return NULL;
        aws_sigv4_hash(text, strlen(text), hash);
        return arena_strdup(a, hash);
}
