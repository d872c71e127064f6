/* onebox version: of the command, and of the daemons that answer. */
#include <stdio.h>

#include "cli/cli_call.h"
#include "cli/show.h"
#include "lib/base/json_write.h"

#include "config.h"

struct version_words {
        struct cli_words words;
};

static const struct options_row rows[] = {CLI_ROWS(struct version_words)};
static const struct options_spec spec = {
        .program = "onebox version",
        .summary = "Show versions",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
};

/* NULL when it does not answer. */
static const char *scheduler_version(struct cli *c) {
        const struct json *j;

        return cli_call_get(c, "scheduler", "/api/v2/version", &j) < 0 ? NULL
                                                                       : show_text(j, "version");
}

static const char *tracking_version(struct cli *c) {
        const char *body;
        size_t size;
        int status;
        int r = cli_call_raw(c, &(struct cli_call){.daemon = "tracking", .target = "/version"},
                             &status, &body, &size);

        return r < 0 || status != 200 || size > 64 ? NULL : body;
}

int version_cmd(struct cli *c, int argc, char **argv) {
        static struct version_words w;
        const char *airflow, *mlflow;
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        airflow = scheduler_version(c);
        mlflow = tracking_version(c);
        if (c->json) {
                _cleanup_buf_ struct buf b = {};
                struct json_write j;

                json_write_init(&j, &b, JSON_WRITE_PRETTY);
                json_write_object(&j);
                json_write_kv_str(&j, "onebox", PACKAGE_VERSION);
                json_write_kv_str(&j, "airflow_api", airflow);
                json_write_kv_str(&j, "mlflow_api", mlflow);
                json_write_end(&j);
                if (json_write_finish(&j) < 0)
                        return cli_oom(c);
                puts(buf_cstr(&b));
                return 0;
        }
        printf("onebox %s\n", PACKAGE_VERSION);
        if (airflow)
                printf("scheduler: speaks the Airflow API of %s\n", airflow);
        if (mlflow)
                printf("tracking: speaks the MLflow API of %s\n", mlflow);
        return 0;
}
