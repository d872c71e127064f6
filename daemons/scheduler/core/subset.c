#include "daemons/scheduler/core/subset.h"

#include <errno.h>
#include <string.h>

#include "lib/base/mem.h"

struct subset {
        const struct dag *d;
        const bool *chosen;
        bool *ret;
        bool *near, *after; /* scratch: the flat relatives of one task */
        unsigned *stack;
};

/* Marks everything upstream (or downstream) of a task, itself left out. */
static void relatives(const struct subset *s, const struct dag_task *from, bool up, bool *seen) {
        size_t n = 0;

        memset(seen, false, s->d->n_tasks);
        s->stack[n++] = from->index;
        while (n > 0) {
                const struct dag_task *t = &s->d->tasks[s->stack[--n]];
                const unsigned *list = up ? t->upstream : t->downstream;
                size_t n_list = up ? t->n_upstream : t->n_downstream;

                for (size_t i = 0; i < n_list; i++)
                        if (!seen[list[i]]) {
                                seen[list[i]] = true;
                                s->stack[n++] = list[i];
                        }
                assert(n <= s->d->n_tasks);
        }
}

static void add_teardowns(struct subset *s, const struct dag_task *setup) {
        for (size_t i = 0; i < setup->n_downstream; i++)
                if (s->d->tasks[setup->downstream[i]].is_teardown)
                        s->ret[setup->downstream[i]] = true;
}

/* Has the setup no teardown, or one behind the task? */
static bool is_in_force(const struct subset *s, const struct dag_task *setup) {
        bool has_teardown = false;

        for (size_t i = 0; i < setup->n_downstream; i++) {
                const struct dag_task *t = &s->d->tasks[setup->downstream[i]];

                if (t->is_teardown && s->after[t->index])
                        return true;
                has_teardown = has_teardown || t->is_teardown;
        }
        return !has_teardown;
}

/* The setups a task stands on, and their teardowns. */
static void add_setups(struct subset *s, const struct dag_task *t) {
        if (t->is_setup || t->is_teardown)
                return;
        relatives(s, t, true, s->near);
        relatives(s, t, false, s->after);
        for (size_t i = 0; i < s->d->n_tasks; i++)
                if (s->near[i] && s->d->tasks[i].is_setup && is_in_force(s, &s->d->tasks[i])) {
                        s->ret[i] = true;
                        add_teardowns(s, &s->d->tasks[i]);
                }
}

static int add_downstream(struct subset *s, const struct dag_task *t) {
        _cleanup_free_ bool *down = mem_alloc_array(s->d->n_tasks, sizeof(*down));

        if (!down)
                return -ENOMEM;
        relatives(s, t, false, down);
        for (size_t i = 0; i < s->d->n_tasks; i++) {
                if (!down[i])
                        continue;
                s->ret[i] = true;
                if (!s->chosen[i])
                        add_setups(s, &s->d->tasks[i]);
        }
        return 0;
}

static void add_upstream(struct subset *s, const struct dag_task *t) {
        relatives(s, t, true, s->near);
        for (size_t i = 0; i < s->d->n_tasks; i++) {
                if (!s->near[i])
                        continue;
                s->ret[i] = true;
                if (s->d->tasks[i].is_setup)
                        add_teardowns(s, &s->d->tasks[i]);
        }
}

int subset_of(const struct dag *d, const bool *chosen, bool with_upstream, bool with_downstream,
              bool *ret) {
        _cleanup_free_ bool *marks = mem_zalloc_array(2 * d->n_tasks + 1, sizeof(*marks));
        _cleanup_free_ unsigned *stack = mem_alloc_array(d->n_tasks + 1, sizeof(*stack));
        struct subset s = {d, chosen, ret, marks, marks + d->n_tasks, stack};

        if (!marks || !stack)
                return -ENOMEM;
        assert(ret != chosen);
        memset(ret, false, d->n_tasks);
        for (size_t i = 0; i < d->n_tasks; i++) {
                const struct dag_task *t = &d->tasks[i];

                if (!chosen[i])
                        continue;
                ret[i] = true;
                if (with_downstream && add_downstream(&s, t) < 0)
                        return -ENOMEM;
                if (with_upstream)
                        add_upstream(&s, t);
                else
                        add_setups(&s, t);
                if (t->is_setup && !with_downstream)
                        add_teardowns(&s, t);
        }
        return 0;
}
