#include "daemons/tracking/model_versions_api.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "daemons/tracking/field_check.h"
#include "daemons/tracking/logged_models_sql.h"
#include "daemons/tracking/model_source.h"
#include "daemons/tracking/model_stage.h"
#include "daemons/tracking/registry_json.h"
#include "daemons/tracking/registry_search.h"
#include "daemons/tracking/run_tags.h"
#include "daemons/tracking/search_page.h"
#include "daemons/tracking/source_host.h"
#include "daemons/tracking/webhook_event.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

enum { SEARCH_RESULTS_MAX = 200000 };

#define VERSIONS_TAG "mlflow.modelVersions"

struct in {
        const char *name, *version, *description, *run_link, *key, *value;
        struct model_source source;
        enum model_stage stage;
        bool archive, is_prompt;
        struct ask_pair *tags;
        size_t n_tags;
};

static int write_answer(struct job *j, struct db *db, const char *name, int64_t version) {
        struct model_version m;
        int r = model_versions_sql_get(db, j->arena, name, version, &m);

        if (r != DB_ROW)
                return r < 0 ? r : -EUCLEAN;
        json_write_kv_object(&j->json, "model_version");
        r = registry_json_write_version(j, db, &m, true);
        json_write_end(&j->json);
        return r;
}

/* The logged model says in a tag of which versions it is: [{"name": …, "version": 3}, …]. */
static int note_on_logged_model(struct job *j, struct db *db, const struct model_version *m) {
        const struct in *in = j->in;
        _cleanup_buf_ struct buf list = {};
        struct logged_model model;
        struct refusal anyone = j->refusal; /* it may be read, and that is enough */
        const char *old = NULL, *new;
        struct json_write w;
        int r;

        anyone.access = NULL;
        r = logged_models_sql_need(db, &anyone, in->source.model_id, false, &model);
        if (r != 0) {
                j->refusal.code = anyone.code;
                j->refusal.text = anyone.text;
                return r;
        }
        r = logged_models_sql_tag_get(db, model.id, VERSIONS_TAG, j->arena, &old);
        if (r < 0)
                return r;
        json_write_init(&w, &list, JSON_WRITE_SPACED | JSON_WRITE_ASCII);
        json_write_object(&w);
        json_write_kv_str(&w, "name", m->name);
        json_write_kv_i64(&w, "version", m->version);
        json_write_end(&w);
        r = json_write_finish(&w);
        if (r < 0)
                return r;
        if (!str_empty(old) && str_ends(old, "]") && !str_eq(old, "[]"))
                new = arena_printf(j->arena, "%.*s, %s]", (int) strlen(old) - 1, old,
                                   buf_cstr(&list));
        else
                new = arena_printf(j->arena, "[%s]", buf_cstr(&list));
        return new ? logged_models_sql_tag_set(db, &model, VERSIONS_TAG, new) : -ENOMEM;
}

static int tell_created(struct job *j, struct db *db, const struct model_version *m) {
        const struct in *in = j->in;
        const char *version = arena_printf(j->arena, "%" PRId64, m->version);

        if (!version)
                return -ENOMEM;
        return webhook_event_emit(
                j, db, m->name,
                &(struct webhook_event){
                        .entity = "model_version",
                        .action = "created",
                        .fields = {{"name", m->name},
                                   {"version", version},
                                   {"source", m->source},
                                   {"run_id", str_empty(m->run_id) ? NULL : m->run_id},
                                   {"tags", NULL},
                                   {"description", in->description}},
                        .tags = in->tags,
                        .n_tags = in->n_tags});
}

/* A version that came of a task's run says of which pipeline it is: by that models and pipelines
 * find each other. What the client says counts more. */
static int tag_version(struct job *j, struct db *db, const struct model_version *m) {
        const struct in *in = j->in;
        struct ask_pair tags[RUN_TAGS_ORIGIN];
        size_t n;
        int r = run_tags_origin(db, &j->refusal, m->run_id, tags, &n);

        for (size_t i = 0; r == 0 && i < n; i++)
                r = model_versions_sql_tag_set(db, m->name, m->version, tags[i].key, tags[i].value);
        for (size_t i = 0; r == 0 && i < in->n_tags; i++)
                r = model_versions_sql_tag_set(db, m->name, m->version, in->tags[i].key,
                                               in->tags[i].value);
        return r;
}

