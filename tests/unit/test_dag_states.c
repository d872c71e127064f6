/* How runs of random DAGs end: trigger rules, branches, short circuits, mapped tasks, setups and
 * teardowns together, against Airflow's own code (dag_states_table.tsv). */
#include "tests/unit/core_table.h"

#include "daemons/scheduler/core/branch.h"
#include "lib/base/buf.h"
#include "lib/base/json.h"

#define ROUNDS_MAX 60

/* The word of a task ("t1") or instance ("t1.0") in "t0=success t1=failed"; or NULL. */
static char *word_of(const char *words, const char *name) {
        size_t len = strlen(name);

        for (const char *p = words; *p; p += strcspn(p, " "), p += *p == ' ')
                if (strncmp(p, name, len) == 0 && p[len] == '=')
                        return mem_strndup(p + len + 1, strcspn(p + len + 1, " "));
        return NULL;
}

static char *end_of(const char *ends, const struct world_task *t) {
        _cleanup_free_ char *name = t->map_index < 0
                                            ? mem_strdup(t->spec->id)
                                            : str_printf("%s.%d", t->spec->id, t->map_index);
        char *word = word_of(ends, name);

        if (!word)
                fail_msg("no end of %s", name);
        return word;
}

/* What a mapped task is expanded to: as many as are written, or as its upstream has listed. False:
 * that has left nothing. */
static bool count_maps(const char *ends, const struct world_task *t, unsigned *ret) {
        const char *source = t->spec->expand[0].task_id;
        _cleanup_free_ char *word = NULL;
        int64_t n;

        if (expand_count_written(t->spec, ret) == 0)
                return true;
        word = word_of(ends, source);
        if (world_get_task(t->run, source, -1)->state != TASK_SUCCESS || !str_after(word, "list"))
                return false;
        assert_int_equal(str_to_i64(str_after(word, "list"), &n), 0);
        *ret = (unsigned) n;
        return true;
}

static void expand(void *ends, struct world_event *e) {
        if (!count_maps(ends, e->task, &e->n_maps)) {
                e->kind = WORLD_TASK_SETTLED; /* as engine_decide.c has it */
                e->task_state = expand_missing_state(e->task);
        }
}

static void decide(struct world *w, const char *ends, usec_t now) {
        core_fixture_decide_by(w, now, expand, (void *) ends);
}

/* The return value of a task that decides, as JSON. */
static struct json *value_of(struct arena *a, const struct world_task *t, const char *end) {
        _cleanup_buf_ struct buf b = {};
        struct json *v;

        if (t->spec->decides == DAG_DECIDES_SHORT_CIRCUIT) {
                buf_add_str(&b, str_eq(end, "go") ? "true" : "false");
        } else {
                buf_add_char(&b, '[');
                for (const char *p = str_eq(end, "none") ? "" : end; *p;) {
                        size_t len = strcspn(p, ",");

                        buf_printf(&b, "%s\"%.*s\"", b.len > 1 ? "," : "", (int) len, p);
                        p += len + (p[len] == ',');
                }
                buf_add_char(&b, ']');
        }
        assert_int_equal(json_parse_copy(a, b.data, b.len, &v, NULL), 0);
        return v;
}

static void end_try(struct world *w, struct world_task *t, const char *ends, usec_t at) {
        struct world_event e = {.kind = WORLD_TRY_ENDED, .at = at, .task = t, .try_id = t->try_id};
        _cleanup_free_ char *end = end_of(ends, t);
        unsigned *skips = NULL;
        struct errmsg em = {};
        struct arena a;

        arena_init(&a, 0);
        if (str_eq(end, "failed"))
                e.result = WORLD_RESULT_FAILED;
        else if (str_eq(end, "skipped"))
                e.result = WORLD_RESULT_SKIPPED;
        else if (t->spec->decides != DAG_DECIDES_NOTHING &&
                 branch_skips(t->run->spec, t->spec, value_of(&a, t, end), &skips, &e.n_skips,
                              &em) < 0)
                fail_msg("%s: %s", end, em.text);
        e.skips = skips;
        assert_int_equal(core_fixture_apply(w, &e), 0);
        mem_free(skips);
        arena_done(&a);
}

