/* fuzz_pipelines: any file compiles to DAGs that parse, or says where it is wrong. NUL bytes part
 * the input into several files. */
#include <stdlib.h>
#include <string.h>

#include "daemons/scheduler/core/dag.h"
#include "daemons/scheduler/pipelines.h"
#include "lib/base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILES_MAX 4

static void check_dag(const char *json) {
        _cleanup_(dag_unrefp) struct dag *d = NULL;
        struct errmsg em = {};

        if (dag_parse(json, strlen(json), &d, &em) < 0)
                abort();
}

static void check_json(const char *json) {
        _cleanup_(arena_done) struct arena a;
        struct json *j;

        arena_init(&a, 0);
        if (json_parse_copy(&a, json, strlen(json), &j, NULL) < 0)
                abort();
}

static void compile(const struct pipelines_text *files, size_t n, bool compat_code) {
        struct pipelines_options o = {.python = "/venv/bin/python", .compat_code = compat_code};
        struct pipelines p;

        if (pipelines_compile(files, n, &o, &p) < 0)
                abort();
        for (size_t i = 0; i < p.n_dags; i++)
                check_dag(p.dags[i].json);
        for (size_t i = 0; i < p.n_services; i++)
                check_json(p.services[i].json);
        for (size_t i = 0; i < p.n_messages; i++)
                if (strncmp(p.messages[i].text, "/p/", 3) != 0 || !strchr(p.messages[i].text, ':'))
                        abort();
        pipelines_done(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char *const paths[FILES_MAX] = {"/p/a/liminal.yml", "/p/b/liminal.yml",
                                                     "/p/c/liminal.yml", "/p/d/liminal.yml"};
        struct pipelines_text files[FILES_MAX];
        const char *p = (const char *) data;
        size_t n = 0;

        while (n < FILES_MAX) {
                const char *nul = memchr(p, 0, size);
                size_t len = nul && n + 1 < FILES_MAX ? (size_t) (nul - p) : size;

                files[n] = (struct pipelines_text){paths[n], p, len};
                n++;
                if (len == size)
                        break;
                p += len + 1;
                size -= len + 1;
        }
        compile(files, n, false);
        compile(files, n, true);
        return 0;
}
