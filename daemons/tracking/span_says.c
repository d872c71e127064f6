#include "daemons/tracking/span_says.h"

#include <errno.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"

const struct json *span_says_parse(struct arena *a, const char *text) {
        struct json *root;

        if (!text || json_parse_python_copy(a, text, strlen(text), &root, NULL) < 0)
                return NULL;
        return root;
}

bool span_says_true(const struct json *j) {
        double v = 1;

        switch (j->type) {
        case JSON_NULL:
        case JSON_FALSE:
                return false;
        case JSON_NUMBER:
                return json_f64(j, &v) != 0 || v != 0;
        case JSON_STRING:
        case JSON_ARRAY:
        case JSON_OBJECT:
                return j->len > 0;
        default:
                return true;
        }
}

static const char *text_if_true(struct arena *a, const char *text) {
        const struct json *j = span_says_parse(a, text);

        return !j || span_says_true(j) ? text : NULL;
}

const char *span_says_text(struct arena *a, const struct span_in *span, const char *key) {
        return text_if_true(a, span_in_attribute(span, key));
}

bool span_says_is(struct arena *a, const struct span_in *span, const char *key, const char *word) {
        const char *text = span_in_attribute(span, key);

        return text && *text == '"' && str_eq(span_in_unquote(a, text), word);
}

bool span_says_gemini(struct arena *a, const struct span_in *span) {
        return span_says_is(a, span, "gen_ai.agent.name", "gemini-cli");
}

const char *span_says_claude(struct arena *a, const struct span_in *span) {
        static const char *const words[] = {"interaction", "llm_request", "tool"};
        const char *type = span_in_unquote(a, span_in_attribute(span, "span.type")), *bare;

        bare = type ? str_after(type, "claude_code.") : NULL;
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (str_eq(bare ? bare : type, words[i]))
                        return words[i];
        return NULL;
}

/* --- JSON that is made --------------------------------------------------------------------------
 */

/* As Python's json.dumps() writes it. */
struct maker {
        struct buf out;
        struct json_write w;
};

static void maker_done(struct maker *m) {
        buf_done(&m->out);
}

static void maker_init(struct maker *m) {
        json_write_init(&m->w, &m->out, JSON_WRITE_SPACED | JSON_WRITE_ASCII);
}

static int take(struct arena *a, struct maker *m, const char **ret) {
        const char *text = json_write_finish(&m->w) < 0
                                   ? NULL
                                   : arena_strndup(a, buf_cstr(&m->out), m->out.len);

        if (!text)
                return -ENOMEM;
        *ret = text;
        return 0;
}

/* A string that is JSON is what it says, up to so many times. */
static const struct json *deepen(struct arena *a, const struct json *j, unsigned times) {
        const struct json *inner;

        while (times-- && json_is(j, JSON_STRING) && (inner = span_says_parse(a, j->str)))
                j = inner;
        return j;
}

/* --- Gemini CLI ---------------------------------------------------------------------------------
 */

static const char *gemini_text(struct arena *a, const struct span_in *s, const char *first,
                               const char *second) {
        const char *text = span_says_gemini(a, s) ? span_says_text(a, s, first) : NULL;

        if (!text && span_says_gemini(a, s))
                text = span_says_text(a, s, second);
        return text;
}

static int gemini_in(struct arena *a, const struct span_in *s, const char **ret) {
        const char *text = gemini_text(a, s, "gen_ai.input.messages", "gen_ai.tool.call.arguments");
        const struct json *j = span_says_parse(a, text);
        _cleanup_(maker_done) struct maker m = {};

        if (!json_is(j, JSON_ARRAY) && !json_is(j, JSON_STRING)) {
                *ret = text;
                return 0;
        }
        maker_init(&m);
        json_write_object(&m.w);
        json_write_kv_node(&m.w, "contents", j);
        json_write_end(&m.w);
        return take(a, &m, ret);
}

/* All parts of all messages are those of one answer. */
static int gemini_out(struct arena *a, const struct span_in *s, const char **ret) {
        const char *text = gemini_text(a, s, "gen_ai.output.messages", "gen_ai.tool.call.result");
        const struct json *j = span_says_parse(a, text), *item, *part, *parts;
        _cleanup_(maker_done) struct maker m = {};
        size_t n = 0;

        maker_init(&m);
        json_write_object(&m.w);
        json_write_kv_array(&m.w, "candidates");
        json_write_object(&m.w);
        json_write_kv_object(&m.w, "content");
        json_write_kv_str(&m.w, "role", "model");
        json_write_kv_array(&m.w, "parts");
        json_each (item, json_is(j, JSON_ARRAY) ? j : NULL) {
                parts = json_is(item, JSON_OBJECT) ? json_get(item, "parts") : NULL;
                json_each (part, json_is(parts, JSON_ARRAY) ? parts : NULL) {
                        json_write_node(&m.w, part);
                        n++;
                }
        }
        for (size_t i = 0; i < 5; i++)
                json_write_end(&m.w);
        if (n)
                return take(a, &m, ret);
        *ret = text;
        return 0;
}

