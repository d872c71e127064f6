#include "daemons/tracking/label_schemas_api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemons/tracking/experiments_sql.h"
#include "daemons/tracking/field_check.h"
#include "daemons/tracking/job.h"
#include "daemons/tracking/label_input.h"
#include "daemons/tracking/label_schemas_sql.h"
#include "daemons/tracking/page_token.h"
#include "daemons/tracking/python_text.h"
#include "lib/base/entropy.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/net/http_request.h"

#define DEFAULT_NAME "Feedback"
#define DEFAULT_INSTRUCTION "Share any feedback on this trace."

enum { PAGE = 100, LABEL_NAME_MAX = 250, INSTRUCTION_MAX = 1000 };

struct in {
        const char *id, *experiment_id, *name, *type, *instruction;
        bool has_comment, enable_comment, has_input;
        struct label_input input;
        int64_t max_results, offset;
};

/* --- reading --- */

static int check_name(struct ask *q, const char *name) {
        size_t n = utf8_count(name, strlen(name));
        const char *stripped = python_text_strip(q->arena, name);

        if (!stripped)
                return -ENOMEM;
        if (n == 0)
                return refusal_invalid(&q->refusal,
                                       "Label schema `name` must be a non-empty string; got ''.");
        if (n > LABEL_NAME_MAX)
                return refusal_invalid(&q->refusal,
                                       "Label schema `name` must be at most %d characters; got "
                                       "%zu.",
                                       LABEL_NAME_MAX, n);
        if (str_eq_fold(stripped, DEFAULT_NAME))
                return refusal_invalid(&q->refusal,
                                       "`%s` is reserved for the experiment's default question "
                                       "and cannot be used for another label schema.",
                                       name);
        return 0;
}

static int check_instruction(struct ask *q, const char *text) {
        size_t n = text ? utf8_count(text, strlen(text)) : 0;

        if (n <= INSTRUCTION_MAX)
                return 0;
        return refusal_invalid(&q->refusal,
                               "Label schema `instruction` must be at most %d characters; got %zu.",
                               INSTRUCTION_MAX, n);
}

static void read_input(struct ask *q, struct in *in) {
        const struct json *input = q->body ? json_get(q->body, "input") : NULL;

        in->has_input = true;
        if (q->result == 0)
                ask_check(q, label_input_read(&q->refusal, input, &in->input));
}

/* --- writing --- */

static int write_schema(struct job *j, const struct label_schema *x) {
        struct label_input input;
        int r = label_input_parse(j->arena, x->input_type, x->input_config, &input);

        if (r < 0)
                return r;
        json_write_kv_str(&j->json, "schema_id", x->id);
        json_write_kv_i64_text(&j->json, "experiment_id", x->experiment_id);
        json_write_kv_str(&j->json, "name", x->name);
        json_write_kv_str(&j->json, "type",
                          str_eq(x->type, "feedback") ? "FEEDBACK" : "EXPECTATION");
        if (x->instruction)
                json_write_kv_str(&j->json, "instruction", x->instruction);
        json_write_kv_bool(&j->json, "enable_comment", x->enable_comment);
        label_input_write(&j->json, &input);
        if (x->created_by)
                json_write_kv_str(&j->json, "created_by", x->created_by);
        json_write_kv_i64(&j->json, "created_at", x->created_at_ms);
        json_write_kv_i64(&j->json, "last_updated_at", x->updated_at_ms);
        json_write_kv_bool(&j->json, "is_default", x->is_default);
        return 0;
}

static int write_answer(struct job *j, const struct label_schema *x) {
        int r;

        json_write_kv_object(&j->json, "label_schema");
        r = write_schema(j, x);
        json_write_end(&j->json);
        return r;
}

static int refuse_taken(struct job *j, const char *name, const char *experiment_id) {
        return refusal_set(&j->refusal, REFUSAL_RESOURCE_ALREADY_EXISTS,
                           "Label schema with name '%s' already exists for experiment '%s'.", name,
                           experiment_id);
}

