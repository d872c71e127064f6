#include "daemons/tracking/field_check.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/json_number.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

/* Blocks of Unicode that hold signs, not letters: what Python's \w leaves out. */
static bool is_sign(uint32_t cp) {
        static const struct {
                uint32_t first, last;
        } blocks[] = {
                {0x80, 0xA9},     {0xAB, 0xB1},       {0xB4, 0xB4},       {0xB6, 0xB8},
                {0xBB, 0xBB},     {0xBF, 0xBF},       {0xD7, 0xD7},       {0xF7, 0xF7},
                {0x2000, 0x206F}, {0x20A0, 0x20CF},   {0x2190, 0x245F},   {0x2500, 0x2BFF},
                {0x3000, 0x3004}, {0x3008, 0x3020},   {0xE000, 0xF8FF},   {0xFE10, 0xFE6F},
                {0xFFF0, 0xFFFF}, {0x1F000, 0x1F0FF}, {0x1F10D, 0x1FAFF},
        };

        for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
                if (cp >= blocks[i].first && cp <= blocks[i].last)
                        return true;
        return false;
}

static bool is_word_only(const char *s, const char *also) {
        size_t len = strlen(s);

        for (size_t i = 0; i < len;) {
                uint32_t cp;
                int n = utf8_decode(s + i, len - i, &cp);

                if (n <= 0)
                        return false;
                if (cp < 0x80 ? !isalnum((int) cp) && cp != '_' && !strchr(also, (int) cp)
                              : is_sign(cp))
                        return false;
                i += (size_t) n;
        }
        return true;
}

/* Takes the last part of out[0..*p) away. */
static char *pop(char *start, char *p) {
        while (p > start && *--p != '/')
                ;
        return p;
}

/* posixpath.normpath(). NULL: out of memory. */
static const char *normal_path(struct arena *a, const char *path) {
        size_t lead = *path == '/' ? (path[1] == '/' && path[2] != '/' ? 2 : 1) : 0;
        char *out = arena_alloc(a, strlen(path) + 3), *start, *p;
        const char *word;
        size_t len, n_names = 0;

        if (!out)
                return NULL;
        memcpy(out, "//", 2);
        start = p = out + lead;
        while (str_word(&path, "/", &word, &len)) {
                bool up = len == 2 && !memcmp(word, "..", 2);

                if (len == 1 && *word == '.')
                        continue;
                if (up && (n_names > 0 || lead > 0)) {
                        p = pop(start, p);
                        n_names -= n_names > 0;
                        continue;
                }
                if (p > start)
                        *p++ = '/';
                memcpy(p, word, len);
                p += len;
                n_names += !up;
        }
        if (p == out)
                *p++ = '.';
        *p = 0;
        return out;
}

const char *field_check_repr(struct arena *a, const char *text) {
        char quote = strchr(text, '\'') && !strchr(text, '"') ? '"' : '\'';
        char *out = arena_alloc(a, strlen(text) * 4 + 3), *p = out;

        if (!out)
                return "";
        *p++ = quote;
        for (; *text; text++) {
                unsigned char c = (unsigned char) *text;
                const char *at = strchr("\n\r\t", c);

                if (c == quote || c == '\\') {
                        *p++ = '\\';
                        *p++ = (char) c;
                } else if (at) {
                        *p++ = '\\';
                        *p++ = c == '\n' ? 'n' : c == '\r' ? 'r' : 't';
                } else if (c < 0x20 || c == 0x7f) {
                        p += sprintf(p, "\\x%02x", c);
                } else {
                        *p++ = (char) c;
                }
        }
        *p++ = quote;
        *p = 0;
        return out;
}

/* "Invalid value <JSON> for parameter '<path>' supplied: <why>" */
static int invalid_value(struct refusal *r, const char *path, const char *value, const char *why) {
        _cleanup_buf_ struct buf json = {};

        if (json_write_quoted(&json, value, strlen(value), JSON_WRITE_ASCII) < 0)
                return -ENOMEM;
        if (!why)
                return refusal_invalid(r, "Invalid value %s for parameter '%s' supplied.",
                                       buf_cstr(&json), path);
        return refusal_invalid(r, "Invalid value %s for parameter '%s' supplied: %s",
                               buf_cstr(&json), path, why);
}

