#include "daemons/tracking/assessments_json.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "daemons/tracking/wire_time.h"
#include "lib/base/arena.h"
#include "lib/base/str.h"

static const char *text_of(const struct json *j, const char *key) {
        const struct json *v = json_get(j, key);

        return json_is(v, JSON_STRING) && v->len > 0 ? v->str : NULL;
}

/* Numbers are doubles, as in a protobuf Value. */
static void write_number(struct json_write *w, const struct json *j) {
        double v = 0;

        (void) json_f64(j, &v);
        json_write_f64(w, v);
}

static void write_plain(struct json_write *w, const struct json *j) {
        const struct json *item;

        if (json_is(j, JSON_NUMBER)) {
                write_number(w, j);
        } else if (json_is(j, JSON_ARRAY)) {
                json_write_array(w);
                json_each (item, j) {
                        write_plain(w, item);
                }
                json_write_end(w);
        } else if (json_is(j, JSON_OBJECT)) {
                json_write_object(w);
                json_each (item, j) {
                        json_write_key(w, item->key);
                        write_plain(w, item);
                }
                json_write_end(w);
        } else {
                json_write_node(w, j);
        }
}

static int to_text(struct arena *a, const struct json *j, bool plain, const char **ret) {
        _cleanup_buf_ struct buf out = {};
        struct json_write w;

        json_write_init(&w, &out, JSON_WRITE_SPACED | JSON_WRITE_ASCII);
        if (plain)
                write_plain(&w, j);
        else
                json_write_node(&w, j);
        if (json_write_finish(&w) < 0)
                return -ENOMEM;
        *ret = arena_strndup(a, buf_cstr(&out), out.len);
        return *ret ? 0 : -ENOMEM;
}

/* What averages count: numbers, yes and no. */
static void aggregate(const struct json *j, struct assessment *x) {
        double v;

        x->has_aggregate = x->is_numeric = false;
        if (json_is(j, JSON_TRUE) || json_is(j, JSON_FALSE)) {
                x->aggregate = json_is(j, JSON_TRUE);
                x->has_aggregate = true;
        } else if (json_is(j, JSON_NUMBER) && json_f64(j, &v) == 0 && isfinite(v)) {
                x->aggregate = v;
                x->has_aggregate = x->is_numeric = true;
        } else if (json_is(j, JSON_STRING) &&
                   (str_eq_fold(j->str, "yes") || str_eq_fold(j->str, "no"))) {
                x->aggregate = str_eq_fold(j->str, "yes");
                x->has_aggregate = true;
        }
}

int assessments_json_aggregate(struct arena *a, struct assessment *x) {
        struct json *value;
        int r = json_parse_copy(a, x->value, strlen(x->value), &value, NULL);

        if (r == 0)
                aggregate(value, x);
        return r;
}

static int read_feedback(struct refusal *r, const struct json *j, struct assessment *ret) {
        const struct json *value = json_get(j, "value"), *error = json_get(j, "error");
        _cleanup_buf_ struct buf out = {};
        struct json_write w;

        ret->type = "feedback";
        ret->error = NULL;
        aggregate(value, ret);
        if (json_is(error, JSON_OBJECT)) {
                json_write_init(&w, &out, JSON_WRITE_SPACED | JSON_WRITE_ASCII);
                json_write_object(&w);
                json_write_kv_str(&w, "error_code",
                                  text_of(error, "error_code") ? text_of(error, "error_code") : "");
                json_write_kv_str(&w, "error_message", text_of(error, "error_message"));
                json_write_kv_str(&w, "stack_trace", text_of(error, "stack_trace"));
                json_write_end(&w);
                if (json_write_finish(&w) < 0)
                        return -ENOMEM;
                ret->error = arena_strndup(r->arena, buf_cstr(&out), out.len);
                if (!ret->error)
                        return -ENOMEM;
        }
        return to_text(r->arena, value, true, &ret->value);
}

static bool is_nothing(const struct json *j) {
        return !j || json_is(j, JSON_NULL);
}

static int refuse_nothing(struct refusal *r) {
        return refusal_invalid(r, "The `value` field must be specified.");
}

