#include "daemons/scheduler/core/branch.h"

#include <errno.h>

#include "lib/base/json.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

bool branch_is_false(const struct json *v) {
        static const char *const words[] = {"", "false", "0", "no", "none", "null"};
        double number;

        if (!v || v->type == JSON_NULL || v->type == JSON_FALSE)
                return true;
        if (v->type == JSON_ARRAY || v->type == JSON_OBJECT)
                return v->len == 0;
        if (json_f64(v, &number) == 0)
                return number == 0;
        for (size_t i = 0; v->type == JSON_STRING && i < ARRAY_SIZE(words); i++)
                if (str_eq_fold(v->str, words[i]))
                        return true;
        return false;
}

/* Everything behind a task, itself included. */
static int mark_behind(const struct dag *d, const struct dag_task *from, bool *seen) {
        _cleanup_free_ unsigned *stack = mem_alloc_array(d->n_tasks + 1, sizeof(*stack));
        size_t n = 0;

        if (!stack)
                return -ENOMEM;
        if (!seen[from->index])
                stack[n++] = from->index;
        seen[from->index] = true;
        while (n > 0) {
                const struct dag_task *t = &d->tasks[stack[--n]];

                for (size_t i = 0; i < t->n_downstream; i++)
                        if (!seen[t->downstream[i]]) {
                                seen[t->downstream[i]] = true;
                                stack[n++] = t->downstream[i];
                        }
                assert(n <= d->n_tasks);
        }
        return 0;
}

/* A name of a branch: a direct downstream task, or a group that holds one. */
static int follow(const struct dag *d, const struct dag_task *t, const struct json *name,
                  bool *followed, struct errmsg *em) {
        bool found = false;
        int r = 0;

        if (!json_is(name, JSON_STRING))
                return errmsg_fail(em, -EINVAL,
                                   "task \"%s\" must return the ids of tasks to follow, not %s",
                                   t->id, json_type_name(name));
        for (size_t i = 0; i < t->n_downstream && r == 0; i++) {
                const struct dag_task *next = &d->tasks[t->downstream[i]];

                if (!str_eq(next->id, name->str) &&
                    !(next->group && str_eq(next->group, name->str)))
                        continue;
                found = true;
                r = mark_behind(d, next, followed);
        }
        if (r == 0 && !found)
                return errmsg_fail(em, -EINVAL,
                                   "task \"%s\" returned \"%.60s\", which is none of its direct "
                                   "downstream tasks",
                                   t->id, name->str);
        return r;
}

static int branch(const struct dag *d, const struct dag_task *t, const struct json *value,
                  bool *skipped, struct errmsg *em) {
        _cleanup_free_ bool *followed = mem_zalloc_array(d->n_tasks + 1, sizeof(*followed));
        const struct json *item;
        int r = 0;

        if (!followed)
                return -ENOMEM;
        if (json_is(value, JSON_ARRAY)) {
                json_each (item, value)
                        if (r == 0)
                                r = follow(d, t, item, followed, em);
        } else if (value && value->type != JSON_NULL)
                r = follow(d, t, value, followed, em);
        for (size_t i = 0; i < t->n_downstream; i++)
                skipped[t->downstream[i]] = !followed[t->downstream[i]];
        return r;
}

static int short_circuit(const struct dag *d, const struct dag_task *t, const struct json *value,
                         bool *skipped) {
        int r = 0;

        if (!branch_is_false(value))
                return 0;
        for (size_t i = 0; i < t->n_downstream && r == 0; i++) {
                if (t->keeps_downstream_rules)
                        skipped[t->downstream[i]] = true;
                else
                        r = mark_behind(d, &d->tasks[t->downstream[i]], skipped);
        }
        for (size_t i = 0; i < d->n_tasks; i++) /* they clean up whatever happened */
                skipped[i] = skipped[i] && !d->tasks[i].is_teardown;
        return r;
}

int branch_skips(const struct dag *d, const struct dag_task *t, const struct json *value,
                 unsigned **ret, size_t *ret_n, struct errmsg *em) {
        _cleanup_free_ bool *skipped = mem_zalloc_array(d->n_tasks + 1, sizeof(*skipped));
        unsigned *list;
        size_t n = 0;
        int r = 0;

        if (!skipped)
                return -ENOMEM;
        if (t->decides == DAG_DECIDES_BRANCH)
                r = branch(d, t, value, skipped, em);
        else if (t->decides == DAG_DECIDES_SHORT_CIRCUIT)
                r = short_circuit(d, t, value, skipped);
        if (r < 0)
                return r;
        list = mem_alloc_array(d->n_tasks + 1, sizeof(*list));
        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < d->n_tasks; i++)
                if (skipped[i])
                        list[n++] = (unsigned) i;
        assert(!skipped[t->index]);
        *ret = n > 0 ? list : mem_free(list);
        *ret_n = n;
        return 0;
}
