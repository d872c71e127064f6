#include "daemons/tracking/span_translate.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "daemons/tracking/span_says.h"
#include "lib/base/arena.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"

/* --- the type -----------------------------------------------------------------------------------
 */

#define GEMINI "gemini:"
#define LIVEKIT NULL

struct kind {
        const char *key, *word, *type;
};

static const struct kind kinds[] = {
#define KIND(key_, word_, type_) {.key = key_, .word = word_, .type = type_},
#include "daemons/tracking/span_translate.def"
};

/* LiveKit's own spans are known by their attributes. */
static const char *livekit_part(const char *key) {
        static const struct {
                const char *key, *type;
                bool is_prefix;
        } parts[] = {
                {"lk.retry_count", "LLM", false},
                {"lk.function_tool", "TOOL", true},
                {"lk.agent_name", "AGENT", false},
                {"lk.instructions", "AGENT", false},
                {"lk.generation_id", "AGENT", false},
                {"lk.tts", "UNKNOWN", true},
                {"lk.input_text", "UNKNOWN", false},
                {"lk.user_transcript", "UNKNOWN", false},
                {"lk.transcript_confidence", "UNKNOWN", false},
                {"lk.transcription_delay", "UNKNOWN", false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
                if (parts[i].is_prefix ? str_starts(key, parts[i].key) : str_eq(key, parts[i].key))
                        return parts[i].type;
        return NULL;
}

static const char *genai_type(const char *operation) {
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (kinds[i].key && str_eq(kinds[i].key, "gen_ai.operation.name") &&
                    str_eq(kinds[i].word, operation))
                        return kinds[i].type;
        return NULL;
}

static const char *livekit_type(struct arena *a, const struct span_in *s) {
        const char *operation = span_in_attribute(s, "gen_ai.operation.name"), *type = NULL;
        char *small;

        if (span_in_attribute(s, "gen_ai.request.model"))
                return "LLM";
        small = operation ? arena_strdup(a, span_in_unquote(a, operation)) : NULL;
        if (small) {
                str_lower(small);
                type = genai_type(small);
        }
        for (const struct span_in_attribute *x = s->attributes; x && !type; x = x->next)
                type = livekit_part(x->key);
        return type;
}

static const char *find_type(struct arena *a, const struct span_in *s) {
        const char *type = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(kinds) && !type; i++) {
                const struct kind *k = &kinds[i];
                const char *gemini = k->key ? str_after(k->key, GEMINI) : NULL;

                if (!k->key)
                        type = livekit_type(a, s);
                else if (span_says_is(a, s, gemini ? gemini : k->key, k->word) &&
                         (!gemini || span_says_gemini(a, s)))
                        type = k->type;
        }
        return type;
}

static int put_type(struct arena *a, struct span_in *s) {
        const char *type;

        if (span_in_attribute(s, "mlflow.spanType") &&
            !span_says_is(a, s, "mlflow.spanType", "UNKNOWN"))
                return 0;
        type = find_type(a, s);
        if (!type)
                return 0;
        type = arena_printf(a, "\"%s\"", type);
        return type ? span_in_put(a, s, "mlflow.spanType", type) : -ENOMEM;
}

/* --- tokens -------------------------------------------------------------------------------------
 */

enum { INPUT, OUTPUT, TOTAL, CACHE_READ, CACHE_WRITTEN, N_TOKENS };

#define CLAUDE "claude:"

static const char *const tokens[][N_TOKENS] = {
#define TOKENS(...) {__VA_ARGS__},
#include "daemons/tracking/span_translate.def"
};

struct count {
        int64_t n;
        bool is;
};

/* A whole number, or a string of one. */
static struct count count_of(struct arena *a, const char *text) {
        const struct json *j = span_says_parse(a, text);
        struct count c = {};

        if (json_is(j, JSON_STRING))
                c.is = str_to_i64(j->str, &c.n) == 0;
        else
                c.is = json_i64(j, &c.n) == 0 && !memchr(j->str, '.', j->len) &&
                       !memchr(j->str, 'e', j->len) && !memchr(j->str, 'E', j->len);
        return c;
}

/* The first one of the names that is there; they stand with blanks between them. */
static struct count count_named(struct arena *a, const struct span_in *s, const char *names) {
        while (*names) {
                size_t n = strcspn(names, " ");
                const char *key = arena_strndup(a, names, n);
                const char *text = key ? span_in_attribute(s, key) : NULL;

                if (text)
                        return count_of(a, text);
                names += n + (names[n] == ' ');
        }
        return (struct count){};
}

/* Claude Code leaves what came from its cache out of the input. */
static void count_claude(struct count *c) {
        if (!c[INPUT].is)
                return;
        for (size_t k = CACHE_READ; k <= CACHE_WRITTEN; k++)
                if (c[k].is && __builtin_add_overflow(c[INPUT].n, c[k].n, &c[INPUT].n))
                        c[INPUT].n = INT64_MAX;
}

/* Has this convention anything to say? */
static bool count_row(struct arena *a, const struct span_in *s, const char *const *row,
                      struct count *c) {
        const char *claude = str_after(row[INPUT], CLAUDE);

        if (claude && !str_eq(span_says_claude(a, s), "llm_request"))
                return false;
        for (size_t k = 0; k < N_TOKENS; k++)
                c[k] = count_named(a, s, k == INPUT && claude ? "input_tokens" : row[k]);
        if (claude)
                count_claude(c);
        if (!c[TOTAL].is && c[INPUT].is && c[OUTPUT].is)
                c[TOTAL].is = !__builtin_add_overflow(c[INPUT].n, c[OUTPUT].n, &c[TOTAL].n);
        return c[INPUT].is || c[OUTPUT].is || c[TOTAL].is;
}

static int put_tokens(struct arena *a, struct span_in *s) {
        static const char *const names[] = {"input_tokens", "output_tokens", "total_tokens",
                                            "cache_read_input_tokens",
                                            "cache_creation_input_tokens"};
        struct count c[N_TOKENS] = {};
        const char *text = "";
        bool is = false;

        if (span_in_attribute(s, "mlflow.chat.tokenUsage"))
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(tokens) && !is; i++)
                is = count_row(a, s, tokens[i], c);
        if (!is)
                return 0;
        for (size_t k = 0; text && k < N_TOKENS; k++)
                if (c[k].is)
                        text = arena_printf(a, "%s%s\"%s\": %" PRId64, text, *text ? ", " : "",
                                            names[k], c[k].n);
        text = text ? arena_printf(a, "{%s}", text) : NULL;
        return text ? span_in_put(a, s, "mlflow.chat.tokenUsage", text) : -ENOMEM;
}