static int read_expectation(struct refusal *r, const struct json *j, struct assessment *ret) {
        const struct json *serialized = json_get(j, "serialized_value");
        const char *text = text_of(serialized, "value"), *format;
        struct json *root;
        int x;

        ret->type = "expectation";
        if (!serialized && is_nothing(json_get(j, "value")))
                return refuse_nothing(r);
        if (!serialized) {
                aggregate(json_get(j, "value"), ret);
                return to_text(r->arena, json_get(j, "value"), true, &ret->value);
        }
        format = text_of(serialized, "serialization_format");
        if (!str_eq(format, "JSON_FORMAT"))
                return refusal_invalid(r,
                                       "Unknown serialization format: %s. Only JSON_FORMAT is "
                                       "supported.",
                                       format ? format : "");
        x = json_parse_copy(r->arena, text ? text : "", text ? strlen(text) : 0, &root, NULL);
        if (x == -EINVAL)
                return refusal_invalid(r, "The expectation's serialized_value is not JSON.");
        if (x < 0)
                return x;
        if (is_nothing(root))
                return refuse_nothing(r);
        aggregate(root, ret);
        return to_text(r->arena, root, false, &ret->value);
}

/* Which issue it is stands in the assessment's name; here is what it is called. */
static int read_issue(struct arena *a, const struct json *j, const char **ret) {
        const struct json *name = ask_get(j, "issue_name");
        _cleanup_buf_ struct buf out = {};
        struct json_write w;

        json_write_init(&w, &out, JSON_WRITE_SPACED | JSON_WRITE_ASCII);
        json_write_object(&w);
        json_write_kv_str(&w, "issue_name", json_is(name, JSON_STRING) ? name->str : "");
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return -ENOMEM;
        *ret = arena_strndup(a, buf_cstr(&out), out.len);
        return *ret ? 0 : -ENOMEM;
}

int assessments_json_read_value(struct refusal *r, const struct json *j, struct assessment *ret) {
        const struct json *feedback = json_get(j, "feedback");
        const struct json *expectation = json_get(j, "expectation"), *issue = json_get(j, "issue");

        if (json_is(expectation, JSON_OBJECT))
                return read_expectation(r, expectation, ret);
        if (json_is(feedback, JSON_OBJECT))
                return read_feedback(r, feedback, ret);
        if (json_is(issue, JSON_OBJECT)) {
                ret->type = "issue";
                return read_issue(r->arena, issue, &ret->value);
        }
        return refusal_invalid(r, "Unknown assessment type: None");
}

int assessments_json_read_metadata(struct arena *a, const struct json *j, const char **ret) {
        *ret = NULL;
        return json_is(j, JSON_OBJECT) && json_first(j) ? to_text(a, j, false, ret) : 0;
}

/* By name or number; what is neither is unspecified, as for the peer. */
static void read_source(const struct json *source, struct assessment *ret) {
        static const char *const types[] = {"SOURCE_TYPE_UNSPECIFIED", "HUMAN", "LLM_JUDGE",
                                            "CODE"};
        const char *type = text_of(source, "source_type");
        int64_t number;

        ret->source_type = types[0];
        ret->source_id = text_of(source, "source_id");
        if (json_i64(json_get(source, "source_type"), &number) == 0 && number > 0 &&
            number < (int64_t) ARRAY_SIZE(types))
                ret->source_type = types[number];
        for (size_t i = 0; type && i < ARRAY_SIZE(types); i++)
                if (str_eq(types[i], type))
                        ret->source_type = types[i];
}

static int read_time(struct refusal *r, const struct json *j, const char *key, int64_t now_ms,
                     int64_t *ret) {
        const char *text = text_of(j, key);

        *ret = now_ms;
        if (text && wire_time_parse(text, ret) < 0)
                return refusal_invalid(r,
                                       "Invalid value \"%s\" for parameter 'assessment.%s' "
                                       "supplied: it is no time.",
                                       text, key);
        if (*ret == 0)
                *ret = now_ms;
        return 0;
}