static int run_create(struct job *j, struct db *db) {
        struct in *in = j->in;
        struct model_source source = in->source; /* run() may be called again */
        int64_t now = tracking_now_ms(j->tracking);
        struct registered_model model;
        struct model_version m;
        int r = 0;

        if (in->is_prompt)
                source.storage_location = source.source;
        else
                r = model_source_resolve(db, &j->refusal, &source);
        if (r == 0)
                r = registered_models_sql_need(db, &j->refusal, in->name, &model);
        if (r == 0)
                r = registered_models_sql_touch(db, in->name, now);
        if (r != 0)
                return r;
        m = (struct model_version){
                .name = in->name,
                .created_at_ms = now,
                .updated_at_ms = now,
                .description = in->description ? in->description : "",
                .source = source.source,
                .run_id = source.run_id ? source.run_id : "",
                .run_link = in->run_link ? in->run_link : "",
                .storage_location = source.storage_location,
        };
        r = model_versions_sql_insert(db, &m);
        if (r == 0)
                r = tag_version(j, db, &m);
        if (r == 0 && !in->is_prompt && !str_empty(in->source.model_id))
                r = note_on_logged_model(j, db, &m);
        if (r == 0)
                r = tell_created(j, db, &m);
        return r != 0 ? r : write_answer(j, db, in->name, m.version);
}

/* Of several tags of one key the last one counts. */
static bool is_prompt(const struct in *in) {
        bool prompt = false;

        for (size_t i = 0; i < in->n_tags; i++)
                if (str_eq(in->tags[i].key, REGISTERED_MODELS_SQL_PROMPT))
                        prompt = str_eq_fold(in->tags[i].value, "true");
        return prompt;
}

int model_versions_api_create(struct http_request *req) {
        const struct tracking *t = req->ctx;
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.name = ask_str(&q, "name", ASK_NEED);
        in.source.source = ask_str(&q, "source", ASK_NEED);
        in.source.run_id = ask_str(&q, "run_id", 0);
        in.tags = ask_pairs(&q, "tags", &in.n_tags);
        in.run_link = ask_str(&q, "run_link", 0);
        in.description = ask_str(&q, "description", 0);
        in.source.model_id = ask_str(&q, "model_id", 0);
        in.source.has_run_id = in.source.run_id;
        in.source.has_model_id = in.source.model_id;
        in.is_prompt = is_prompt(&in);
        if (q.result == 0)
                ask_check(&q, model_source_check_pattern(&q.refusal, in.source.source));
        if (q.result == 0 && in.is_prompt)
                ask_check(&q, model_source_check_prompt(&q.refusal, in.source.source));
        if (q.result == 0)
                ask_check(&q, source_host_check(&q.refusal, "source", in.source.source,
                                                t->artifact_root));
        if (q.result == 0)
                ask_check(&q, field_check_model_name(&q.refusal, in.name));
        for (size_t i = 0; q.result == 0 && i < in.n_tags; i++)
                ask_check(&q,
                          field_check_version_tag(&q.refusal, in.tags[i].key, in.tags[i].value));
        return job_write(&q, run_create, &in);
}

static int run_get(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct model_version m;
        int r = model_versions_sql_need(db, &j->refusal, in->name, in->version, &m);

        return r != 0 ? r : write_answer(j, db, m.name, m.version);
}

static void ask_version(struct ask *q, struct in *in) {
        in->name = ask_str(q, "name", ASK_NEED);
        in->version = ask_str(q, "version", ASK_NEED);
}

int model_versions_api_get(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        ask_version(&q, &in);
        return job_read(&q, run_get, &in);
}

static int run_update(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct model_version m;
        int r = model_versions_sql_need(db, &j->refusal, in->name, in->version, &m);

        if (r == 0)
                r = model_versions_sql_set_description(db, m.name, m.version, in->description,
                                                       tracking_now_ms(j->tracking));
        return r != 0 ? r : write_answer(j, db, m.name, m.version);
}

int model_versions_api_update(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        ask_version(&q, &in);
        in.description = ask_str(&q, "description", 0);
        return job_write(&q, run_update, &in);
}

static int run_delete(struct job *j, struct db *db) {
        const struct in *in = j->in;
        int64_t now = tracking_now_ms(j->tracking);
        struct model_version m;
        int r = model_versions_sql_need(db, &j->refusal, in->name, in->version, &m);

        if (r == 0)
                r = registered_models_sql_touch(db, m.name, now);
        if (r == 0)
                r = registered_models_sql_aliases_delete_of(db, m.name, m.version);
        return r != 0 ? r : model_versions_sql_delete(db, m.name, m.version, now);
}

int model_versions_api_delete(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        ask_version(&q, &in);
        return job_write(&q, run_delete, &in);
}

static int run_transition(struct job *j, struct db *db) {
        const struct in *in = j->in;
        const char *stage = model_stage_print(in->stage);
        int64_t now = tracking_now_ms(j->tracking);
        struct model_version m;
        int r = model_versions_sql_need(db, &j->refusal, in->name, in->version, &m);

        /* First: another server's, of another version, waits for this row, and then sees ours. */
        if (r == 0)
                r = registered_models_sql_touch(db, m.name, now);
        if (r == 0 && in->archive)
                r = model_versions_sql_archive_others(db, m.name, m.version, stage, now);
        if (r == 0)
                r = model_versions_sql_set_stage(db, m.name, m.version, stage, now);
        return r != 0 ? r : write_answer(j, db, m.name, m.version);
}

