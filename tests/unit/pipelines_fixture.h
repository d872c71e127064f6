/* What the tests of the pipeline compiler share: files that are in memory, and questions about the
 * DAG JSON that comes out. */
#pragma once

#include "daemons/scheduler/pipelines.h"
#include "lib/base/json.h"
#include "tests/unit/core_fixture.h"

struct pipelines_fixture {
        struct pipelines result;
        struct arena arena; /* of parsed JSON */
};

/* Compiles up to four files; NULL texts are left out. Their paths are /p/0/liminal.yml and so on.
 */
static inline _unused_ void pipelines_fixture_compile(struct pipelines_fixture *f, bool compat_code,
                                                      const char *const texts[4]) {
        static const char *const paths[4] = {"/p/0/liminal.yml", "/p/1/liminal.yml",
                                             "/p/2/liminal.yml", "/p/3/liminal.yml"};
        struct pipelines_options o = {.python = "/venv/bin/python", .compat_code = compat_code};
        struct pipelines_text files[4];
        size_t n = 0;

        for (size_t i = 0; i < 4; i++)
                if (texts[i])
                        files[n++] = (struct pipelines_text){paths[i], texts[i], strlen(texts[i])};
        *f = (struct pipelines_fixture){};
        arena_init(&f->arena, 0);
        assert_int_equal(pipelines_compile(files, n, &o, &f->result), 0);
}

static inline _unused_ void pipelines_fixture_one(struct pipelines_fixture *f, const char *text) {
        pipelines_fixture_compile(f, false, (const char *const[4]){text});
}

static inline _unused_ void pipelines_fixture_done(struct pipelines_fixture *f) {
        pipelines_done(&f->result);
        arena_done(&f->arena);
}

/* Fails with the first message when there is an error. */
static inline _unused_ void pipelines_fixture_good(const struct pipelines_fixture *f) {
        for (size_t i = 0; i < f->result.n_messages; i++)
                if (!f->result.messages[i].is_warning)
                        fail_msg("%s", f->result.messages[i].text);
}

static inline _unused_ bool pipelines_fixture_said(const struct pipelines_fixture *f,
                                                   bool is_warning, const char *part) {
        for (size_t i = 0; i < f->result.n_messages; i++)
                if (f->result.messages[i].is_warning == is_warning &&
                    strstr(f->result.messages[i].text, part))
                        return true;
        return false;
}

static inline _unused_ void pipelines_fixture_expect(const struct pipelines_fixture *f,
                                                     bool is_warning, const char *part) {
        if (pipelines_fixture_said(f, is_warning, part))
                return;
        for (size_t i = 0; i < f->result.n_messages; i++)
                print_message("# %s\n", f->result.messages[i].text);
        fail_msg("nothing says \"%s\"", part);
}

/* The only error of this file. */
static inline _unused_ void pipelines_fixture_error(const char *text, const char *part) {
        struct pipelines_fixture f;

        pipelines_fixture_one(&f, text);
        pipelines_fixture_expect(&f, false, part);
        pipelines_fixture_done(&f);
}

static inline _unused_ const struct json *pipelines_fixture_dag(struct pipelines_fixture *f,
                                                                const char *dag_id) {
        struct json *j = NULL;

        for (size_t i = 0; i < f->result.n_dags; i++)
                if (strcmp(f->result.dags[i].dag_id, dag_id) == 0) {
                        assert_int_equal(json_parse_copy(&f->arena, f->result.dags[i].json,
                                                         strlen(f->result.dags[i].json), &j, NULL),
                                         0);
                        return j;
                }
        pipelines_fixture_good(f);
        fail_msg("there is no DAG %s", dag_id);
        return NULL;
}

static inline _unused_ const struct json *pipelines_fixture_task(struct pipelines_fixture *f,
                                                                 const char *dag_id,
                                                                 const char *id) {
        const struct json *t;

        json_each (t, json_get(pipelines_fixture_dag(f, dag_id), "tasks"))
                if (strcmp(json_get(t, "id")->str, id) == 0)
                        return t;
        fail_msg("there is no task %s", id);
        return NULL;
}

static inline _unused_ const char *pipelines_fixture_text(const struct json *map, const char *key) {
        const char *s = NULL;

        if (json_str(json_get(map, key), &s) != 0)
                fail_msg("there is no text %s", key);
        return s;
}

/* "start fetch<start end<fetch": the ids and edges of a DAG, for comparison. */
static inline _unused_ const char *pipelines_fixture_shape(struct pipelines_fixture *f,
                                                           const char *dag_id) {
        static char out[8192];
        const struct json *t, *up;
        size_t n = 0;

        out[0] = 0;
        json_each (t, json_get(pipelines_fixture_dag(f, dag_id), "tasks")) {
                char before = '<';

                n += (size_t) snprintf(out + n, sizeof(out) - n, "%s%s", n > 0 ? " " : "",
                                       json_get(t, "id")->str);
                json_each (up, json_get(t, "upstream")) {
                        n += (size_t) snprintf(out + n, sizeof(out) - n, "%c%s", before, up->str);
                        before = ',';
                }
        }
        return out;
}
