#include "daemons/scheduler/tracked_body.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/json_number.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"

static void put_pair(struct json_write *w, const char *key, const char *value) {
        if (str_empty(value))
                return;
        json_write_object(w);
        json_write_kv_str(w, "key", key);
        json_write_kv_str(w, "value", value);
        json_write_end(w);
}

static const char *told(const struct tracked_body *b, const char *key) {
        const char *text = NULL;

        (void) json_str(json_get(json_get(b->spec, "tracking"), key), &text);
        return text;
}

static const struct json *sources(const struct tracked_body *b) {
        return json_get(json_get(b->spec, "tracking"), "source_tables");
}

/* --- tags ---------------------------------------------------------------------------------------
 */

/* "team:risk" is a key and its value, as many write them; any other tag is a key that is there.
 * What only MLflow or we may say is not for a pipeline. */
static void put_dag_tag(struct json_write *w, const char *tag) {
        const char *colon = strchr(tag, ':');

        if (str_starts(tag, "mlflow.") || str_starts(tag, "onebox.") || colon == tag)
                return;
        json_write_object(w);
        json_write_key(w, "key");
        json_write_strn(w, tag, colon ? (size_t) (colon - tag) : strlen(tag));
        json_write_kv_str(w, "value", colon && colon[1] ? colon + 1 : "true");
        json_write_end(w);
}

static int put_tags(const struct tracked_body *b, struct json_write *w) {
        const struct world_task *t = b->task;
        const struct dag *d = t->run->spec;
        _cleanup_buf_ struct buf all = {};
        char number[JSON_NUMBER_SIZE], map_index[JSON_NUMBER_SIZE];

        json_number_print_u64(t->try_number, number);
        json_number_print_u64((uint64_t) MAX(t->map_index, 0), map_index);
        json_write_kv_array(w, "tags");
        for (size_t i = 0; i < d->n_tags; i++) {
                put_dag_tag(w, d->tags[i]);
                (void) buf_printf(&all, "%s%s", i > 0 ? "," : "", d->tags[i]);
        }
        put_pair(w, "mlflow.user", b->user);
        put_pair(w, "mlflow.source.name", b->user);
        put_pair(w, "mlflow.source.type", "JOB");
        put_pair(w, "mlflow.note.content", t->spec->description);
        put_pair(w, "onebox.dag_id", d->id);
        put_pair(w, "onebox.run_id", t->run->id);
        put_pair(w, "onebox.task_id", t->spec->id);
        put_pair(w, "onebox.try", number);
        put_pair(w, "onebox.try_id", t->try_id);
        if (t->map_index >= 0)
                put_pair(w, "onebox.map_index", map_index);
        put_pair(w, "onebox.dag_tags", buf_cstr(&all));
        put_pair(w, "onebox.source_file", d->source_file);
        json_write_end(w);
        return buf_error(&all);
}

/* --- params -------------------------------------------------------------------------------------
 */

/* "a.b.c" → "a": the project, where a table names one. */
static int put_project(const struct tracked_body *b, struct json_write *w) {
        const char *project = told(b, "project"), *table = told(b, "destination_table");
        const char *dot = table ? strchr(table, '.') : NULL;
        _cleanup_buf_ struct buf part = {};

        if (!project && dot && strchr(dot + 1, '.')) {
                (void) buf_add(&part, table, (size_t) (dot - table));
                project = buf_cstr(&part);
        }
        put_pair(w, "project", project);
        return buf_error(&part);
}

static int put_params(const struct tracked_body *b, struct json_write *w) {
        const struct world_task *t = b->task;
        _cleanup_buf_ struct buf tables = {};
        const struct json *item;
        char at[TIMESTAMP_SIZE];
        int r;

        json_write_kv_array(w, "params");
        put_pair(w, "task_id", t->spec->id);
        put_pair(w, "operator", t->spec->type ? t->spec->type : t->spec->cmd ? "bash" : "command");
        if (t->run->when.logical_at != USEC_INFINITY)
                put_pair(w, "execution_date",
                         timestamp_print(t->run->when.logical_at, TIMESTAMP_AUTO | TIMESTAMP_OFFSET,
                                         at));
        r = put_project(b, w);
        json_each (item, sources(b))
                (void) buf_printf(&tables, "%s%s", tables.len > 0 ? ", " : "", item->str);
        put_pair(w, "source_tables", buf_cstr(&tables));
        put_pair(w, "destination_table", told(b, "destination_table"));
        json_write_end(w);
        return r < 0 ? r : buf_error(&tables);
}

