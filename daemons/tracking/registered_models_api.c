#include "daemons/tracking/registered_models_api.h"

#include <errno.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/field_check.h"
#include "daemons/tracking/model_stage.h"
#include "daemons/tracking/registry_json.h"
#include "daemons/tracking/registry_search.h"
#include "daemons/tracking/search_page.h"
#include "daemons/tracking/webhook_event.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

enum { SEARCH_RESULTS_DEFAULT = 100, SEARCH_RESULTS_MAX = 1000 };

struct in {
        const char *name, *new_name, *description, *key, *value, *alias, *version;
        struct ask_pair *tags;
        size_t n_tags;
        const char **stages;
        size_t n_stages;
};

static int write_answer(struct job *j, struct db *db, const char *name) {
        struct registered_model m;
        int r = registered_models_sql_need(db, &j->refusal, name, &m);

        if (r != 0)
                return r;
        json_write_kv_object(&j->json, "registered_model");
        r = registry_json_write_model(j, db, &m, false);
        json_write_end(&j->json);
        return r;
}

static bool has_prompt_tag(const struct in *in) {
        for (size_t i = 0; i < in->n_tags; i++)
                if (str_eq(in->tags[i].key, REGISTERED_MODELS_SQL_PROMPT))
                        return true;
        return false;
}

static int refuse_taken(struct job *j, struct db *db, const struct in *in) {
        bool new_prompt = has_prompt_tag(in);
        int r = registered_models_sql_tag_has(db, in->name, REGISTERED_MODELS_SQL_PROMPT);

        if (r < 0)
                return r;
        if ((r == DB_ROW) == new_prompt)
                return refusal_set(&j->refusal, REFUSAL_RESOURCE_ALREADY_EXISTS,
                                   "%s (name=%s) already exists.",
                                   new_prompt ? "Prompt" : "Registered Model", in->name);
        return refusal_set(&j->refusal, REFUSAL_RESOURCE_ALREADY_EXISTS,
                           "Tried to create a %s with name %s, but the name is already taken by a "
                           "%s. MLflow does not allow creating a model and a prompt with the same "
                           "name.",
                           new_prompt ? "prompt" : "registered model",
                           field_check_repr(j->arena, in->name),
                           new_prompt ? "registered model" : "prompt");
}

static int run_create(struct job *j, struct db *db) {
        const struct in *in = j->in;
        int64_t now = tracking_now_ms(j->tracking);
        const struct registered_model m = {.name = in->name,
                                           .description = in->description ? in->description : "",
                                           .created_at_ms = now,
                                           .updated_at_ms = now};
        int r = registered_models_sql_insert(db, &m);

        if (r == DB_CONFLICT)
                return refuse_taken(j, db, in);
        for (size_t i = 0; r == 0 && i < in->n_tags; i++)
                r = registered_models_sql_tag_set(db, in->name, in->tags[i].key, in->tags[i].value);
        j->refusal.access = NULL; /* it is the asker's own */
        j->made_type = registered_models_sql_access_type(db, in->name);
        j->made_id = in->name;
        if (r == 0)
                r = webhook_event_emit(
                        j, db, in->name,
                        &(struct webhook_event){.entity = "registered_model",
                                                .action = "created",
                                                .fields = {{"name", in->name},
                                                           {"tags", NULL},
                                                           {"description", in->description}},
                                                .tags = in->tags,
                                                .n_tags = in->n_tags});
        return r != 0 ? r : write_answer(j, db, in->name);
}

int registered_models_api_create(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.name = ask_str(&q, "name", ASK_NEED);
        in.tags = ask_pairs(&q, "tags", &in.n_tags);
        in.description = ask_str(&q, "description", 0);
        if (q.result == 0)
                ask_check(&q, field_check_model_name(&q.refusal, in.name));
        for (size_t i = 0; q.result == 0 && i < in.n_tags; i++)
                ask_check(&q,
                          field_check_registry_tag(&q.refusal, in.tags[i].key, in.tags[i].value));
        return job_write(&q, run_create, &in);
}