/* All that runs now ends, in the order of the names. */
static unsigned end_all(struct world *w, struct world_run *run, const char *ends, usec_t at) {
        struct world_task *live[256], *t;
        unsigned n = 0;

        world_each_task(t, run) if (task_state_is_live(t->state)) {
                assert_true(n < ARRAY_SIZE(live));
                live[n++] = t;
        }
        for (unsigned i = 0; i < n; i++)
                end_try(w, live[i], ends, at);
        return n;
}

static void print_states(const struct world_run *run, struct buf *b) {
        buf_printf(b, "run=%s", run_state_name(run->state));
        for (size_t i = 0; i < run->spec->n_tasks; i++) {
                const struct world_task *all = &run->tasks[i];

                if (!all->is_expanded)
                        buf_printf(b, " %s=%s", all->spec->id, task_state_name(all->state));
                for (unsigned m = 0; all->is_expanded && m < all->n_maps; m++)
                        buf_printf(b, " %s.%u=%s", all->spec->id, m,
                                   task_state_name(all->maps[m]->state));
        }
}

static bool is_word(const char *words, const char *name, const char *wanted) {
        _cleanup_free_ char *word = word_of(words, name);

        return word && str_eq(word, wanted);
}

/* Airflow makes the instances of written values with the run, we when the task's time has come: one
 * that is settled before stands for all of them. */
static bool is_same_task(const char *words, const struct world_task *all) {
        unsigned n = all->is_expanded ? all->n_maps : 0;
        char name[64];
        bool same = true;

        if (!all->is_expanded && is_word(words, all->spec->id, task_state_name(all->state)))
                return true;
        for (unsigned i = 0; same && (i == 0 || i < n || !all->is_expanded); i++) {
                _cleanup_free_ char *word = NULL;

                snprintf(name, sizeof(name), "%s.%u", all->spec->id, i);
                word = word_of(words, name);
                if (!word && !all->is_expanded && i > 0)
                        return true;
                same = word && str_eq(word, task_state_name(all->is_expanded ? all->maps[i]->state
                                                                             : all->state));
        }
        snprintf(name, sizeof(name), "%s.%u", all->spec->id, n);
        return same && !word_of(words, name);
}

static bool is_same(const char *words, const struct world_run *run) {
        bool same = is_word(words, "run", run_state_name(run->state));

        for (size_t i = 0; same && i < run->spec->n_tasks; i++)
                same = is_same_task(words, &run->tasks[i]);
        return same;
}

static unsigned n_wrong;

static void check(const struct core_table_row *row) {
        _cleanup_buf_ struct buf found = {};
        struct world_run *run;
        struct world w;
        usec_t at = CORE_FIXTURE_NOW;

        assert_int_equal(row->n, 3);
        assert_int_equal(world_init(&w, 256), 0);
        run = core_fixture_run(&w, core_fixture_put(&w, core_fixture_dag(row->columns[0])), "r",
                               at);
        decide(&w, row->columns[1], at);
        for (unsigned i = 0; i < ROUNDS_MAX && end_all(&w, run, row->columns[1], at); i++) {
                at += USEC_PER_SEC;
                decide(&w, row->columns[1], at);
        }
        print_states(run, &found);
        if (!is_same(row->columns[2], run)) {
                n_wrong++;
                print_error("line %u: %s\n  ends   %s\n  Airflow %s\n  ours    %s\n", row->line,
                            row->columns[0], row->columns[1], row->columns[2], buf_cstr(&found));
        }
        world_done(&w);
}

static void test_airflow_table(void **state) {
        assert_int_equal(core_table_read("dag_states_table.tsv", check), 443);
        assert_int_equal(n_wrong, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_airflow_table)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
