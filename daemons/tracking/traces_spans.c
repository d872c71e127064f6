#include "daemons/tracking/traces_spans.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemons/tracking/artifact_uri.h"
#include "daemons/tracking/experiments_sql.h"
#include "daemons/tracking/field_check.h"
#include "daemons/tracking/traces_json.h"
#include "lib/base/arena.h"
#include "lib/base/str.h"
#include "lib/base/strmap.h"
#include "lib/base/utf8.h"

#define TAG_PREFIX "mlflow.traceTag."
#define USAGE "mlflow.chat.tokenUsage"
#define COST "mlflow.llm.cost"
enum { PREVIEW_MAX = 1000 }; /* characters */

int traces_spans_locate(struct job *j, struct db *db, int64_t experiment_id, const char *trace_id) {
        struct experiment e;
        const char *uri, *below;
        char id[24];
        int r;

        snprintf(id, sizeof(id), "%" PRId64, experiment_id);
        r = experiments_sql_need(db, &j->refusal, id, EXPERIMENTS_SQL_ANY, &e);
        if (r != 0)
                return r;
        below = arena_printf(j->arena, "traces/%s/artifacts", trace_id);
        uri = below ? artifact_uri_append(j->arena, e.artifact_location, below) : NULL;
        return uri ? traces_sql_tag_set(db, trace_id, "mlflow.artifactLocation", uri) : -ENOMEM;
}

/* --- previews -----------------------------------------------------------------------------------
 */

static bool is_message(const struct json *j) {
        return json_get(j, "role") && json_get(j, "content");
}

/* The list of a chat's messages in what a model is asked or answers; NULL: there is none. */
static const struct json *find_messages(const struct json *j) {
        static const char *const lists[] = {"messages", "input", "output"};
        const struct json *message = json_get(json_at(json_get(j, "choices"), 0), "message");

        if (is_message(message))
                return json_get(j, "choices");
        for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
                if (json_is(json_get(j, lists[i]), JSON_ARRAY))
                        return json_get(j, lists[i]);
        return json_get(j, "request") ? find_messages(json_get(j, "request")) : NULL;
}

static const char *content_of(const struct json *message) {
        const struct json *content = json_get(message, "content"), *part;

        if (json_is(content, JSON_STRING))
                return content->str;
        json_each (part, content) {
                if (json_is(part, JSON_STRING))
                        return part->str;
                if (json_is(json_get(part, "text"), JSON_STRING))
                        return json_get(part, "text")->str;
        }
        return "";
}

/* The last message of the role, or the last one. */
static const char *text_of_chat(const struct json *root, const char *role) {
        const struct json *messages = find_messages(root), *item, *last = NULL, *found = NULL;

        json_each (item, messages) {
                const struct json *m = is_message(item) ? item : json_get(item, "message");

                if (!is_message(m))
                        continue;
                last = m;
                if (json_is(json_get(m, "role"), JSON_STRING) &&
                    str_eq(json_get(m, "role")->str, role))
                        found = m;
        }
        found = found ? found : last;
        return found ? content_of(found) : "";
}

/* NULL when `text` is; "" when out of memory. */
static const char *preview(struct arena *a, const char *text, const char *role) {
        struct json *root;
        const char *content = "", *cut = text;
        size_t n = 0, at = 0;

        if (!text)
                return NULL;
        if (json_parse_copy(a, text, strlen(text), &root, NULL) == 0)
                content = text_of_chat(root, role);
        text = *content ? content : text;
        if (utf8_count(text, strlen(text)) <= PREVIEW_MAX)
                return text;
        for (; n < PREVIEW_MAX - 3; n++)
                for (at++; ((unsigned char) text[at] & 0xc0) == 0x80;)
                        at++;
        cut = arena_printf(a, "%.*s...", (int) at, text);
        return cut ? cut : "";
}

/* --- tokens and costs ---------------------------------------------------------------------------
 */

/* One span of the trace; those with numbers whose ancestors have none count. */
struct node {
        const char *id, *parent_id;
        struct trace usage, cost;
        bool has_usage, has_cost;
};

static bool any(const bool *has, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (has[i])
                        return true;
        return false;
}