static int run_get(struct job *j, struct db *db) {
        const struct in *in = j->in;

        return write_answer(j, db, in->name);
}

int registered_models_api_get(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.name = ask_str(&q, "name", ASK_NEED);
        return job_read(&q, run_get, &in);
}

static int run_update(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct registered_model m;
        int r = registered_models_sql_need(db, &j->refusal, in->name, &m);

        if (r == 0)
                r = registered_models_sql_set_description(db, in->name,
                                                          in->description ? in->description : "",
                                                          tracking_now_ms(j->tracking));
        return r != 0 ? r : write_answer(j, db, in->name);
}

int registered_models_api_update(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.name = ask_str(&q, "name", ASK_NEED);
        in.description = ask_str(&q, "description", 0);
        return job_write(&q, run_update, &in);
}

static int run_rename(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct registered_model m;
        int r = registered_models_sql_need(db, &j->refusal, in->name, &m);

        j->made_type = j->gone_type = registered_models_sql_access_type(db, in->name);
        if (r == 0)
                r = registered_models_sql_rename(db, in->name, in->new_name,
                                                 tracking_now_ms(j->tracking));
        if (r == DB_CONFLICT)
                return refusal_set(&j->refusal, REFUSAL_RESOURCE_ALREADY_EXISTS,
                                   "Registered Model (name=%s) already exists.", in->new_name);
        if (r != 0)
                return r;
        j->refusal.access = NULL; /* what one may do with it follows */
        j->made_id = in->new_name;
        j->gone_id = in->name;
        return write_answer(j, db, in->new_name);
}

int registered_models_api_rename(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.name = ask_str(&q, "name", ASK_NEED);
        in.new_name = ask_str(&q, "new_name", ASK_NEED);
        if (q.result == 0)
                ask_check(&q, field_check_model_name(&q.refusal, in.new_name));
        return job_write(&q, run_rename, &in);
}

static int run_delete(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct registered_model m;
        int r = registered_models_sql_need(db, &j->refusal, in->name, &m);

        j->gone_type = registered_models_sql_access_type(db, in->name);
        j->gone_id = in->name;
        return r != 0 ? r : registered_models_sql_delete(db, in->name);
}

int registered_models_api_delete(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.name = ask_str(&q, "name", ASK_NEED);
        return job_write(&q, run_delete, &in);
}

static int write_found(struct job *j, struct db *db, struct db_stmt *s) {
        struct registered_model m;
        int r = registered_models_sql_read(s, j->arena, &m);

        return r < 0 ? r : registry_json_write_model(j, db, &m, true);
}

static int run_search(struct job *j, struct db *db) {
        const struct registry_search *in = j->in;
        struct search_sql sql _cleanup_(search_sql_done) = {}, all _cleanup_(search_sql_done) = {};
        struct registry_search counted = *in;
        int r;

        counted.count = true;
        search_sql_init(&sql, j->arena);
        search_sql_init(&all, j->arena);
        r = registry_search_models(in, &j->refusal, &sql);
        if (r == 0 && in->with_total)
                r = registry_search_models(&counted, &j->refusal, &all);
        if (r == 0 && in->with_total)
                r = search_page_total(j, db, &all);
        if (r != 0)
                return r;
        return search_page_write(j, db, &sql,
                                 &(struct search_page){.key = "registered_models",
                                                       .limit = in->limit,
                                                       .offset = in->offset,
                                                       .write = write_found});
}

int registered_models_api_search(struct http_request *req) {
        struct registry_search in = {};
        int64_t max_results = SEARCH_RESULTS_DEFAULT;
        const char *token;
        struct ask q;

        ask_open(&q, req);
        in.filter = ask_str(&q, "filter", 0);
        ask_i64(&q, "max_results", 0, &max_results);
        if (q.result == 0 && (max_results > SEARCH_RESULTS_MAX || max_results < 0))
                ask_refuse_value(&q, "max_results");
        in.order_by = ask_list(&q, "order_by", 0, &in.n_order_by);
        ask_bool(&q, "with_total", &in.with_total);
        token = ask_str(&q, "page_token", 0);
        ask_offset(&q, token, &in.offset);
        in.limit = search_page_more(max_results);
        return job_read(&q, run_search, &in);
}

