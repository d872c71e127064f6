/* absent_api.c: what Airflow has and this machine has none of. Its clients ask for the lists all
 * the same: they are empty. */
#include "daemons/scheduler/scheduler_api.h"

#define EMPTY(handler, key) NONE(handler, key, "[]")
#define NONE(handler, key, none)                                                         \
        int handler(struct http_request *req) {                                          \
                static const char text[] = "{\"" key "\":" none ",\"total_entries\":0}"; \
                                                                                         \
                return http_request_reply_static(req, 200, "application/json", text,     \
                                                 sizeof(text) - 1);                      \
        }

EMPTY(absent_api_assets, "assets")
EMPTY(absent_api_aliases, "asset_aliases")
EMPTY(absent_api_asset_events, "asset_events")
EMPTY(absent_api_run_asset_events, "asset_events")
EMPTY(absent_api_hitl_details, "hitl_details")
NONE(absent_api_extra_links, "extra_links", "{}")
EMPTY(absent_api_dag_warnings, "dag_warnings")
EMPTY(absent_api_jobs, "jobs")
EMPTY(absent_api_plugins, "plugins")
EMPTY(absent_api_plugin_errors, "import_errors")
EMPTY(absent_api_providers, "providers")

/* Airflow's own answer where the configuration is not shown. */
int absent_api_config(struct http_request *req) {
        return http_request_reply_error(
                req, 403,
                "the configuration is not shown here: `onebox config show` does on the machine");
}
