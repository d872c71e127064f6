#include "daemons/tracking/registry_json.h"

#include <inttypes.h>
#include <stdio.h>

#include "daemons/tracking/runs_json.h"
#include "lib/base/str.h"

static void write_number(struct json_write *w, const char *key, int64_t n) {
        char text[24];

        snprintf(text, sizeof(text), "%" PRId64, n);
        json_write_kv_str(w, key, text);
}

static void write_text(struct json_write *w, const char *key, const char *text) {
        if (text)
                json_write_kv_str(w, key, text);
}

static int write_aliases_of(struct json_write *w, struct db *db, const struct model_version *m) {
        DB_USE struct db_stmt *s = registered_models_sql_aliases_of(db, m->name, m->version);
        int r;

        json_write_kv_items(w, "aliases");
        while ((r = db_step(s)) == DB_ROW)
                json_write_str(w, db_col_text(s, 0));
        json_write_end(w);
        return r;
}

int registry_json_write_version(struct job *j, struct db *db, const struct model_version *m,
                                bool aliases) {
        struct json_write *w = &j->json;
        int r;

        json_write_kv_str(w, "name", m->name);
        write_number(w, "version", m->version);
        json_write_kv_i64(w, "creation_timestamp", m->created_at_ms);
        json_write_kv_i64(w, "last_updated_timestamp", m->updated_at_ms);
        write_text(w, "user_id", m->user_id);
        write_text(w, "current_stage", m->stage);
        write_text(w, "description", m->description);
        write_text(w, "source", m->source);
        write_text(w, "run_id", m->run_id);
        write_text(w, "status", m->status);
        if (!str_empty(m->status_message))
                json_write_kv_str(w, "status_message", m->status_message);
        r = runs_json_write_pairs(w, "tags", model_versions_sql_tags(db, m->name, m->version));
        write_text(w, "run_link", m->run_link);
        if (r == 0 && aliases)
                r = write_aliases_of(w, db, m);
        return r;
}

static int write_latest(struct job *j, struct db *db, const char *name, bool by_stage) {
        int64_t versions[MODEL_VERSIONS_SQL_STAGES];
        struct model_version m;
        size_t n;
        int r = model_versions_sql_latest(db, name, by_stage, versions, &n);

        if (r < 0 || n == 0)
                return r;
        json_write_kv_array(&j->json, "latest_versions");
        for (size_t i = 0; r == 0 && i < n; i++) {
                r = model_versions_sql_get(db, j->arena, name, versions[i], &m);
                if (r != DB_ROW)
                        return r;
                json_write_object(&j->json);
                r = registry_json_write_version(j, db, &m, false);
                json_write_end(&j->json);
        }
        json_write_end(&j->json);
        return r;
}

static int write_aliases(struct job *j, struct db *db, const char *name) {
        DB_USE struct db_stmt *s = registered_models_sql_aliases(db, name);
        int r;

        json_write_kv_items(&j->json, "aliases");
        while ((r = db_step(s)) == DB_ROW) {
                json_write_object(&j->json);
                json_write_kv_str(&j->json, "alias", db_col_text(s, 0));
                write_number(&j->json, "version", db_col_i64(s, 1));
                json_write_end(&j->json);
        }
        json_write_end(&j->json);
        return r;
}

int registry_json_write_model(struct job *j, struct db *db, const struct registered_model *m,
                              bool by_stage) {
        int r;

        json_write_kv_str(&j->json, "name", m->name);
        json_write_kv_i64(&j->json, "creation_timestamp", m->created_at_ms);
        if (m->updated_at_ms)
                json_write_kv_i64(&j->json, "last_updated_timestamp", m->updated_at_ms);
        if (*m->description)
                json_write_kv_str(&j->json, "description", m->description);
        r = write_latest(j, db, m->name, by_stage);
        if (r == 0)
                r = runs_json_write_pairs(&j->json, "tags",
                                          registered_models_sql_tags(db, m->name));
        return r != 0 ? r : write_aliases(j, db, m->name);
}