static void put_dataset(struct json_write *w, const char *name, const char *context) {
        if (str_empty(name))
                return;
        json_write_object(w);
        json_write_kv_str(w, "name", name);
        json_write_kv_str(w, "context", context);
        json_write_end(w);
}

static void put_datasets(const struct tracked_body *b, struct json_write *w) {
        const struct json *item;

        json_write_kv_array(w, "datasets");
        json_each (item, sources(b))
                put_dataset(w, item->str, "source");
        put_dataset(w, told(b, "destination_table"), "destination");
        json_write_end(w);
}

/* --- the workflow inside the task ---------------------------------------------------------------
 */

static void put_file(struct json_write *w, const char *dir, const char *name, const char *text,
                     size_t len) {
        char path[TRACKED_FILES_NAME_MAX + 32];

        snprintf(path, sizeof(path), "%s%s", dir, name);
        json_write_object(w);
        json_write_kv_str(w, "path", path);
        json_write_key(w, "text");
        json_write_strn(w, text, len);
        json_write_end(w);
}

static int put_files(const struct tracked_body *b, struct json_write *w) {
        const struct json *argv = json_get(b->spec, "argv");
        _cleanup_buf_ struct buf text = {};
        const char *path = "task/command.sh", *cmd;
        struct json_write list;

        if (json_str(json_get(b->spec, "cmd"), &cmd) == 0) {
                (void) buf_printf(&text, "%s\n", cmd);
        } else if (argv) {
                path = "task/command.json";
                json_write_init(&list, &text, JSON_WRITE_PRETTY);
                json_write_node(&list, argv);
                if (json_write_finish(&list) < 0)
                        return -ENOMEM;
        }
        if (buf_error(&text))
                return buf_error(&text);
        json_write_kv_array(w, "files");
        if (text.len > 0)
                put_file(w, "", path, text.data, text.len);
        for (size_t i = 0; i < b->n_files; i++)
                put_file(w, "task/", b->files[i].name, b->files[i].text, b->files[i].len);
        json_write_end(w);
        return 0;
}

/* An instance of a mapped task is told apart by its number. */
static int put_name(const struct tracked_body *b, struct json_write *w) {
        _cleanup_buf_ struct buf name = {};

        (void) buf_add_str(&name, b->task->spec->id);
        if (b->task->map_index >= 0)
                (void) buf_printf(&name, "[%d]", b->task->map_index);
        json_write_kv_str(w, "name", buf_cstr(&name));
        return buf_error(&name);
}

int tracked_body_print(const struct tracked_body *b, struct buf *out) {
        const struct dag *d = b->task->run->spec;
        const char *experiment = told(b, "experiment");
        struct json_write w;
        int r;

        json_write_init(&w, out, 0);
        json_write_object(&w);
        json_write_kv_object(&w, "run");
        json_write_kv_str(&w, "experiment", experiment ? experiment : d->id);
        r = put_name(b, &w);
        json_write_kv_str(&w, "user", b->user);
        json_write_kv_str(&w, "for_user", d->user ? d->user : d->owner);
        json_write_kv_u64(&w, "start_time", b->at / USEC_PER_MSEC);
        if (r == 0)
                r = put_tags(b, &w);
        if (r == 0)
                r = put_params(b, &w);
        put_datasets(b, &w);
        json_write_end(&w);
        if (r == 0)
                r = put_files(b, &w);
        json_write_end(&w);
        if (r == 0)
                r = json_write_finish(&w);
        return r < 0 ? -ENOMEM : 0;
}
