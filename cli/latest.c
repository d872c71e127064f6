/* latest: see latest.h. */
#include "cli/latest.h"

#include <errno.h>

#include "cli/cli_call.h"
#include "lib/base/str.h"

int latest_run(struct cli *c, const char *dag, const char *name, const char **ret_run) {
        const char *path;
        const struct json *answer;
        int r;

        if (name && !str_eq(name, "latest")) {
                *ret_run = name;
                return 0;
        }
        path = cli_call_path(c, "api", "v2", "dags", dag, "dagRuns", NULL);
        path = cli_call_query(c, path, "limit", "1");
        path = cli_call_query(c, path, "order_by", "-run_after");
        if (!path)
                return cli_oom(c);
        r = cli_call_get(c, "scheduler", path, &answer);
        if (r < 0)
                return r;
        if (json_str(json_get(json_at(json_get(answer, "dag_runs"), 0), "dag_run_id"), ret_run) ==
            0)
                return 0;
        path = cli_call_path(c, "api", "v2", "dags", dag, NULL);
        r = path ? cli_call_get(c, "scheduler", path, &answer) : cli_oom(c);
        return r == -ENOENT
                       ? errmsg_fail(&c->em, r, "there is no pipeline %s: onebox pipelines", dag)
               : r < 0 ? r
                       : errmsg_fail(&c->em, -ENOENT,
                                     "the pipeline %s has no runs yet: onebox trigger %s", dag,
                                     dag);
}

int latest_need(struct cli *c, const char *dag, const char *run) {
        const char *path = cli_call_path(c, "api", "v2", "dags", dag, "dagRuns", run, NULL);
        const struct json *answer;
        int r = path ? cli_call_get(c, "scheduler", path, &answer) : cli_oom(c);

        if (r != -ENOENT)
                return r;
        return errmsg_fail(
                &c->em, r,
                "the pipeline %s has no run %s; a task is named after its run: %s latest %s", dag,
                run, dag, run);
}