static int read_node(struct arena *a, struct db_stmt *s, struct node *ret) {
        const char *content = db_col_text(s, 0);
        const struct json *attributes, *usage, *cost;
        struct json *root;
        bool oom = false;
        int r;

        ret->id = db_col_dup(s, 1, a, &oom);
        ret->parent_id = db_col_dup(s, 2, a, &oom);
        if (oom)
                return -ENOMEM;
        if (json_parse_copy(a, content, strlen(content), &root, NULL) < 0)
                return 0;
        attributes = json_get(root, "attributes");
        usage = json_get(attributes, USAGE);
        cost = json_get(attributes, COST);
        r = json_is(usage, JSON_STRING) ? traces_json_read_usage(a, usage->str, &ret->usage) : 0;
        if (r == 0 && json_is(cost, JSON_STRING))
                r = traces_json_read_cost(a, cost->str, &ret->cost);
        ret->has_usage = any(ret->usage.has_tokens, TRACES_SQL_TOKENS);
        ret->has_cost = any(ret->cost.has_costs, TRACES_SQL_COSTS);
        return r;
}

static const struct node *parent_of(const struct strmap *by_id, const struct node *of) {
        return of->parent_id ? strmap_get(by_id, of->parent_id) : NULL;
}

enum { ANCESTORS_MAX = 256 }; /* spans in one another that are looked at */

/* Has a span above this one numbers of the kind already? */
static bool is_covered(const struct strmap *by_id, const struct node *of, bool usage) {
        const struct node *p = of;

        for (int up = 0; up < ANCESTORS_MAX && (p = parent_of(by_id, p)); up++)
                if (usage ? p->has_usage : p->has_cost)
                        return true;
        return false;
}

static void add_up_usage(const struct node *nodes, size_t n, const struct strmap *by_id,
                         struct trace *t) {
        struct trace sum = {};
        bool is_any = false;

        for (size_t i = 0; i < n; i++) {
                if (!nodes[i].has_usage || is_covered(by_id, &nodes[i], true))
                        continue;
                is_any = true;
                for (size_t k = 0; k < TRACES_SQL_TOKENS; k++) {
                        sum.tokens[k] += nodes[i].usage.tokens[k];
                        sum.has_tokens[k] |= k < 3 || nodes[i].usage.has_tokens[k];
                }
        }
        for (size_t k = 0; is_any && k < TRACES_SQL_TOKENS; k++)
                if (sum.has_tokens[k]) {
                        t->tokens[k] = sum.tokens[k];
                        t->has_tokens[k] = true;
                }
}

static void add_up_costs(const struct node *nodes, size_t n, const struct strmap *by_id,
                         struct trace *t) {
        double sum[TRACES_SQL_COSTS] = {};
        bool is_any = false;

        for (size_t i = 0; i < n; i++) {
                if (!nodes[i].has_cost || is_covered(by_id, &nodes[i], false))
                        continue;
                is_any = true;
                for (size_t k = 0; k < TRACES_SQL_COSTS; k++)
                        sum[k] += nodes[i].cost.costs[k];
        }
        for (size_t k = 0; is_any && k < TRACES_SQL_COSTS; k++) {
                t->costs[k] = sum[k];
                t->has_costs[k] = true;
        }
}

enum { NODES_MAX = 4096 }; /* spans of a trace that are added up */

static int sum_up(struct job *j, struct db *db, struct trace *t, bool usage, bool cost) {
        DB_USE struct db_stmt *s = traces_sql_spans(db, t->id);
        struct node *nodes = arena_zalloc_array(j->arena, NODES_MAX, sizeof(*nodes));
        struct strmap by_id _cleanup_(strmap_done) = {};
        size_t n = 0;
        int r = 0;

        if (!nodes)
                return -ENOMEM;
        while (n < NODES_MAX && (r = db_step(s)) == DB_ROW) {
                r = read_node(j->arena, s, &nodes[n]);
                if (r < 0)
                        return r;
                r = strmap_set(&by_id, nodes[n].id, &nodes[n]);
                if (r < 0)
                        return r;
                n++;
        }
        if (r < 0)
                return r;
        if (usage)
                add_up_usage(nodes, n, &by_id, t);
        if (cost)
                add_up_costs(nodes, n, &by_id, t);
        return 0;
}

/* --- a trace ------------------------------------------------------------------------------------
 */

struct batch {
        const struct span_in *spans; /* of one trace */
        size_t n;
};