/* The name, taken as a path, must be the path it looks like. */
static int check_path(struct refusal *r, const char *path, const char *name) {
        const char *norm = normal_path(r->arena, name), *why;

        if (!norm)
                return -ENOMEM;
        if (str_eq(norm, name) && !str_eq(norm, ".") && !str_starts(norm, "..") && *norm != '/')
                return 0;
        why = arena_printf(r->arena,
                           "Names may be treated as files in certain cases, and must not resolve "
                           "to other names when treated as such. This name would resolve to %s",
                           field_check_repr(r->arena, norm));
        return why ? invalid_value(r, path, name, why) : -ENOMEM;
}

int field_check_name(struct refusal *r, const char *path, const char *name) {
        if (!name)
                name = "";
        if (!is_word_only(name, "/.- :"))
                return invalid_value(r, path, name,
                                     "Names may only contain alphanumerics, underscores (_), "
                                     "dashes (-), periods (.), spaces ( ), colon(:) and slashes "
                                     "(/).");
        return check_path(r, path, name);
}

int field_check_length(struct refusal *r, const char *what, size_t max, const char *value) {
        size_t len = strlen(value);

        if (len <= max || utf8_count(value, len) <= max)
                return 0;
        return refusal_invalid(r, "'%s' exceeds the maximum length of %zu characters", what, max);
}

/* Cuts a value to `max` characters. */
static int cut(struct refusal *r, size_t max, const char **value) {
        size_t len = strlen(*value), at = 0;

        if (len <= max || utf8_count(*value, len) <= max)
                return 0;
        for (size_t n = 0; n < max; n++) {
                uint32_t cp;
                int size = utf8_decode(*value + at, len - at, &cp);

                at += size > 0 ? (size_t) size : 1;
        }
        *value = arena_strndup(r->arena, *value, at);
        return *value ? 0 : -ENOMEM;
}

static const char *sub_path(struct refusal *r, const char *path, const char *name) {
        const char *sub;

        if (str_empty(path))
                return name;
        sub = arena_printf(r->arena, "%s.%s", path, name);
        return sub ? sub : name;
}

/* Nearly every name: valid, and no path at all. */
static bool is_plain(const char *name) {
        const char *p = name;

        while ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
               *p == '_' || *p == '-')
                p++;
        return p > name && !*p;
}

int field_check_metric(struct refusal *r, const char *path, const char *key, double value,
                       int64_t timestamp) {
        char number[JSON_NUMBER_SIZE];
        int x = key && is_plain(key) ? 0 : field_check_name(r, sub_path(r, path, "name"), key);

        if (x != 0)
                return x;
        if (timestamp < 0) {
                json_number_print_f64(value, number);
                if (!isfinite(value)) /* as Python writes it */
                        snprintf(number, sizeof(number), "%g", value);
                return refusal_invalid(
                        r,
                        "Invalid value %" PRId64 " for parameter '%s' supplied: metric '%s' "
                        "(value=%s). Timestamp must be a nonnegative long (64-bit integer) ",
                        timestamp, sub_path(r, path, "timestamp"), key, number);
        }
        return field_check_length(r, "Metric name", FIELD_CHECK_KEY_MAX, key);
}

int field_check_metric_dataset(struct refusal *r, const char *name, const char *digest) {
        if (str_empty(name) == str_empty(digest))
                return 0;
        return refusal_invalid(r, "Both dataset_name and dataset_digest must be provided if one is "
                                  "provided");
}

int field_check_param(struct refusal *r, const char *path, const char *key, const char **value) {
        int x = field_check_name(r, sub_path(r, path, "key"), key);

        if (x == 0)
                x = field_check_length(r, "Param key", FIELD_CHECK_KEY_MAX, key);
        return x == 0 ? cut(r, FIELD_CHECK_PARAM_MAX, value) : x;
}

int field_check_tag(struct refusal *r, const char *path, const char *key, const char **value) {
        const char *key_path = sub_path(r, path, "key");
        int x = field_check_name(r, key_path, key);

        if (x == 0)
                x = field_check_length(r, key_path, FIELD_CHECK_KEY_MAX, key);
        return x == 0 ? cut(r, FIELD_CHECK_TAG_MAX, value) : x;
}

static int check_tag(struct refusal *r, const char *key, const char *value, size_t max) {
        int x = field_check_name(r, "key", key);

        if (x == 0)
                x = field_check_length(r, "key", FIELD_CHECK_KEY_MAX, key);
        return x == 0 ? field_check_length(r, "value", max, value) : x;
}

int field_check_experiment_tag(struct refusal *r, const char *key, const char *value) {
        return check_tag(r, key, value, FIELD_CHECK_EXPERIMENT_TAG_MAX);
}

