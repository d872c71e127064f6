/* evaluation_datasets_api.h: evaluation datasets: making, finding, their tags and experiments.
 * What is in them is evaluation_records_api.h.
 */
#pragma once

struct db;
struct http_request;
struct job;

int evaluation_datasets_api_create(struct http_request *req);
int evaluation_datasets_api_get(struct http_request *req);
int evaluation_datasets_api_delete(struct http_request *req);
int evaluation_datasets_api_search(struct http_request *req);
int evaluation_datasets_api_set_tags(struct http_request *req);
int evaluation_datasets_api_delete_tag(struct http_request *req);
int evaluation_datasets_api_experiments(struct http_request *req);
int evaluation_datasets_api_add_experiments(struct http_request *req);
int evaluation_datasets_api_remove_experiments(struct http_request *req);

/* May the one who asks do this to the dataset? It is its experiments': to all of them, and there
 * must be one. 0, REFUSED or -errno. */
int evaluation_datasets_api_check(struct job *j, struct db *db, const char *id);

/* The first eight digits of what identifies this state of the dataset. `ret` has
 * EVALUATION_DATASETS_SQL_DIGEST bytes. */
void evaluation_datasets_api_digest(const char *name, long long updated_at_ms, char *ret);