static bool is_root(const struct span_in *s) {
        return !s->span.parent_id;
}

/* Of several roots the first one has the status, the last one what was asked and answered. */
struct roots {
        const struct span_in *first, *last; /* NULL: none */
};

static struct roots find_roots(const struct batch *b) {
        struct roots r = {};

        for (size_t i = 0; i < b->n; i++)
                if (is_root(&b->spans[i])) {
                        r.first = r.first ? r.first : &b->spans[i];
                        r.last = &b->spans[i];
                }
        return r;
}

/* The first value an attribute has in the trace's spans, without its quotes; NULL: none. */
static const char *find_attribute(struct job *j, const struct batch *b, const char *key) {
        const char *value = NULL;

        for (size_t i = 0; i < b->n && !value; i++)
                value = span_in_attribute(&b->spans[i], key);
        return value ? span_in_unquote(j->arena, value) : NULL;
}

static const char *find_session(struct job *j, const struct batch *b) {
        const char *session = find_attribute(j, b, "session.id");

        return session ? session : find_attribute(j, b, "gen_ai.conversation.id");
}

/* Do its spans tell of more than their times? */
static bool is_telling(struct job *j, const struct batch *b) {
        return find_attribute(j, b, USAGE) || find_attribute(j, b, COST) || find_session(j, b);
}

static void widen(const struct batch *b, struct trace *t, bool fresh) {
        int64_t start = INT64_MAX, end = 0, old_end = t->has_took ? t->at_ms + t->took_ms : 0;

        for (size_t i = 0; i < b->n; i++) {
                start = MIN(start, b->spans[i].span.start_at_ns / 1000000);
                end = MAX(end, b->spans[i].span.end_at_ns / 1000000);
        }
        if (!fresh) {
                start = MIN(start, t->at_ms);
                end = MAX(end, old_end);
        }
        t->at_ms = start;
        t->has_took = end > 0;
        t->took_ms = end > 0 ? end - start : 0;
}

static int put_tags(struct job *j, struct db *db, const struct span_in *root, struct trace *t) {
        int r = 0;

        for (const struct span_in_attribute *x = root->attributes; r == 0 && x; x = x->next) {
                const char *key = str_after(x->key, TAG_PREFIX), *value;

                if (!key || traces_json_is_reserved(key))
                        continue;
                value = span_in_unquote(j->arena, x->value);
                if (str_eq(key, "mlflow.traceName")) {
                        t->name = value;
                        continue;
                }
                r = field_check_tag(&j->refusal, "", key, &value);
                if (r == REFUSED) /* one that cannot be a tag is left out */
                        r = 0;
                else if (r == 0)
                        r = traces_sql_tag_set(db, t->id, key, value);
        }
        return r;
}

/* What the telling process says of itself: service.name and the like become tags. */
static int put_resource(struct job *j, struct db *db, const struct batch *b,
                        const struct trace *t) {
        const struct json *item, *list = NULL;
        int r = 0;

        for (size_t i = 0; i < b->n && !json_first(list); i++)
                list = b->spans[i].resource;
        json_each (item, list) {
                const struct json *key = json_get(item, "key");
                const char *value;

                if (r < 0 || !json_is(key, JSON_STRING) || str_starts(key->str, "mlflow.") ||
                    str_starts(key->str, "telemetry.sdk."))
                        continue;
                value = span_in_value(j->arena, json_get(item, "value"));
                value = span_in_unquote(j->arena, value);
                if (!value)
                        return -ENOMEM;
                r = field_check_tag(&j->refusal, "", key->str, &value);
                if (r == REFUSED)
                        r = 0;
                else if (r == 0)
                        r = traces_sql_tag_set(db, t->id, key->str, value);
        }
        return r;
}

/* 0 with the trace as it is, or as it will be: *ret_fresh. */
static int find_trace(struct job *j, struct db *db, int64_t experiment_id, const char *id,
                      struct trace *ret, bool *ret_fresh) {
        int r = traces_sql_get(db, id, j->arena, ret);

        *ret_fresh = r == DB_DONE;
        if (r < 0)
                return r;
        if (r == DB_DONE) {
                *ret = (struct trace){
                        .id = id, .experiment_id = experiment_id, .status = "IN_PROGRESS"};
                return 0;
        }
        if (ret->experiment_id != experiment_id)
                return refusal_invalid(&j->refusal,
                                       "Trace with ID '%s' already exists in another experiment.",
                                       id);
        return 0;
}

