/* task_runs_api.h: what the scheduler says of tries of tasks. */
#pragma once

struct http_request;

/* POST /internal/tries/{try_id}/began: {"experiment": NAME, "name", "user", "start_time", "tags",
 * "params": [{"key", "value"}], "datasets": [{"name", "context"}]}: makes the try's own run, in an
 * experiment that is made as well when there is none of that name. Told again, nothing happens. */
int task_runs_api_began(struct http_request *req);

/* POST /internal/tries/{try_id}/ended: {"status", "state", "start_time", "end_time", "metrics",
 * "params": [{"key", "value"}]}: closes the runs that the try left open. Its own run takes the
 * status in any case, the times, metrics and params; it goes when the task is only to be asked
 * again. */
int task_runs_api_ended(struct http_request *req);

/* POST /internal/tries/ended: {"tries": [{"try_id", and what is told of one}]}: many of them in one
 * transaction; when one is refused, none of them is taken. */
int task_runs_api_ended_all(struct http_request *req);