/* A new row with a new id. 0, DB_CONFLICT or -errno. */
static int insert(struct job *j, struct db *db, struct label_schema *x) {
        char id[3 + ENTROPY_ID_SIZE] = "ls-";
        int r = entropy_id(j->tracking->entropy, id + 3);

        x->id = arena_strdup(j->arena, id);
        x->created_at_ms = x->updated_at_ms = tracking_now_ms(j->tracking);
        if (r < 0 || !x->id)
                return r < 0 ? r : -ENOMEM;
        return label_schemas_sql_insert(db, x);
}

static int run_create(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct experiment e;
        struct label_schema x = {
                .name = in->name,
                .type = in->type,
                .instruction = in->instruction,
                .enable_comment = in->enable_comment,
                .input_type = label_input_kind_print(in->input.kind),
                .input_config = label_input_print(j->arena, &in->input),
        };
        int r = experiments_sql_need(db, &j->refusal, in->experiment_id, EXPERIMENTS_SQL_ACTIVE,
                                     &e);

        if (r != 0 || !x.input_config)
                return r != 0 ? r : -ENOMEM;
        x.experiment_id = e.id;
        r = insert(j, db, &x);
        if (r == DB_CONFLICT)
                return refuse_taken(j, in->name, in->experiment_id);
        return r < 0 ? r : write_answer(j, &x);
}

int label_schemas_api_create(struct http_request *req) {
        static const char *const types[] = {"LABEL_SCHEMA_TYPE_UNSPECIFIED", "FEEDBACK",
                                            "EXPECTATION"};
        int64_t type = 0;
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.experiment_id = ask_str(&q, "experiment_id", ASK_NEED);
        in.name = ask_str(&q, "name", ASK_NEED);
        ask_enum(&q, "type", 0, types, ARRAY_SIZE(types), &type);
        if (q.result == 0 && type == 0)
                ask_check(&q, refusal_invalid(&q.refusal,
                                              "Label schema `type` must be one of FEEDBACK or "
                                              "EXPECTATION; got proto enum value 0."));
        in.type = type == 1 ? "feedback" : "expectation";
        in.instruction = ask_str(&q, "instruction", 0);
        ask_bool(&q, "enable_comment", &in.enable_comment);
        read_input(&q, &in);
        if (q.result == 0)
                ask_check(&q, check_name(&q, in.name));
        if (q.result == 0)
                ask_check(&q, check_instruction(&q, in.instruction));
        return job_write(&q, run_create, &in);
}

static int run_get(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct label_schema x;
        int r = label_schemas_sql_need(db, &j->refusal, in->id, &x);

        return r != 0 ? r : write_answer(j, &x);
}

int label_schemas_api_get(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_str(&q, "schema_id", ASK_NEED);
        return job_read(&q, run_get, &in);
}

static int run_get_by_name(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct label_schema x;
        struct experiment e;
        int r = experiments_sql_need(db, &j->refusal, in->experiment_id, EXPERIMENTS_SQL_ACTIVE,
                                     &e);

        if (r != 0)
                return r;
        r = label_schemas_sql_by_name(db, j->arena, e.id, in->name, &x);
        if (r == DB_DONE)
                return refusal_set(&j->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                                   "Label schema with name '%s' not found for experiment '%s'.",
                                   in->name, in->experiment_id);
        return r < 0 ? r : write_answer(j, &x);
}

int label_schemas_api_get_by_name(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.experiment_id = ask_str(&q, "experiment_id", ASK_NEED);
        in.name = ask_str(&q, "name", ASK_NEED);
        return job_read(&q, run_get_by_name, &in);
}

/* Every experiment has one question that cannot be changed; it is made when it is first asked for.
 */
static int make_default(struct job *j, struct db *db, int64_t experiment_id) {
        static const struct label_input text = {.kind = LABEL_INPUT_TEXT};
        struct label_schema x = {
                .experiment_id = experiment_id,
                .name = DEFAULT_NAME,
                .type = "feedback",
                .instruction = DEFAULT_INSTRUCTION,
                .input_type = label_input_kind_print(LABEL_INPUT_TEXT),
                .input_config = label_input_print(j->arena, &text),
                .is_default = true,
        };
        int r = label_schemas_sql_has_default(db, experiment_id);

        if (r != DB_DONE)
                return r < 0 ? r : 0;
        if (!x.input_config)
                return -ENOMEM;
        r = insert(j, db, &x);
        return r == DB_CONFLICT ? 0 : r; /* the name is an older schema's: that one stays */
}