static void follow_root(struct job *j, const struct roots *roots, struct trace *t) {
        const struct span_in *root = roots->last;

        if (str_eq(t->status, "IN_PROGRESS") || str_eq(t->status, "STATE_UNSPECIFIED"))
                t->status = str_eq(roots->first->span.status, "ERROR") ? "ERROR" : "OK";
        if (!t->request_preview)
                t->request_preview =
                        preview(j->arena, span_in_attribute(root, "mlflow.spanInputs"), "user");
        if (!t->response_preview)
                t->response_preview = preview(
                        j->arena, span_in_attribute(root, "mlflow.spanOutputs"), "assistant");
}

static int write_spans(struct db *db, const struct batch *b, const struct trace *t) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < b->n; i++)
                r = traces_sql_span_put(db, t, &b->spans[i].span);
        return r;
}

static int set_user(struct job *j, struct db *db, const struct batch *b, const struct trace *t) {
        const char *user = find_attribute(j, b, "user.id");
        int r = user ? traces_sql_metadata_has(db, t->id, "mlflow.trace.user") : DB_ROW;

        if (r == DB_DONE)
                return traces_sql_metadata_set(db, t->id, "mlflow.trace.user", user);
        return r < 0 ? r : 0;
}

static int follow_numbers(struct job *j, struct db *db, const struct batch *b, struct trace *t,
                          bool final) {
        bool usage = find_attribute(j, b, USAGE) != NULL;
        bool cost = find_attribute(j, b, COST) != NULL;

        /* What the client said at the end of the trace stands. */
        usage = usage && !(final && any(t->has_tokens, TRACES_SQL_TOKENS));
        cost = cost && !(final && any(t->has_costs, TRACES_SQL_COSTS));
        return usage || cost ? sum_up(j, db, t, usage, cost) : 0;
}

/* What the spans tell of their trace besides time and status. */
static int follow_all(struct job *j, struct db *db, const struct batch *b, struct trace *t,
                      bool final) {
        int r = write_spans(db, b, t);

        if (!t->session)
                t->session = find_session(j, b);
        if (r == 0)
                r = follow_numbers(j, db, b, t, final);
        if (r == 0)
                r = put_resource(j, db, b, t);
        for (size_t i = 0; r == 0 && i < b->n; i++)
                if (is_root(&b->spans[i]))
                        r = put_tags(j, db, &b->spans[i], t);
        return r == 0 ? set_user(j, db, b, t) : r;
}

/* DB_ROW when the client has told of the whole trace already. */
static int is_final(struct db *db, const struct trace *t, bool fresh) {
        return fresh ? DB_DONE : traces_sql_metadata_has(db, t->id, "mlflow.trace.infoFinalized");
}

int traces_spans_log(struct job *j, struct db *db, int64_t experiment_id,
                     const struct span_in *spans, size_t n) {
        const struct batch b = {spans, n};
        const struct roots roots = find_roots(&b);
        struct trace t;
        bool fresh;
        int r = find_trace(j, db, experiment_id, spans->trace_id, &t, &fresh), final;
        int64_t old_at_ms;

        if (r != 0)
                return r;
        old_at_ms = t.at_ms;
        final = is_final(db, &t, fresh);
        if (final < 0)
                return final;
        /* The peer asks only spans that tell of more whether the client's times stand. */
        if (final == DB_DONE || !is_telling(j, &b))
                widen(&b, &t, fresh);
        if (roots.first)
                follow_root(j, &roots, &t);
        if (fresh) {
                r = traces_sql_insert(db, &t);
                if (r == 0)
                        r = traces_spans_locate(j, db, experiment_id, t.id);
        }
        if (r == 0)
                r = follow_all(j, db, &b, &t, final == DB_ROW);
        if (r == 0)
                r = traces_sql_update(db, &t);
        if (r == 0 && t.at_ms != old_at_ms)
                r = traces_sql_move_assessments(db, t.id, t.at_ms);
        return r != 0 ? r
                      : traces_sql_tag_set(db, t.id, "mlflow.trace.spansLocation",
                                           "TRACKING_STORE");
}