/* --- Claude Code --------------------------------------------------------------------------------
 */

#define REDACTED "<REDACTED>"

static const char *claude_text(struct arena *a, const struct span_in *s, const char *key) {
        const char *text = span_says_text(a, s, key);

        return text && !str_eq(span_in_unquote(a, text), REDACTED) ? text : NULL;
}

/* What a tool was called with, of what is told of it. */
static int claude_details(struct arena *a, const struct span_in *s, const char **ret) {
        static const char *const keys[] = {"full_command", "file_path", "skill_name",
                                           "subagent_type"};
        _cleanup_(maker_done) struct maker m = {};
        size_t n = 0;

        maker_init(&m);
        json_write_object(&m.w);
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                const char *text = claude_text(a, s, keys[i]);
                const struct json *j = span_says_parse(a, text);

                if (!j)
                        continue;
                json_write_kv_node(&m.w, keys[i], j);
                n++;
        }
        json_write_end(&m.w);
        return n ? take(a, &m, ret) : 0;
}

static int claude_in(struct arena *a, const struct span_in *s, const char **ret) {
        const char *what = span_says_claude(a, s);

        if (!what)
                return 0;
        if (str_eq(what, "tool")) {
                *ret = claude_text(a, s, "tool_input");
                return *ret ? 0 : claude_details(a, s, ret);
        }
        if (str_eq(what, "interaction"))
                *ret = claude_text(a, s, "user_prompt");
        if (!*ret)
                *ret = claude_text(a, s, "new_context");
        return 0;
}

static int claude_out(struct arena *a, const struct span_in *s, const char **ret) {
        const char *what = span_says_claude(a, s);

        if (str_eq(what, "llm_request"))
                *ret = claude_text(a, s, "response.model_output");
        else if (str_eq(what, "tool"))
                *ret = claude_text(a, s, "new_context");
        return 0;
}

/* --- Vercel AI ----------------------------------------------------------------------------------
 */

static bool is_chat(struct arena *a, const struct span_in *s) {
        return span_says_is(a, s, "ai.operationId", "ai.generateText.doGenerate") ||
               span_says_is(a, s, "ai.operationId", "ai.streamText.doStream");
}

static void write_tools(struct arena *a, struct json_write *w, const struct json *tools) {
        const struct json *tool;

        json_write_array(w);
        json_each (tool, tools) {
                json_write_node(w, deepen(a, tool, 3));
        }
        json_write_end(w);
}

/* All attributes of the prefix in one object. */
static int vercel_chat(struct arena *a, struct span_in *s, const char *prefix, const char **ret) {
        _cleanup_(maker_done) struct maker m = {};
        bool in = str_eq(prefix, "ai.prompt.");
        size_t n = 0;

        maker_init(&m);
        json_write_object(&m.w);
        for (const struct span_in_attribute *x = s->attributes; x; x = x->next) {
                const char *key = str_after(x->key, prefix);
                const struct json *j = key ? deepen(a, span_says_parse(a, x->value), 2) : NULL;

                if (!j)
                        continue;
                json_write_key(&m.w, key);
                if (in && str_eq(key, "tools") && json_is(j, JSON_ARRAY))
                        write_tools(a, &m.w, j);
                else
                        json_write_node(&m.w, j);
                n++;
        }
        json_write_end(&m.w);
        if (in && span_in_put(a, s, SPAN_SAYS_FORMAT, "vercel_ai") < 0)
                return -ENOMEM;
        return n ? take(a, &m, ret) : 0;
}

/* --- attributes ---------------------------------------------------------------------------------
 */

enum how { PLAIN, PATTERN, GEMINI_SAYS, CLAUDE_SAYS, VERCEL, VERCEL_CHAT };

struct place {
        enum how how;
        const char *key;
};

static const struct place inputs[] = {
#define IN(how_, key_) {.how = how_, .key = key_},
#include "daemons/tracking/span_translate.def"
};

static const struct place outputs[] = {
#define OUT(how_, key_) {.how = how_, .key = key_},
#include "daemons/tracking/span_translate.def"
};

static bool matches(const char *key, const char *pattern) {
        for (; *pattern; pattern++) {
                size_t n = strspn(key, "0123456789");

                if (*pattern == '#' ? n == 0 : *key != *pattern)
                        return false;
                key += *pattern == '#' ? n : 1;
        }
        return true;
}

static const char *find_pattern(struct arena *a, const struct span_in *s, const char *pattern) {
        const char *text = NULL;

        for (const struct span_in_attribute *x = s->attributes; x && !text; x = x->next)
                if (matches(x->key, pattern))
                        text = text_if_true(a, x->value);
        return text;
}

