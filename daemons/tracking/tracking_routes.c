#include "daemons/tracking/tracking_routes.h"

#include "daemons/tracking/artifact_parts_api.h"
#include "daemons/tracking/artifacts_api.h"
#include "daemons/tracking/assessments_api.h"
#include "daemons/tracking/batch_api.h"
#include "daemons/tracking/evaluation_datasets_api.h"
#include "daemons/tracking/evaluation_records_api.h"
#include "daemons/tracking/experiments_api.h"
#include "daemons/tracking/fixed_api.h"
#include "daemons/tracking/gateway_bindings_api.h"
#include "daemons/tracking/gateway_budgets_api.h"
#include "daemons/tracking/gateway_endpoints_api.h"
#include "daemons/tracking/gateway_guardrail_configs_api.h"
#include "daemons/tracking/gateway_guardrails_api.h"
#include "daemons/tracking/gateway_models_api.h"
#include "daemons/tracking/gateway_providers_api.h"
#include "daemons/tracking/gateway_proxy_api.h"
#include "daemons/tracking/gateway_secrets_api.h"
#include "daemons/tracking/gc_api.h"
#include "daemons/tracking/graphql_api.h"
#include "daemons/tracking/inputs_api.h"
#include "daemons/tracking/issues_api.h"
#include "daemons/tracking/label_schemas_api.h"
#include "daemons/tracking/lineage_api.h"
#include "daemons/tracking/logged_models_api.h"
#include "daemons/tracking/metrics_api.h"
#include "daemons/tracking/model_versions_api.h"
#include "daemons/tracking/otlp_api.h"
#include "daemons/tracking/promptlab_api.h"
#include "daemons/tracking/registered_models_api.h"
#include "daemons/tracking/review_items_api.h"
#include "daemons/tracking/review_queues_api.h"
#include "daemons/tracking/roles_api.h"
#include "daemons/tracking/run_artifacts_api.h"
#include "daemons/tracking/runs_api.h"
#include "daemons/tracking/scorers_api.h"
#include "daemons/tracking/scorers_online_api.h"
#include "daemons/tracking/server_info_api.h"
#include "daemons/tracking/signup_api.h"
#include "daemons/tracking/task_runs_api.h"
#include "daemons/tracking/trace_artifact_api.h"
#include "daemons/tracking/trace_metrics_api.h"
#include "daemons/tracking/traces_api.h"
#include "daemons/tracking/traces_search_api.h"
#include "daemons/tracking/traces_v2_api.h"
#include "daemons/tracking/users_api.h"
#include "daemons/tracking/webhook_deliveries_api.h"
#include "daemons/tracking/webhooks_api.h"
#include "lib/auth/auth_role.h"
#include "lib/base/arena.h"
#include "lib/net/http_route.h"

enum served { BOTH, AJAX, BARE };

struct row {
        enum served served;
        struct http_route route;
};

#define MIB ((size_t) 1024 * 1024)
#define TRACKING_ROUTE(served, method_, path_, handler, role, flags_, mib) \
        {served,                                                           \
         {.method = HTTP_##method_,                                        \
          .path = path_,                                                   \
          .handle = handler,                                               \
          .min_role = AUTH_##role,                                         \
          .flags = HTTP_##flags_,                                          \
          .max_body = (mib) *MIB}},
#define TRACKING_UPLOAD(served, method_, path_, handler, role, ops) \
        {served,                                                    \
         {.method = HTTP_##method_,                                 \
          .path = path_,                                            \
          .handle = handler,                                        \
          .min_role = AUTH_##role,                                  \
          .flags = HTTP_WORKER,                                     \
          .max_body = SIZE_MAX,                                     \
          .body = &(ops)}},
#define TRACKING_FIXED(served, method_, path_, role, status_, text_) \
        {served,                                                     \
         {.method = HTTP_##method_,                                  \
          .path = path_,                                             \
          .handle = fixed_api_answer,                                \
          .min_role = AUTH_##role,                                   \
          .max_body = MIB,                                           \
          .data = &(const struct fixed_api){                         \
                  .status = status_, .type = "application/json", .text = text_}}},
#define TRACKING_LEFT_OUT(served, path_, what) \
        {served,                               \
         {.method = HTTP_ANY,                  \
          .path = path_,                       \
          .handle = fixed_api_left_out,        \
          .min_role = AUTH_VIEWER,             \
          .max_body = MIB,                     \
          .data = what}},
#define TRACKING_NO_WORKSPACES(path_)        \
        {BOTH,                               \
         {.method = HTTP_ANY,                \
          .path = path_,                     \
          .handle = fixed_api_no_workspaces, \
          .min_role = AUTH_VIEWER,           \
          .max_body = MIB}},
static const struct row rows[] = {
#include "daemons/tracking/tracking_routes.def"
};
#undef TRACKING_ROUTE
#undef TRACKING_UPLOAD
#undef TRACKING_FIXED
#undef TRACKING_LEFT_OUT
#undef TRACKING_NO_WORKSPACES

static bool add(struct arena *a, const struct http_route *route, const char *prefix,
                const char *below, struct http_route *ret) {
        *ret = *route;
        ret->path = arena_printf(a, "%s%s%s", prefix, below, route->path);
        return ret->path;
}

struct http_route *tracking_routes_new(struct arena *a, const char *prefix, size_t *ret_n) {
        struct http_route *routes = arena_zalloc_array(a, 2 * ARRAY_SIZE(rows), sizeof(*routes));
        size_t n = 0;
        bool ok = routes;

        for (size_t i = 0; ok && i < ARRAY_SIZE(rows); i++) {
                const struct row *row = &rows[i];

                if (row->served == BOTH)
                        ok = add(a, &row->route, prefix, "/api", &routes[n++]);
                if (ok)
                        ok = add(a, &row->route, prefix, row->served == BARE ? "" : "/ajax-api",
                                 &routes[n++]);
        }
        *ret_n = n;
        return ok ? routes : NULL;
}