int assessments_json_read(struct refusal *r, const struct json *j, int64_t now_ms,
                          struct assessment *ret) {
        const char *name = text_of(j, "assessment_name");
        struct assessment x = {
                .id = text_of(j, "assessment_id"),
                .trace_id = text_of(j, "trace_id"),
                .name = name ? name : "",
                .span_id = text_of(j, "span_id"),
                .rationale = text_of(j, "rationale"),
                .overrides = text_of(j, "overrides"),
                .valid = true,
        };
        int q = assessments_json_read_value(r, j, &x);

        read_source(json_get(j, "source"), &x);
        if (str_eq(x.type, "expectation"))
                x.rationale = NULL; /* it has none until it is changed */
        if (q == 0)
                q = read_time(r, j, "create_time", now_ms, &x.created_at_ms);
        if (q == 0)
                q = read_time(r, j, "last_update_time", now_ms, &x.updated_at_ms);
        if (q == 0)
                q = assessments_json_read_metadata(r->arena, json_get(j, "metadata"), &x.metadata);
        if (q == 0)
                *ret = x;
        return q;
}

static int write_value(struct json_write *w, struct arena *a, const struct assessment *x) {
        struct json *value = NULL, *error = NULL;
        const struct json *item;
        int r = json_parse_copy(a, x->value, strlen(x->value), &value, NULL);

        if (r == 0 && x->error)
                r = json_parse_copy(a, x->error, strlen(x->error), &error, NULL);
        if (r < 0)
                return r;
        json_write_kv_object(w, x->type);
        if (str_eq(x->type, "issue")) {
                json_each (item, value) {
                        json_write_kv_node(w, item->key, item);
                }
        } else if (str_eq(x->type, "expectation") &&
                   (value->type >= JSON_ARRAY || json_is(value, JSON_NULL))) {
                json_write_kv_object(w, "serialized_value");
                json_write_kv_str(w, "serialization_format", "JSON_FORMAT");
                json_write_kv_str(w, "value", x->value);
                json_write_end(w);
        } else {
                json_write_key(w, "value");
                write_plain(w, value);
        }
        if (error) {
                json_write_kv_object(w, "error");
                json_each (item, error) {
                        if (!json_is(item, JSON_NULL))
                                json_write_kv_node(w, item->key, item);
                }
                json_write_end(w);
        }
        json_write_end(w);
        return 0;
}

/* Metadata's values are strings on the wire. */
static int write_metadata(struct json_write *w, struct arena *a, const char *text) {
        const struct json *item;
        struct json *root = NULL;
        int r = text ? json_parse_copy(a, text, strlen(text), &root, NULL) : 0;
        const char *value;

        if (r < 0 || !json_is(root, JSON_OBJECT) || !json_first(root))
                return r;
        json_write_kv_object(w, "metadata");
        json_each (item, root) {
                value = item->str;
                if (!json_is(item, JSON_STRING) && to_text(a, item, false, &value) < 0)
                        return -ENOMEM;
                json_write_kv_str(w, item->key, value);
        }
        json_write_end(w);
        return 0;
}

int assessments_json_write(struct json_write *w, struct arena *a, const struct assessment *x) {
        char time[WIRE_TIME_SIZE];
        int r;

        json_write_kv_str(w, "assessment_id", x->id);
        json_write_kv_str(w, "assessment_name", x->name);
        json_write_kv_str(w, "trace_id", x->trace_id);
        if (x->span_id)
                json_write_kv_str(w, "span_id", x->span_id);
        json_write_kv_object(w, "source");
        json_write_kv_str(w, "source_type", x->source_type);
        if (x->source_id)
                json_write_kv_str(w, "source_id", x->source_id);
        json_write_end(w);
        json_write_kv_str(w, "create_time", wire_time_print(x->created_at_ms, time));
        json_write_kv_str(w, "last_update_time", wire_time_print(x->updated_at_ms, time));
        r = write_value(w, a, x);
        if (r == 0 && x->rationale)
                json_write_kv_str(w, "rationale", x->rationale);
        if (r == 0)
                r = write_metadata(w, a, x->metadata);
        if (x->overrides)
                json_write_kv_str(w, "overrides", x->overrides);
        json_write_kv_bool(w, "valid", x->valid);
        return r;
}
