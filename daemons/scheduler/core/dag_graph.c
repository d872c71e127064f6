#include "daemons/scheduler/core/dag_graph.h"
#include "daemons/scheduler/core/dag_setup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

/* --- edges ------------------------------------------------------------------------------------ */

static int compare_unsigned(const void *a, const void *b) {
        unsigned x = *(const unsigned *) a, y = *(const unsigned *) b;

        return x < y ? -1 : x > y;
}

static int fail_unknown(struct dag_reader *r, const struct dag *d, const char *id) {
        _cleanup_free_ const char **names = mem_alloc_array(d->n_tasks, sizeof(*names));
        const char *near;

        if (!names)
                return -ENOMEM;
        for (size_t i = 0; i < d->n_tasks; i++)
                names[i] = d->tasks[i].id;
        near = str_nearest(id, names, d->n_tasks);
        if (near)
                return dag_keys_fail(r, "there is no task \"%.60s\": did you mean \"%s\"?", id,
                                     near);
        return dag_keys_fail(r, "there is no task \"%.60s\"", id);
}

static int find_upstream(struct dag_reader *r, const struct dag *d, const struct dag_task *t,
                         const struct json *item, unsigned *ret) {
        const struct dag_task *up;

        if (!json_is(item, JSON_STRING))
                return dag_keys_wrong(r, item, "a task's id");
        up = dag_get_task(d, item->str);
        if (!up)
                return fail_unknown(r, d, item->str);
        if (up == t)
                return dag_keys_fail(r, "task \"%s\" cannot depend on itself", t->id);
        *ret = up->index;
        return 0;
}

/* Sorts and drops repetitions; answers how many are left. */
static size_t make_set(unsigned *list, size_t n) {
        size_t kept = 0;

        qsort(list, n, sizeof(*list), compare_unsigned);
        for (size_t i = 0; i < n; i++)
                if (kept == 0 || list[kept - 1] != list[i])
                        list[kept++] = list[i];
        return kept;
}

static int read_upstream(struct dag_reader *r, const struct dag *d, struct dag_task *t,
                         const struct json *ids) {
        const struct json *item;
        unsigned *list;
        size_t n = 0, mark;

        if (!json_is(ids, JSON_ARRAY))
                return dag_keys_wrong(r, ids, "an array of task ids");
        list = arena_zalloc_array(r->arena, ids->len + 1, sizeof(*list));
        if (!list)
                return -ENOMEM;
        json_each (item, ids) {
                int k;

                mark = dag_keys_enter_item(r, n);
                k = find_upstream(r, d, t, item, &list[n]);
                if (k < 0)
                        return k;
                dag_keys_leave(r, mark);
                n++;
        }
        t->upstream = list;
        t->n_upstream = make_set(list, n);
        assert(t->n_upstream <= n && n <= d->n_tasks * (size_t) ids->len);
        return 0;
}

static int read_all_upstream(struct dag_reader *r, struct dag *d,
                             const struct json *const *upstream) {
        size_t list_mark = dag_keys_enter(r, "tasks");

        for (size_t i = 0; i < d->n_tasks; i++) {
                size_t mark = dag_keys_enter_item(r, i);
                int k;

                (void) dag_keys_enter(r, "upstream");
                k = upstream[i] ? read_upstream(r, d, &d->tasks[i], upstream[i]) : 0;
                if (k < 0)
                        return k;
                dag_keys_leave(r, mark);
        }
        dag_keys_leave(r, list_mark);
        return 0;
}

/* All downstream lists stand in one array, each behind the one of the task before. */
static int build_downstream(struct dag_reader *r, struct dag *d) {
        _cleanup_free_ size_t *end = mem_zalloc_array(d->n_tasks + 1, sizeof(*end));
        unsigned *all;

        if (!end)
                return -ENOMEM;
        for (size_t i = 0; i < d->n_tasks; i++)
                for (size_t k = 0; k < d->tasks[i].n_upstream; k++)
                        d->tasks[d->tasks[i].upstream[k]].n_downstream++;
        for (size_t i = 0; i < d->n_tasks; i++)
                end[i + 1] = end[i] + d->tasks[i].n_downstream;
        all = arena_zalloc_array(r->arena, end[d->n_tasks] + 1, sizeof(*all));
        if (!all)
                return -ENOMEM;
        for (size_t i = 0; i < d->n_tasks; i++)
                d->tasks[i].downstream = all + end[i];
        for (size_t i = 0; i < d->n_tasks; i++)
                for (size_t k = 0; k < d->tasks[i].n_upstream; k++)
                        all[end[d->tasks[i].upstream[k]]++] = (unsigned) i;
        assert(d->n_tasks == 0 || end[d->n_tasks - 1] == end[d->n_tasks]);
        return 0;
}

/* --- order ------------------------------------------------------------------------------------ */

/* Upstream tasks first. Answers how many could be ordered; the rest is in or behind a cycle and has
 * n_waiting above 0. */
