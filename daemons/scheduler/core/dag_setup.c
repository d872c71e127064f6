/* As Airflow 3.3 has it: a task waits for the success of setups that lie before it without being
 * its direct upstream, if their teardown lies behind it or they have none; a teardown waits for the
 * end of everything between its setups and itself. */
#include "daemons/scheduler/core/dag_setup.h"

#include <errno.h>
#include <string.h>

#include "lib/base/mem.h"

/* Marks everything upstream (or downstream) of a task, itself left out. */
static void mark(const struct dag *d, const struct dag_task *from, bool up, bool *seen,
                 unsigned *stack) {
        size_t n = 0;

        memset(seen, false, d->n_tasks);
        stack[n++] = from->index;
        while (n > 0) {
                const struct dag_task *t = &d->tasks[stack[--n]];
                const unsigned *near = up ? t->upstream : t->downstream;
                size_t n_near = up ? t->n_upstream : t->n_downstream;

                for (size_t i = 0; i < n_near; i++)
                        if (!seen[near[i]]) {
                                seen[near[i]] = true;
                                stack[n++] = near[i];
                        }
                assert(n <= d->n_tasks);
        }
}

static bool is_direct(const struct dag_task *t, unsigned i) {
        for (size_t k = 0; k < t->n_upstream; k++)
                if (t->upstream[k] == i)
                        return true;
        return false;
}

/* Has the setup no teardown, or one behind the task? */
static bool is_in_force(const struct dag *d, const struct dag_task *setup, const bool *after) {
        bool has_teardown = false;

        for (size_t i = 0; i < setup->n_downstream; i++) {
                const struct dag_task *t = &d->tasks[setup->downstream[i]];

                if (t->is_teardown && after[t->index])
                        return true;
                has_teardown = has_teardown || t->is_teardown;
        }
        return !has_teardown;
}

struct scratch {
        bool *before, *after, *scope;
        unsigned *stack, *list;
};

static size_t setups_of(const struct dag *d, const struct dag_task *t, struct scratch *s) {
        size_t n = 0;

        mark(d, t, true, s->before, s->stack);
        mark(d, t, false, s->after, s->stack);
        for (size_t i = 0; i < d->n_tasks; i++)
                if (s->before[i] && d->tasks[i].is_setup && !is_direct(t, (unsigned) i) &&
                    is_in_force(d, &d->tasks[i], s->after))
                        s->list[n++] = (unsigned) i;
        return n;
}

static size_t scope_of(const struct dag *d, const struct dag_task *t, struct scratch *s) {
        size_t n = 0;

        mark(d, t, true, s->before, s->stack);
        memset(s->scope, false, d->n_tasks);
        for (size_t k = 0; k < t->n_upstream; k++) {
                const struct dag_task *up = &d->tasks[t->upstream[k]];

                if (!up->is_setup)
                        continue;
                mark(d, up, false, s->after, s->stack);
                for (size_t i = 0; i < d->n_tasks; i++)
                        s->scope[i] = s->scope[i] || s->after[i];
        }
        for (size_t i = 0; i < d->n_tasks; i++)
                if (s->scope[i] && s->before[i] && !is_direct(t, (unsigned) i))
                        s->list[n++] = (unsigned) i;
        return n;
}

static int set_guards(struct dag_reader *r, struct dag *d, struct scratch *s) {
        for (size_t i = 0; i < d->n_tasks; i++) {
                struct dag_task *t = &d->tasks[i];
                size_t n = t->is_teardown ? scope_of(d, t, s) : setups_of(d, t, s);

                if (n == 0)
                        continue;
                t->guards = arena_memdup(r->arena, s->list, n * sizeof(*s->list));
                if (!t->guards)
                        return -ENOMEM;
                t->n_guards = n;
                for (size_t k = 0; k < n; k++)
                        d->tasks[s->list[k]].n_guarded++;
        }
        return 0;
}

static int set_guarded(struct dag_reader *r, struct dag *d) {
        for (size_t i = 0; i < d->n_tasks; i++) {
                struct dag_task *t = &d->tasks[i];
                unsigned *list;
                size_t n = 0;

                if (t->n_guarded == 0)
                        continue;
                list = arena_zalloc_array(r->arena, t->n_guarded, sizeof(*list));
                if (!list)
                        return -ENOMEM;
                for (size_t k = 0; k < d->n_tasks; k++)
                        for (size_t g = 0; g < d->tasks[k].n_guards; g++)
                                if (d->tasks[k].guards[g] == i)
                                        list[n++] = (unsigned) k;
                assert(n == t->n_guarded);
                t->guarded = list;
        }
        return 0;
}

static bool is_passed_over(const struct dag_task *t) {
        return t->is_teardown && !t->on_failure_fail_dagrun;
}

static bool is_leaf(const struct dag *d, const struct dag_task *t) {
        for (size_t i = 0; i < t->n_downstream; i++)
                if (!is_passed_over(&d->tasks[t->downstream[i]]))
                        return false;
        return !is_passed_over(t);
}

static int set_leaves(struct dag_reader *r, struct dag *d) {
        unsigned *leaves = arena_zalloc_array(r->arena, d->n_tasks + 1, sizeof(*leaves));
        size_t n = 0;

        if (!leaves)
                return -ENOMEM;
        for (size_t i = 0; i < d->n_tasks; i++)
                if (is_leaf(d, &d->tasks[i]))
                        leaves[n++] = (unsigned) i;
        for (size_t i = 0; n == 0 && i < d->n_tasks; i++) /* nothing but teardowns */
                if (d->tasks[i].n_downstream == 0)
                        leaves[n++] = (unsigned) i;
        assert(n <= d->n_tasks && (n > 0 || d->n_tasks == 0));
        d->leaves = leaves;
        d->n_leaves = n;
        return 0;
}

static bool has_setups(const struct dag *d) {
        for (size_t i = 0; i < d->n_tasks; i++)
                if (d->tasks[i].is_setup || d->tasks[i].is_teardown)
                        return true;
        return false;
}

int dag_setup_build(struct dag_reader *r, struct dag *d) {
        _cleanup_free_ bool *marks = NULL;
        _cleanup_free_ unsigned *lists = NULL;
        struct scratch s;
        int k;

        if (has_setups(d)) {
                marks = mem_zalloc_array(3 * d->n_tasks, sizeof(*marks));
                lists = mem_zalloc_array(2 * d->n_tasks + 1, sizeof(*lists));
                if (!marks || !lists)
                        return -ENOMEM;
                s = (struct scratch){marks, marks + d->n_tasks, marks + 2 * d->n_tasks, lists,
                                     lists + d->n_tasks + 1};
                k = set_guards(r, d, &s);
                if (k == 0)
                        k = set_guarded(r, d);
                if (k < 0)
                        return k;
        }
        return set_leaves(r, d);
}