/* --- what else is said of the model -------------------------------------------------------------
 */

static const char *first_text(struct arena *a, const struct span_in *s, const char *const *keys,
                              size_t n) {
        const char *text = NULL;

        for (size_t i = 0; i < n && !text; i++)
                text = span_says_text(a, s, keys[i]);
        return text;
}

/* A "model" in what went in, or else in what came out: a string, or it is none. */
static const char *model_within(struct arena *a, const struct span_in *s) {
        static const char *const keys[] = {"mlflow.spanInputs", "mlflow.spanOutputs"};
        const struct json *root, *model = NULL;
        _cleanup_buf_ struct buf out = {};
        struct json_write w;

        for (size_t i = 0; i < ARRAY_SIZE(keys) && !model; i++) {
                root = span_says_parse(a, span_in_attribute(s, keys[i]));
                model = json_is(root, JSON_OBJECT) ? json_get(root, "model") : NULL;
                if (model && !span_says_true(model))
                        model = NULL;
        }
        if (!json_is(model, JSON_STRING))
                return NULL;
        json_write_init(&w, &out, JSON_WRITE_SPACED);
        json_write_node(&w, model);
        return buf_error(&out) < 0 ? NULL : arena_strndup(a, buf_cstr(&out), out.len);
}

static const char *find_model(struct arena *a, const struct span_in *s) {
        static const char *const keys[] = {"llm.response.model_name", "llm.model_name",
                                           "llm.request.model_name",  "embedding.model_name",
                                           "gen_ai.response.model",   "gen_ai.request.model"};
        const char *text = first_text(a, s, keys, ARRAY_SIZE(keys));

        return text ? text : model_within(a, s);
}

static const char *find_provider(struct arena *a, const struct span_in *s) {
        static const char *const keys[] = {"llm.provider", "gen_ai.provider.name", "gen_ai.system"};

        return first_text(a, s, keys, ARRAY_SIZE(keys));
}

static const char *find_tools(struct arena *a, const struct span_in *s) {
        return span_says_text(a, s, "gen_ai.tool.definitions");
}

/* The form its messages have, for those who show them. */
static const char *find_format(struct arena *a, const struct span_in *s) {
        const struct span_in_attribute *x = s->attributes;

        if (span_says_gemini(a, s))
                return "\"gemini\"";
        if (span_in_attribute(s, "voltagent.operation_id") ||
            span_in_attribute(s, "voltagent.conversation_id"))
                return "\"voltagent\"";
        while (x && !str_starts(x->key, "lk."))
                x = x->next;
        if (x)
                return "\"livekit\"";
        return span_in_attribute(s, "lmnr.span.type") ? "\"openai\"" : NULL;
}

/* Sets what is found where the span has no such attribute. */
static int fill(struct arena *a, struct span_in *s, const char *key,
                const char *(*find)(struct arena *, const struct span_in *) ) {
        const char *text = span_in_attribute(s, key) ? NULL : find(a, s);

        return text ? span_in_put(a, s, key, text) : 0;
}

static int fill_said(struct arena *a, struct span_in *s, const char *key,
                     int (*find)(struct arena *, struct span_in *, const char **)) {
        const char *text = NULL;
        int r = span_in_attribute(s, key) ? 0 : find(a, s, &text);

        return r == 0 && text ? span_in_put(a, s, key, text) : r;
}

int span_translate(struct arena *a, struct span_in *s) {
        int r = put_type(a, s);

        if (r == 0)
                r = fill_said(a, s, "mlflow.spanInputs", span_says_inputs);
        if (r == 0)
                r = fill_said(a, s, "mlflow.spanOutputs", span_says_outputs);
        if (r == 0)
                r = put_tokens(a, s);
        if (r == 0)
                r = fill(a, s, SPAN_SAYS_FORMAT, find_format);
        if (r == 0)
                r = fill(a, s, "mlflow.chat.tools", find_tools);
        if (r == 0)
                r = fill(a, s, "mlflow.llm.model", find_model);
        return r == 0 ? fill(a, s, "mlflow.llm.provider", find_provider) : r;
}