static int ask(struct arena *a, struct span_in *s, const struct place *p, bool in,
               const char **ret) {
        switch (p->how) {
        case PATTERN:
                *ret = find_pattern(a, s, p->key);
                return 0;
        case GEMINI_SAYS:
                return in ? gemini_in(a, s, ret) : gemini_out(a, s, ret);
        case CLAUDE_SAYS:
                return in ? claude_in(a, s, ret) : claude_out(a, s, ret);
        case VERCEL_CHAT:
                return is_chat(a, s) ? vercel_chat(a, s, p->key, ret) : 0;
        case VERCEL:
                *ret = is_chat(a, s) ? NULL : span_says_text(a, s, p->key);
                return 0;
        case PLAIN:
        default:
                *ret = span_says_text(a, s, p->key);
                return 0;
        }
}

/* --- events -------------------------------------------------------------------------------------
 */

static const char *name_of(const struct json *event) {
        const struct json *name = json_get(event, "name");

        return json_is(name, JSON_STRING) ? name->str : "";
}

/* An attribute of an event as JSON; NULL: none, or one that Python takes for false. */
static const struct json *event_value(struct arena *a, const struct json *event, const char *key) {
        const struct json *item, *name, *j = NULL;

        json_each (item, json_get(event, "attributes")) {
                name = json_get(item, "key");
                if (json_is(name, JSON_STRING) && str_eq(name->str, key))
                        j = span_says_parse(a, span_in_value(a, json_get(item, "value")));
        }
        return j && span_says_true(j) ? j : NULL;
}

/* Spring AI: the text itself. */
static const char *spring(struct arena *a, const struct json *events, const char *name,
                          const char *key) {
        const struct json *event, *j;

        json_each (event, events) {
                j = str_eq(name_of(event), name) ? event_value(a, event, key) : NULL;
                if (json_is(j, JSON_STRING))
                        return j->str;
        }
        return NULL;
}

static bool write_message(struct arena *a, struct json_write *w, const struct json *event,
                          const struct json *role, const char *fallback) {
        const struct json *content = event_value(a, event, "content");

        if (!content)
                return false;
        json_write_object(w);
        if (role)
                json_write_kv_node(w, "role", deepen(a, role, 1));
        else
                json_write_kv_str(w, "role", fallback);
        json_write_kv_node(w, "content", deepen(a, content, 1));
        json_write_end(w);
        return true;
}

/* OpenTelemetry's GenAI: one event a message. */
static int genai(struct arena *a, const struct json *events, bool in, const char **ret) {
        static const char *const names[][2] = {{"gen_ai.system.message", "system"},
                                               {"gen_ai.user.message", "user"},
                                               {"gen_ai.assistant.message", "assistant"}};
        _cleanup_(maker_done) struct maker m = {};
        const struct json *event;
        size_t n = 0;

        maker_init(&m);
        json_write_array(&m.w);
        json_each (event, events) {
                for (size_t i = 0; in && i < ARRAY_SIZE(names); i++)
                        if (str_eq(name_of(event), names[i][0]))
                                n += write_message(a, &m.w, event, NULL, names[i][1]);
                if (!in && str_eq(name_of(event), "gen_ai.choice"))
                        n += write_message(a, &m.w, event, event_value(a, event, "role"),
                                           "assistant");
        }
        json_write_end(&m.w);
        return n ? take(a, &m, ret) : 0;
}

/* Claude Code: the first thing that a tool gave. */
static int claude_event(struct arena *a, const struct span_in *s, const char **ret) {
        static const char *const keys[] = {"output", "content", "diff"};
        _cleanup_(maker_done) struct maker m = {};
        const struct json *event, *j = NULL;

        if (!str_eq(span_says_claude(a, s), "tool"))
                return 0;
        json_each (event, s->events) {
                for (size_t i = 0; i < ARRAY_SIZE(keys) && !j; i++) {
                        if (!str_eq(name_of(event), "tool.output"))
                                break;
                        j = deepen(a, event_value(a, event, keys[i]), 1);
                        if (j && (!span_says_true(j) ||
                                  (json_is(j, JSON_STRING) && str_eq(j->str, REDACTED))))
                                j = NULL;
                }
        }
        if (!j)
                return 0;
        json_write_init(&m.w, &m.out, JSON_WRITE_SPACED);
        json_write_node(&m.w, j);
        return take(a, &m, ret);
}

int span_says_inputs(struct arena *a, struct span_in *s, const char **ret) {
        const char *text = NULL;
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(inputs) && r == 0 && !text; i++)
                r = ask(a, s, &inputs[i], true, &text);
        if (r == 0 && !text)
                text = spring(a, s->events, "gen_ai.content.prompt", "gen_ai.prompt");
        if (r == 0 && !text)
                r = genai(a, s->events, true, &text);
        if (r == 0)
                *ret = text;
        return r;
}

int span_says_outputs(struct arena *a, struct span_in *s, const char **ret) {
        const char *text = NULL;
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(outputs) && r == 0 && !text; i++)
                r = ask(a, s, &outputs[i], false, &text);
        if (r == 0 && !text)
                text = spring(a, s->events, "gen_ai.content.completion", "gen_ai.completion");
        if (r == 0 && !text)
                r = genai(a, s->events, false, &text);
        if (r == 0 && !text)
                r = claude_event(a, s, &text);
        if (r == 0)
                *ret = text;
        return r;
}