int model_versions_api_transition_stage(struct http_request *req) {
        const char *stage;
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        ask_version(&q, &in);
        stage = ask_str(&q, "stage", ASK_NEED);
        ask_bool(&q, "archive_existing_versions", &in.archive);
        if (q.result == 0)
                ask_check(&q, model_stage_parse(&q.refusal, stage, &in.stage));
        if (q.result == 0 && in.archive && in.stage != MODEL_STAGE_STAGING &&
            in.stage != MODEL_STAGE_PRODUCTION)
                ask_check(&q,
                          refusal_invalid(&q.refusal,
                                          "Model version transition cannot archive existing model "
                                          "versions because '%s' is not an Active stage. Valid "
                                          "stages are ['Staging', 'Production']",
                                          stage));
        return job_write(&q, run_transition, &in);
}

static int run_download_uri(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct model_version m;
        int r = model_versions_sql_need(db, &j->refusal, in->name, in->version, &m);

        if (r != 0)
                return r;
        json_write_kv_str(&j->json, "artifact_uri",
                          str_empty(m.storage_location) ? (m.source ? m.source : "")
                                                        : m.storage_location);
        return 0;
}

int model_versions_api_download_uri(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.name = ask_str(&q, "name", 0);
        in.version = ask_text(&q, "version");
        return job_read(&q, run_download_uri, &in);
}

static int write_found(struct job *j, struct db *db, struct db_stmt *s) {
        struct model_version m;
        int r = model_versions_sql_read(s, j->arena, &m);

        return r < 0 ? r : registry_json_write_version(j, db, &m, false);
}

static int run_search(struct job *j, struct db *db) {
        const struct registry_search *in = j->in;
        struct search_sql sql _cleanup_(search_sql_done) = {};
        int r;

        search_sql_init(&sql, j->arena);
        r = registry_search_versions(in, &j->refusal, &sql);
        if (r != 0)
                return r;
        return search_page_write(j, db, &sql,
                                 &(struct search_page){.key = "model_versions",
                                                       .limit = in->limit,
                                                       .offset = in->offset,
                                                       .write = write_found});
}

int model_versions_api_ask_search(struct ask *q) {
        struct registry_search in = {};
        int64_t max_results = SEARCH_RESULTS_MAX;
        const char *token;

        in.filter = ask_str(q, "filter", 0);
        ask_i64(q, "max_results", 0, &max_results);
        if (q->result == 0 && max_results > SEARCH_RESULTS_MAX)
                ask_refuse_value(q, "max_results");
        in.order_by = ask_list(q, "order_by", 0, &in.n_order_by);
        token = ask_str(q, "page_token", 0);
        if (q->result == 0 && max_results < 1)
                ask_check(q, refusal_invalid(&q->refusal,
                                             "Invalid value for max_results. It must be a "
                                             "positive integer, but got %" PRId64,
                                             max_results));
        ask_offset(q, token, &in.offset);
        in.limit = search_page_more(max_results);
        return job_read(q, run_search, &in);
}

int model_versions_api_search(struct http_request *req) {
        struct ask q;

        ask_open(&q, req);
        return model_versions_api_ask_search(&q);
}

static int run_set_tag(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct model_version m;
        int r = model_versions_sql_need(db, &j->refusal, in->name, in->version, &m);

        if (r == 0)
                r = model_versions_sql_tag_set(db, m.name, m.version, in->key, in->value);
        return r != 0 ? r
                      : webhook_event_emit(
                                j, db, m.name,
                                &(struct webhook_event){.entity = "model_version_tag",
                                                        .action = "set",
                                                        .fields = {{"name", m.name},
                                                                   {"version", in->version},
                                                                   {"key", in->key},
                                                                   {"value", in->value}}});
}

int model_versions_api_set_tag(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        ask_version(&q, &in);
        in.key = ask_str(&q, "key", ASK_NEED);
        in.value = ask_text(&q, "value");
        if (q.result == 0)
                ask_check(&q, field_check_model_name(&q.refusal, in.name));
        if (q.result == 0)
                ask_check(&q, field_check_version_tag(&q.refusal, in.key, in.value));
        return job_write(&q, run_set_tag, &in);
}

static int run_delete_tag(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct model_version m;
        int r = model_versions_sql_need(db, &j->refusal, in->name, in->version, &m);

        if (r == 0)
                r = model_versions_sql_tag_delete(db, m.name, m.version, in->key);
        return r != 0 ? r
                      : webhook_event_emit(
                                j, db, m.name,
                                &(struct webhook_event){.entity = "model_version_tag",
                                                        .action = "deleted",
                                                        .fields = {{"name", m.name},
                                                                   {"version", in->version},
                                                                   {"key", in->key}}});
}

int model_versions_api_delete_tag(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        ask_version(&q, &in);
        in.key = ask_str(&q, "key", ASK_NEED);
        return job_write(&q, run_delete_tag, &in);
}