static size_t order_tasks(const struct dag *d, unsigned *order, unsigned *n_waiting) {
        size_t n = 0;

        for (size_t i = 0; i < d->n_tasks; i++) {
                n_waiting[i] = (unsigned) d->tasks[i].n_upstream;
                if (n_waiting[i] == 0)
                        order[n++] = (unsigned) i;
        }
        for (size_t i = 0; i < n; i++) {
                const struct dag_task *t = &d->tasks[order[i]];

                for (size_t k = 0; k < t->n_downstream; k++) {
                        assert(n_waiting[t->downstream[k]] > 0);
                        if (--n_waiting[t->downstream[k]] == 0)
                                order[n++] = t->downstream[k];
                }
        }
        assert(n <= d->n_tasks);
        return n;
}

static unsigned waiting_upstream(const struct dag *d, unsigned i, const unsigned *n_waiting) {
        const struct dag_task *t = &d->tasks[i];

        for (size_t k = 0; k < t->n_upstream; k++)
                if (n_waiting[t->upstream[k]] > 0)
                        return t->upstream[k];
        assert(!"a waiting task waits for somebody");
        return i;
}

/* Walks upstream among the waiting tasks until one comes again: that is a cycle. */
static int fail_cycle(struct dag_reader *r, const struct dag *d, const unsigned *n_waiting,
                      unsigned *path) {
        _cleanup_buf_ struct buf text = {.limit = 300};
        _cleanup_free_ bool *seen = mem_zalloc_array(d->n_tasks, sizeof(*seen));
        unsigned i = 0, first;
        size_t n = 0;

        if (!seen)
                return -ENOMEM;
        while (n_waiting[i] == 0)
                i++;
        for (; !seen[i]; i = waiting_upstream(d, i, n_waiting)) {
                seen[i] = true;
                path[n++] = i;
        }
        first = i;
        (void) buf_printf(&text, "%s", d->tasks[first].id);
        do { /* the walk went upstream: told backwards it is the order of running */
                i = path[--n];
                (void) buf_printf(&text, " -> %s", d->tasks[i].id);
                assert(n > 0 || i == first);
        } while (i != first);
        return dag_keys_fail(r, "tasks: these wait for each other: %s%s", buf_cstr(&text),
                             buf_error(&text) ? " ..." : "");
}

/* --- weights ---------------------------------------------------------------------------------- */

static int64_t sum_weights(const struct dag *d, const uint64_t *set, size_t n_words) {
        int64_t sum = 0;

        for (size_t w = 0; w < n_words; w++)
                for (uint64_t bits = set[w]; bits; bits &= bits - 1)
                        sum += d->tasks[w * 64 + (size_t) __builtin_ctzll(bits)].priority_weight;
        return sum;
}

/* Adds up the weights of all tasks before (or after) each one: sets[i] holds task i and them. */
static void weigh(struct dag *d, const unsigned *order, uint64_t *sets, enum dag_weight_rule rule) {
        size_t n = d->n_tasks, n_words = (n + 63) / 64;

        for (size_t k = 0; k < n; k++) {
                unsigned i = order[rule == DAG_WEIGHT_UPSTREAM ? k : n - 1 - k];
                struct dag_task *t = &d->tasks[i];
                const unsigned *near = rule == DAG_WEIGHT_UPSTREAM ? t->upstream : t->downstream;
                size_t n_near = rule == DAG_WEIGHT_UPSTREAM ? t->n_upstream : t->n_downstream;
                uint64_t *set = sets + i * n_words;

                memset(set, 0, n_words * sizeof(*set));
                set[i / 64] |= UINT64_C(1) << i % 64;
                for (size_t m = 0; m < n_near; m++)
                        for (size_t w = 0; w < n_words; w++)
                                set[w] |= sets[near[m] * n_words + w];
                if (t->weight_rule == rule)
                        t->weight = sum_weights(d, set, n_words);
        }
}

static bool has_rule(const struct dag *d, enum dag_weight_rule rule) {
        for (size_t i = 0; i < d->n_tasks; i++)
                if (d->tasks[i].weight_rule == rule)
                        return true;
        return false;
}

static int set_weights(struct dag *d, const unsigned *order) {
        size_t n_words = (d->n_tasks + 63) / 64;
        _cleanup_free_ uint64_t *sets = NULL;

        for (size_t i = 0; i < d->n_tasks; i++)
                d->tasks[i].weight = d->tasks[i].priority_weight;
        sets = mem_alloc_array(d->n_tasks * n_words + 1, sizeof(*sets));
        if (!sets)
                return -ENOMEM;
        for (enum dag_weight_rule rule = 0; rule < DAG_WEIGHT_ABSOLUTE; rule++)
                if (has_rule(d, rule))
                        weigh(d, order, sets, rule);
        return 0;
}

int dag_graph_build(struct dag_reader *r, struct dag *d, const struct json *const *upstream) {
        _cleanup_free_ unsigned *order = mem_zalloc_array(d->n_tasks + 1, sizeof(*order));
        _cleanup_free_ unsigned *n_waiting = mem_zalloc_array(d->n_tasks + 1, sizeof(*n_waiting));
        int k;

        if (!order || !n_waiting)
                return -ENOMEM;
        k = read_all_upstream(r, d, upstream);
        if (k < 0)
                return k;
        k = build_downstream(r, d);
        if (k < 0)
                return k;
        if (order_tasks(d, order, n_waiting) < d->n_tasks)
                return fail_cycle(r, d, n_waiting, order);
        k = dag_setup_build(r, d);
        return k < 0 ? k : set_weights(d, order);
}
