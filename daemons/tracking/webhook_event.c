#include "daemons/tracking/webhook_event.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemons/tracking/registered_models_sql.h"
#include "daemons/tracking/webhook_deliveries_sql.h"
#include "daemons/tracking/webhooks_sql.h"
#include "lib/base/clock.h"
#include "lib/base/entropy.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"

#define IS_PROMPT "mlflow.prompt.is_prompt"
#define PROMPT_TYPE "_mlflow_prompt_type"
#define PROMPT_TEXT "mlflow.prompt.text"

/* What a trial tells of: fields as the client's own examples have them. */
#define A_MODEL "\"name\": \"example_model\""
#define A_PROMPT "\"name\": \"example_prompt\""
#define A_VERSION ", \"version\": \"1\""
#define A_KEY ", \"key\": \"example_key\""
#define A_VALUE ", \"value\": \"example_value\""
#define A_ALIAS ", \"alias\": \"example_alias\""
#define A_MADE(what) \
        ", \"tags\": {\"example_key\": \"example_value\"}, \"description\": \"An example " what "\""

static const struct {
        const char *entity, *prompt_entity; /* NULL: only the other has it */
        const char *action;
        const char *example, *prompt_example; /* the text of its JSON without the braces */
} events[] = {
        /* one entity's actions in the alphabet's order */
        {"registered_model", "prompt", "created", A_MODEL A_MADE("registered model"),
         A_PROMPT A_MADE("prompt")},
        {"model_version", "prompt_version", "created",
         A_MODEL A_VERSION
         ", \"source\": \"models:/123\", \"run_id\": \"abcd1234abcd5678\"" A_MADE("model version"),
         A_PROMPT A_VERSION ", \"template\": \"Hello {{name}}!\"" A_MADE("prompt version")},
        {"model_version_tag", "prompt_version_tag", "deleted", A_MODEL A_VERSION A_KEY,
         A_PROMPT A_VERSION A_KEY},
        {"model_version_tag", "prompt_version_tag", "set", A_MODEL A_VERSION A_KEY A_VALUE,
         A_PROMPT A_VERSION A_KEY A_VALUE},
        {"model_version_alias", "prompt_alias", "created", A_MODEL A_ALIAS A_VERSION,
         A_PROMPT A_ALIAS A_VERSION},
        {"model_version_alias", "prompt_alias", "deleted", A_MODEL A_ALIAS, A_PROMPT A_ALIAS},
        {NULL, "prompt_tag", "deleted", NULL, A_PROMPT A_KEY},
        {NULL, "prompt_tag", "set", NULL, A_PROMPT A_KEY A_VALUE},
        /* never but as a trial: nothing is spent through here */
        {"budget_policy", NULL, "exceeded",
         "\"budget_policy_id\": \"bp-abc123\", \"budget_unit\": \"USD\", \"budget_amount\": 100.0, "
         "\"current_spend\": 105.5, \"duration_unit\": \"MONTHS\", \"duration_value\": 1, "
         "\"target_scope\": \"ENDPOINT\", \"workspace\": \"default\", \"target_value\": "
         "\"ep-abc123\", \"window_start\": 1704067200000",
         NULL},
};

static bool is_of(size_t i, const char *entity) {
        return str_eq(events[i].entity, entity) || str_eq(events[i].prompt_entity, entity);
}

bool webhook_event_exists(const char *entity, const char *action) {
        for (size_t i = 0; i < ARRAY_SIZE(events); i++)
                if (is_of(i, entity) && str_eq(events[i].action, action))
                        return true;
        return false;
}

const char *webhook_event_actions(struct arena *a, const char *entity) {
        const char *list = "";

        for (size_t i = 0; list && i < ARRAY_SIZE(events); i++)
                if (is_of(i, entity))
                        list = arena_printf(a, "%s%s'%s'", list, *list ? ", " : "",
                                            events[i].action);
        return list ? list : "";
}

static bool is_inner(const char *key) {
        return str_eq(key, IS_PROMPT) || str_eq(key, PROMPT_TYPE) || str_eq(key, PROMPT_TEXT);
}

static void write_tags(struct json_write *w, const struct webhook_event *e, bool is_prompt) {
        json_write_object(w);
        for (size_t i = 0; i < e->n_tags; i++)
                if (!is_prompt || !is_inner(e->tags[i].key))
                        json_write_kv_str(w, e->tags[i].key, e->tags[i].value);
        json_write_end(w);
}

static const char *template_of(const struct webhook_event *e) {
        for (size_t i = 0; i < e->n_tags; i++)
                if (str_eq(e->tags[i].key, PROMPT_TEXT))
                        return e->tags[i].value;
        return NULL;
}