int field_check_registry_tag(struct refusal *r, const char *key, const char *value) {
        return check_tag(r, key, value, FIELD_CHECK_REGISTRY_TAG_MAX);
}

int field_check_version_tag(struct refusal *r, const char *key, const char *value) {
        if (str_eq(key, "mlflow.prompt.text") &&
            utf8_count(value, strlen(value)) > FIELD_CHECK_REGISTRY_TAG_MAX)
                return refusal_invalid(r, "Prompt text exceeds max length of %d characters.",
                                       FIELD_CHECK_REGISTRY_TAG_MAX);
        return field_check_registry_tag(r, key, value);
}

static bool is_blank(const char *s) {
        return s[strspn(s, " \t\n\r\v\f")] == 0;
}

int field_check_experiment_name(struct refusal *r, const char *name) {
        if (is_blank(name))
                return refusal_invalid(r, "Invalid experiment name: '%s'", name);
        return field_check_length(r, "name", FIELD_CHECK_EXPERIMENT_NAME_MAX, name);
}

int field_check_experiment_id(struct refusal *r, const char *text, int64_t *ret) {
        if (str_to_i64(text, ret) == 0)
                return 0;
        return refusal_invalid(
                r, "Invalid experiment ID '%s'. Experiment ID must be a valid integer.", text);
}

int field_check_run_id(struct refusal *r, const char *path, const char *id) {
        if (isalnum((unsigned char) *id) && is_word_only(id, "-") &&
            utf8_count(id, strlen(id)) <= 256)
                return 0;
        return invalid_value(r, path, id, NULL);
}

int field_check_model_name(struct refusal *r, const char *name) {
        if (str_empty(name) || is_blank(name))
                return refusal_invalid(r, "Missing value for required parameter 'name'.");
        if (strpbrk(name, "/:"))
                return refusal_invalid(
                        r, "Invalid model name '%s'. Names cannot contain '/' or ':'.", name);
        return check_path(r, "name", name);
}

int field_check_model_version(struct refusal *r, const char *text, int64_t *ret) {
        if (str_to_i64(text, ret) == 0)
                return 0;
        return refusal_invalid(r, "Parameter 'version' must be an integer, got '%s'.", text);
}

int field_check_alias(struct refusal *r, const char *alias) {
        if (str_empty(alias))
                return refusal_invalid(r, "Registered model alias name cannot be empty.");
        if (!is_word_only(alias, "-"))
                return refusal_invalid(r,
                                       "Invalid alias name: '%s'. Names may only contain "
                                       "alphanumerics, underscores (_), and dashes (-).",
                                       alias);
        return field_check_length(r, "Registered model alias name", FIELD_CHECK_ALIAS_MAX, alias);
}

int field_check_alias_reserved(struct refusal *r, const char *alias) {
        const char *digits = alias + 1;

        if (str_eq_fold(alias, "latest"))
                return refusal_invalid(r, "'latest' alias name (case insensitive) is reserved.");
        if ((*alias == 'v' || *alias == 'V') && *digits &&
            digits[strspn(digits, "0123456789")] == 0)
                return refusal_invalid(r, "Version alias name '%s' is reserved.", alias);
        return 0;
}

int field_check_logged_model_name(struct refusal *r, const char *name) {
        if (*name && !strpbrk(name, "/:.%\"'"))
                return 0;
        return refusal_invalid(r,
                               "Invalid model name (%s) provided. Model name must be a non-empty "
                               "string and cannot contain the following characters: ('/', ':', "
                               "'.', '%%', '\"', \"'\")",
                               field_check_repr(r->arena, name));
}

int field_check_batch(struct refusal *r, const char *what, size_t max, size_t n) {
        if (n <= max)
                return 0;
        return refusal_invalid(r,
                               "A batch logging request can contain at most %zu %s. Got %zu %s. "
                               "Please split up %s across multiple requests and try again.",
                               max, what, n, what, what);
}

int field_check_max_results(struct refusal *r, int64_t n) {
        if (n < 1)
                return refusal_invalid(r,
                                       "Invalid value %" PRId64 " for parameter 'max_results' "
                                       "supplied. It must be a positive integer",
                                       n);
        if (n > FIELD_CHECK_RESULTS_MAX)
                return refusal_invalid(r,
                                       "Invalid value %" PRId64 " for parameter 'max_results' "
                                       "supplied. It must be at most %d",
                                       n, FIELD_CHECK_RESULTS_MAX);
        return 0;
}
