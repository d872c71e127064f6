/* json: what readers of a tree ask. The parser is json_parse.c. */
#include "lib/base/json.h"

#include <errno.h>
#include <string.h>

#include "lib/base/json_number.h"
#include "lib/base/str.h"

const struct json *json_get(const struct json *obj, const char *key) {
        const struct json *child;
        size_t len;

        if (!json_is(obj, JSON_OBJECT))
                return NULL;
        len = strlen(key);
        json_each (child, obj) {
                if (child->key_len == len && memcmp(child->key, key, len) == 0)
                        return child;
        }
        return NULL;
}

const struct json *json_at(const struct json *node, size_t i) {
        const struct json *child = json_first(node);

        while (child && i-- > 0)
                child = child->next;
        return child;
}

struct json *json_copy_nodes(struct arena *a, const struct json *j) {
        struct json *copy = arena_memdup(a, j, sizeof(*j)), **tail;
        const struct json *child;

        if (!copy)
                return NULL;
        copy->next = NULL;
        if (j->type != JSON_ARRAY && j->type != JSON_OBJECT)
                return copy;
        tail = &copy->child;
        json_each (child, j) {
                *tail = json_copy_nodes(a, child);
                if (!*tail)
                        return NULL;
                tail = &(*tail)->next;
        }
        return copy;
}

int json_str(const struct json *j, const char **ret) {
        if (!j)
                return JSON_ABSENT;
        if (j->type != JSON_STRING)
                return JSON_WRONG_TYPE;
        *ret = j->str;
        return 0;
}

static int number_answer(int r) {
        return r == -EINVAL ? JSON_WRONG_TYPE : r < 0 ? JSON_OUT_OF_RANGE : 0;
}

int json_i64(const struct json *j, int64_t *ret) {
        if (!j)
                return JSON_ABSENT;
        if (j->type != JSON_NUMBER)
                return JSON_WRONG_TYPE;
        return number_answer(json_number_parse_i64(j->str, j->len, ret));
}

int json_u64(const struct json *j, uint64_t *ret) {
        if (!j)
                return JSON_ABSENT;
        if (j->type != JSON_NUMBER)
                return JSON_WRONG_TYPE;
        return number_answer(json_number_parse_u64(j->str, j->len, ret));
}

int json_f64(const struct json *j, double *ret) {
        if (!j)
                return JSON_ABSENT;
        if (j->type != JSON_NUMBER)
                return JSON_WRONG_TYPE;
        if (j->str[j->len - 1] == 'N' || j->str[j->len - 1] == 'y') /* NaN, Infinity */
                return JSON_OUT_OF_RANGE;
        return number_answer(json_number_parse_f64(j->str, j->len, ret));
}

int json_bool(const struct json *j, bool *ret) {
        if (!j)
                return JSON_ABSENT;
        if (j->type != JSON_TRUE && j->type != JSON_FALSE)
                return JSON_WRONG_TYPE;
        *ret = j->type == JSON_TRUE;
        return 0;
}

const char *json_type_name(const struct json *j) {
        static const char *const names[] = {
                [JSON_NULL] = "null",        [JSON_FALSE] = "a boolean", [JSON_TRUE] = "a boolean",
                [JSON_NUMBER] = "a number",  [JSON_STRING] = "a string", [JSON_ARRAY] = "an array",
                [JSON_OBJECT] = "an object",
        };

        return j ? names[j->type] : "nothing";
}

/* Turns an accessor's answer into 0 or -EINVAL with words. */
static int explain(const struct json *j, const char *key, int answer, const char *wanted,
                   struct errmsg *em) {
        switch (answer) {
        case 0:
                return 0;
        case JSON_ABSENT:
                return errmsg_fail(em, -EINVAL, "\"%s\" is missing: it must be %s", key, wanted);
        case JSON_OUT_OF_RANGE:
                return errmsg_fail(em, -EINVAL, "\"%s\" is out of range: %.*s", key,
                                   (int) MIN(j->len, 40u), j->str);
        default:
                return errmsg_fail(em, -EINVAL, "\"%s\" must be %s, not %s", key, wanted,
                                   json_is(j, JSON_NUMBER) && str_eq(wanted, "an integer")
                                           ? "a fraction"
                                           : json_type_name(j));
        }
}

int json_need_str(const struct json *obj, const char *key, const char **ret, struct errmsg *em) {
        const struct json *j = json_get(obj, key);

        return explain(j, key, json_str(j, ret), "a string", em);
}

int json_need_i64(const struct json *obj, const char *key, int64_t *ret, struct errmsg *em) {
        const struct json *j = json_get(obj, key);

        return explain(j, key, json_i64(j, ret), "an integer", em);
}

int json_need_f64(const struct json *obj, const char *key, double *ret, struct errmsg *em) {
        const struct json *j = json_get(obj, key);

        return explain(j, key, json_f64(j, ret), "a number", em);
}

int json_need_bool(const struct json *obj, const char *key, bool *ret, struct errmsg *em) {
        const struct json *j = json_get(obj, key);

        return explain(j, key, json_bool(j, ret), "true or false", em);
}

int json_need(const struct json *obj, const char *key, enum json_type type, const struct json **ret,
              struct errmsg *em) {
        const struct json *j = json_get(obj, key);
        const struct json like = {.type = type & 7};
        int answer = !j ? JSON_ABSENT : j->type == type ? 0 : JSON_WRONG_TYPE;

        if (answer == JSON_WRONG_TYPE)
                return errmsg_fail(em, -EINVAL, "\"%s\" must be %s, not %s", key,
                                   json_type_name(&like), json_type_name(j));
        if (answer == 0)
                *ret = j;
        return explain(j, key, answer, json_type_name(&like), em);
}

static bool is_given(const struct json *obj, const char *key) {
        const struct json *j = json_get(obj, key);

        return j && j->type != JSON_NULL;
}

int json_want_str(const struct json *obj, const char *key, const char **ret, struct errmsg *em) {
        return is_given(obj, key) ? json_need_str(obj, key, ret, em) : 0;
}

int json_want_i64(const struct json *obj, const char *key, int64_t *ret, struct errmsg *em) {
        return is_given(obj, key) ? json_need_i64(obj, key, ret, em) : 0;
}

int json_want_f64(const struct json *obj, const char *key, double *ret, struct errmsg *em) {
        return is_given(obj, key) ? json_need_f64(obj, key, ret, em) : 0;
}

int json_want_bool(const struct json *obj, const char *key, bool *ret, struct errmsg *em) {
        return is_given(obj, key) ? json_need_bool(obj, key, ret, em) : 0;
}

int json_want(const struct json *obj, const char *key, enum json_type type, const struct json **ret,
              struct errmsg *em) {
        return is_given(obj, key) ? json_need(obj, key, type, ret, em) : 0;
}

int json_only_keys(const struct json *obj, const char *const *keys, size_t n, struct errmsg *em) {
        const struct json *child;

        json_each (child, obj) {
                const char *near;
                size_t i = 0;

                while (i < n && !str_eq(child->key, keys[i]))
                        i++;
                if (i < n)
                        continue;
                near = str_nearest(child->key, keys, n);
                return errmsg_fail(em, -EINVAL, "unknown key \"%.100s\"%s%s%s", child->key,
                                   near ? ": did you mean \"" : "", near ? near : "",
                                   near ? "\"?" : "");
        }
        return 0;
}