static void write_fields(struct json_write *w, const struct webhook_event *e, bool is_prompt) {
        for (size_t i = 0; i < WEBHOOK_EVENT_FIELDS && e->fields[i].key; i++) {
                const char *key = e->fields[i].key;

                if (is_prompt && str_eq(key, "run_id"))
                        continue;
                if (is_prompt && str_eq(key, "source")) {
                        json_write_kv_str(w, "template", template_of(e));
                        continue;
                }
                json_write_key(w, key);
                if (str_eq(key, "tags"))
                        write_tags(w, e, is_prompt);
                else
                        json_write_str(w, e->fields[i].value);
        }
}

/* The message but for its data, which come between the two. */
static void begin(const struct tracking *t, struct json_write *w, struct buf *out,
                  const char *entity, const char *action) {
        char time[TIMESTAMP_SIZE];

        json_write_init(w, out, JSON_WRITE_SPACED | JSON_WRITE_ASCII);
        json_write_object(w);
        json_write_kv_str(w, "entity", entity);
        json_write_kv_str(w, "action", action);
        json_write_kv_str(
                w, "timestamp",
                timestamp_print(clock_now(t->clock), TIMESTAMP_USEC | TIMESTAMP_OFFSET, time));
}

static int end(struct json_write *w, struct arena *a, struct buf *out, const char **ret) {
        json_write_end(w);
        if (json_write_finish(w) < 0)
                return -ENOMEM;
        *ret = arena_strndup(a, buf_cstr(out), out->len);
        return *ret ? 0 : -ENOMEM;
}

static int make_body(const struct tracking *t, struct arena *a, const char *entity,
                     const struct webhook_event *e, bool is_prompt, const char **ret) {
        _cleanup_buf_ struct buf out = {};
        struct json_write w;

        begin(t, &w, &out, entity, e->action);
        json_write_kv_object(&w, "data");
        write_fields(&w, e, is_prompt);
        json_write_end(&w);
        return end(&w, a, &out, ret);
}

/* uuid4 in its usual form */
static int make_id(const struct tracking *t, char ret[ENTROPY_UUID_SIZE]) {
        char hex[ENTROPY_ID_SIZE];
        int r = entropy_id(t->entropy, hex);

        if (r == 0)
                (void) snprintf(ret, ENTROPY_UUID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
                                hex + 12, hex + 16, hex + 20);
        return r;
}

static int queue(struct db *db, int64_t now_ms, struct webhook_told *d) {
        int r;

        d->queued_at_ms = d->due_at_ms = now_ms;
        r = webhooks_sql_queue(db, d->id, d->webhook_id, d->message, now_ms);
        return r == 0 ? webhook_deliveries_sql_insert(db, d) : r;
}

int webhook_event_emit(struct job *j, struct db *db, const char *name,
                       const struct webhook_event *e) {
        int is_prompt = registered_models_sql_tag_has(db, name, IS_PROMPT), r;
        const char *entity = NULL, *body = NULL;
        DB_USE struct db_stmt *s = NULL;

        if (is_prompt < 0)
                return is_prompt;
        for (size_t i = 0; i < ARRAY_SIZE(events) && !entity; i++)
                if (is_of(i, e->entity) && str_eq(events[i].action, e->action))
                        entity = is_prompt ? events[i].prompt_entity : events[i].entity;
        if (!entity)
                return 0;
        s = webhooks_sql_subscribed(db, entity, e->action);
        while ((r = db_step(s)) == DB_ROW) {
                char id[ENTROPY_UUID_SIZE];

                r = body ? 0 : make_body(j->tracking, j->arena, entity, e, is_prompt, &body);
                if (r == 0)
                        r = make_id(j->tracking, id);
                if (r == 0)
                        r = queue(db, tracking_now_ms(j->tracking),
                                  &(struct webhook_told){.id = id,
                                                         .webhook_id = db_col_text(s, 0),
                                                         .entity = entity,
                                                         .action = e->action,
                                                         .message = body});
                if (r != 0)
                        return r < 0 ? r : -EEXIST;
                j->told_webhooks = true;
        }
        return r;
}

/* NULL: there is no such event. */
static const char *example_of(const char *entity, const char *action) {
        for (size_t i = 0; i < ARRAY_SIZE(events); i++)
                if (is_of(i, entity) && str_eq(events[i].action, action))
                        return str_eq(events[i].entity, entity) ? events[i].example
                                                                : events[i].prompt_example;
        return NULL;
}

int webhook_event_example(const struct tracking *t, struct arena *a, const char *entity,
                          const char *action, const char **ret) {
        _cleanup_buf_ struct buf out = {};
        const char *fields = example_of(entity, action);
        const char *data = fields ? arena_printf(a, "{%s}", fields) : NULL;
        struct json_write w;

        if (!data)
                return -ENOMEM;
        begin(t, &w, &out, entity, action);
        json_write_key(&w, "data");
        json_write_raw(&w, data, strlen(data));
        return end(&w, a, &out, ret);
}
