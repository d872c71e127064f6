/* gc_api.h: taking away for good what was deleted, with its artifacts, as `mlflow gc` does. */
#pragma once

struct http_request;

/* {"older_than_ms", "run_ids", "experiment_ids", "logged_model_ids", "dry_run"}: a batch of them;
 * {"runs": […], "logged_models": […], "experiments": […], "more"}: ask again while there is more.
 */
int gc_api(struct http_request *req);