/* Which stages are asked for; all when none is named. */
static int read_stages(struct job *j, bool wanted[MODEL_STAGE_N]) {
        const struct in *in = j->in;
        enum model_stage stage;
        int r;

        for (size_t i = 0; i < MODEL_STAGE_N; i++)
                wanted[i] = in->n_stages == 0;
        for (size_t i = 0; i < in->n_stages; i++) {
                r = model_stage_parse(&j->refusal, in->stages[i], &stage);
                if (r != 0)
                        return r;
                wanted[stage] = true;
        }
        return 0;
}

static bool is_wanted(const bool wanted[MODEL_STAGE_N], const char *stage) {
        for (size_t i = 0; i < MODEL_STAGE_N; i++)
                if (wanted[i] && str_eq(model_stage_print((enum model_stage) i), stage))
                        return true;
        return false;
}

static int run_latest_versions(struct job *j, struct db *db) {
        const struct in *in = j->in;
        int64_t versions[MODEL_VERSIONS_SQL_STAGES];
        bool wanted[MODEL_STAGE_N];
        struct registered_model m;
        struct model_version v;
        size_t n = 0;
        int r = registered_models_sql_need(db, &j->refusal, in->name, &m);

        if (r == 0)
                r = read_stages(j, wanted);
        if (r == 0)
                r = model_versions_sql_latest(db, in->name, false, versions, &n);
        json_write_kv_items(&j->json, "model_versions");
        for (size_t i = 0; r == 0 && i < n; i++) {
                r = model_versions_sql_get(db, j->arena, in->name, versions[i], &v);
                if (r != DB_ROW)
                        return r;
                r = 0;
                if (!is_wanted(wanted, v.stage))
                        continue;
                json_write_object(&j->json);
                r = registry_json_write_version(j, db, &v, true);
                json_write_end(&j->json);
        }
        json_write_end(&j->json);
        return r;
}

int registered_models_api_latest_versions(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.name = ask_str(&q, "name", ASK_NEED);
        in.stages = ask_list(&q, "stages", 0, &in.n_stages);
        return job_read(&q, run_latest_versions, &in);
}

static int run_set_tag(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct registered_model m;
        int r = registered_models_sql_need(db, &j->refusal, in->name, &m);

        if (r == 0)
                r = registered_models_sql_tag_set(db, in->name, in->key, in->value);
        return r != 0 ? r
                      : webhook_event_emit(
                                j, db, in->name,
                                &(struct webhook_event){.entity = "prompt_tag",
                                                        .action = "set",
                                                        .fields = {{"name", in->name},
                                                                   {"key", in->key},
                                                                   {"value", in->value}}});
}

int registered_models_api_set_tag(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.name = ask_str(&q, "name", ASK_NEED);
        in.key = ask_str(&q, "key", ASK_NEED);
        in.value = ask_text(&q, "value");
        if (q.result == 0)
                ask_check(&q, field_check_model_name(&q.refusal, in.name));
        if (q.result == 0)
                ask_check(&q, field_check_registry_tag(&q.refusal, in.key, in.value));
        return job_write(&q, run_set_tag, &in);
}

static int run_delete_tag(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct registered_model m;
        int r = registered_models_sql_need(db, &j->refusal, in->name, &m);

        if (r == 0)
                r = registered_models_sql_tag_delete(db, in->name, in->key);
        return r != 0 ? r
                      : webhook_event_emit(j, db, in->name,
                                           &(struct webhook_event){.entity = "prompt_tag",
                                                                   .action = "deleted",
                                                                   .fields = {{"name", in->name},
                                                                              {"key", in->key}}});
}

int registered_models_api_delete_tag(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.name = ask_str(&q, "name", ASK_NEED);
        in.key = ask_str(&q, "key", ASK_NEED);
        if (q.result == 0)
                ask_check(&q, field_check_name(&q.refusal, "key", in.key));
        return job_write(&q, run_delete_tag, &in);
}