static int run_list(struct job *j, struct db *db) {
        const struct in *in = j->in;
        DB_USE struct db_stmt *s = NULL;
        struct label_schema x;
        struct experiment e;
        int64_t n = 0;
        int r = experiments_sql_need(db, &j->refusal, in->experiment_id, EXPERIMENTS_SQL_ACTIVE,
                                     &e);

        if (r == 0)
                r = make_default(j, db, e.id);
        if (r != 0)
                return r;
        s = label_schemas_sql_list(db, e.id, in->max_results + 1, in->offset);
        json_write_kv_items(&j->json, "label_schemas");
        while ((r = db_step(s)) == DB_ROW && n++ < in->max_results) {
                json_write_object(&j->json);
                r = label_schemas_sql_read(s, j->arena, &x);
                if (r == 0)
                        r = write_schema(j, &x);
                json_write_end(&j->json);
                if (r < 0)
                        return r;
        }
        json_write_end(&j->json);
        return r < 0 ? r
                     : page_token_write(&j->json, j->arena, n > in->max_results,
                                        in->offset + in->max_results);
}

int label_schemas_api_list(struct http_request *req) {
        struct in in = {.max_results = PAGE};
        const char *token;
        struct ask q;

        ask_open(&q, req);
        in.experiment_id = ask_str(&q, "experiment_id", ASK_NEED);
        ask_page_size(&q, FIELD_CHECK_RESULTS_MAX, &in.max_results);
        token = ask_str(&q, "page_token", 0);
        ask_offset(&q, token, &in.offset);
        return job_write(&q, run_list, &in);
}

/* --- changing --- */

static int change_input(struct job *j, const struct in *in, struct label_schema *x) {
        struct label_input old;
        int r = label_input_parse(j->arena, x->input_type, x->input_config, &old);

        if (r == 0)
                r = label_input_check_change(&j->refusal, &old, &in->input);
        if (r != 0)
                return r;
        x->input_config = label_input_print(j->arena, &in->input);
        return x->input_config ? 0 : -ENOMEM;
}

static int run_update(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct label_schema x;
        char id[24];
        int r = label_schemas_sql_need(db, &j->refusal, in->id, &x);

        if (r == 0 && x.is_default)
                r = refusal_invalid(&j->refusal,
                                    "The experiment's default question cannot be edited.");
        if (r == 0 && in->has_input)
                r = change_input(j, in, &x);
        if (r != 0)
                return r;
        x.name = in->name ? in->name : x.name;
        x.instruction = in->instruction ? in->instruction : x.instruction;
        x.enable_comment = in->has_comment ? in->enable_comment : x.enable_comment;
        x.updated_at_ms = tracking_now_ms(j->tracking);
        snprintf(id, sizeof(id), "%" PRId64, x.experiment_id);
        r = label_schemas_sql_update(db, &x);
        if (r == DB_CONFLICT)
                return refuse_taken(j, x.name, id);
        return r < 0 ? r : write_answer(j, &x);
}

int label_schemas_api_update(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_str(&q, "schema_id", ASK_NEED);
        in.name = ask_str(&q, "name", 0);
        in.instruction = ask_str(&q, "instruction", 0);
        in.has_comment = ask_bool(&q, "enable_comment", &in.enable_comment);
        if (q.body && json_is(json_get(q.body, "input"), JSON_OBJECT))
                read_input(&q, &in);
        if (q.result == 0 && in.name)
                ask_check(&q, check_name(&q, in.name));
        if (q.result == 0)
                ask_check(&q, check_instruction(&q, in.instruction));
        return job_write(&q, run_update, &in);
}

static int run_delete(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct label_schema x;
        int r = label_schemas_sql_get(db, j->arena, in->id, &x);

        if (r != DB_ROW) /* gone is gone */
                return r;
        r = access_check_experiment(&j->refusal, x.experiment_id);
        if (r == 0 && x.is_default)
                r = refusal_invalid(&j->refusal,
                                    "The experiment's default question cannot be deleted.");
        return r != 0 ? r : label_schemas_sql_delete(db, x.id);
}

int label_schemas_api_delete(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_str(&q, "schema_id", ASK_NEED);
        return job_write(&q, run_delete, &in);
}