static int run_set_alias(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct model_version v;
        int r = model_versions_sql_need(db, &j->refusal, in->name, in->version, &v);

        if (r == 0)
                r = registered_models_sql_alias_set(db, in->name, in->alias, v.version);
        return r != 0 ? r
                      : webhook_event_emit(
                                j, db, in->name,
                                &(struct webhook_event){.entity = "model_version_alias",
                                                        .action = "created",
                                                        .fields = {{"name", in->name},
                                                                   {"alias", in->alias},
                                                                   {"version", in->version}}});
}

int registered_models_api_set_alias(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.name = ask_str(&q, "name", ASK_NEED);
        in.alias = ask_str(&q, "alias", ASK_NEED);
        in.version = ask_str(&q, "version", ASK_NEED);
        if (q.result == 0)
                ask_check(&q, field_check_model_name(&q.refusal, in.name));
        if (q.result == 0)
                ask_check(&q, field_check_alias(&q.refusal, in.alias));
        if (q.result == 0)
                ask_check(&q, field_check_alias_reserved(&q.refusal, in.alias));
        return job_write(&q, run_set_alias, &in);
}

/* "latest" is the highest of the latest versions. */
static int alias_latest(struct job *j, struct db *db, int64_t *ret) {
        const struct in *in = j->in;
        int64_t versions[MODEL_VERSIONS_SQL_STAGES];
        size_t n;
        int r = model_versions_sql_latest(db, in->name, false, versions, &n);

        if (r < 0)
                return r;
        if (n == 0)
                return refusal_set(&j->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                                   "Latest version not found for model %s.", in->name);
        *ret = versions[0];
        for (size_t i = 1; i < n; i++)
                *ret = MAX(*ret, versions[i]);
        return 0;
}

static int run_get_alias(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct registered_model m;
        struct model_version v;
        int64_t version = 0;
        int r = registered_models_sql_need(db, &j->refusal, in->name, &m);

        if (r == 0 && str_eq_fold(in->alias, "latest")) {
                r = alias_latest(j, db, &version);
        } else if (r == 0) {
                r = registered_models_sql_alias_get(db, in->name, in->alias, &version);
                if (r == DB_DONE)
                        return refusal_invalid(&j->refusal, "Registered model alias %s not found.",
                                               in->alias);
                r = r < 0 ? r : 0;
        }
        if (r != 0)
                return r;
        r = model_versions_sql_get(db, j->arena, in->name, version, &v);
        if (r == DB_DONE)
                return refusal_set(&j->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                                   "Model Version (name=%s, version=%lld) not found", in->name,
                                   (long long) version);
        if (r < 0)
                return r;
        json_write_kv_object(&j->json, "model_version");
        r = registry_json_write_version(j, db, &v, true);
        json_write_end(&j->json);
        return r;
}

int registered_models_api_get_alias(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.name = ask_str(&q, "name", ASK_NEED);
        in.alias = ask_str(&q, "alias", ASK_NEED);
        if (q.result == 0)
                ask_check(&q, field_check_model_name(&q.refusal, in.name));
        if (q.result == 0)
                ask_check(&q, field_check_alias(&q.refusal, in.alias));
        return job_read(&q, run_get_alias, &in);
}

static int run_delete_alias(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct registered_model m;
        int r = registered_models_sql_need(db, &j->refusal, in->name, &m);

        if (r == 0)
                r = registered_models_sql_alias_delete(db, in->name, in->alias);
        return r != 0 ? r
                      : webhook_event_emit(
                                j, db, in->name,
                                &(struct webhook_event){
                                        .entity = "model_version_alias",
                                        .action = "deleted",
                                        .fields = {{"name", in->name}, {"alias", in->alias}}});
}

int registered_models_api_delete_alias(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.name = ask_str(&q, "name", ASK_NEED);
        in.alias = ask_str(&q, "alias", ASK_NEED);
        if (q.result == 0)
                ask_check(&q, field_check_model_name(&q.refusal, in.name));
        if (q.result == 0)
                ask_check(&q, field_check_alias(&q.refusal, in.alias));
        return job_write(&q, run_delete_alias, &in);
}
