#include "daemons/scheduler/core/dag_callbacks.h"

#include <errno.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define CALLBACKS_MAX 32u

static int set_text(struct dag_reader *r, const struct json *v, struct dag_callback *c,
                    enum dag_callback_kind kind) {
        if (!json_is(v, JSON_STRING) || v->len == 0)
                return dag_keys_wrong(r, v, "a text");
        assert(kind < _DAG_CALLBACK_KIND_MAX);
        if (c->text)
                return dag_keys_fail(
                        r, "one callback is one of \"command\", \"webhook\" and \"mail\"");
        c->kind = kind;
        c->text = v->str;
        return 0;
}

static int set_command(struct dag_reader *r, const struct json *v, void *target) {
        return set_text(r, v, target, DAG_CALLBACK_COMMAND);
}

static int set_webhook(struct dag_reader *r, const struct json *v, void *target) {
        int k = set_text(r, v, target, DAG_CALLBACK_WEBHOOK);

        if (k == 0 && !str_starts(v->str, "http://") && !str_starts(v->str, "https://"))
                return dag_keys_fail(r, "must begin with http:// or https://");
        return k;
}

/* "a@b.c" or an array of such. */
static int set_mail(struct dag_reader *r, const struct json *v, void *target) {
        _cleanup_buf_ struct buf all = {.limit = 8192};
        struct json joined = {.type = JSON_STRING};
        const struct json *item;

        if (!json_is(v, JSON_ARRAY))
                return set_text(r, v, target, DAG_CALLBACK_MAIL);
        json_each (item, v) {
                if (!json_is(item, JSON_STRING) || !strchr(item->str, '@'))
                        return dag_keys_wrong(r, item, "a mail address");
                (void) buf_printf(&all, "%s%s", all.len > 0 ? "," : "", item->str);
        }
        if (buf_error(&all))
                return dag_keys_fail(r, "holds too many addresses");
        joined.str = arena_strdup(r->arena, buf_cstr(&all));
        joined.len = (unsigned) all.len;
        return joined.str ? set_text(r, &joined, target, DAG_CALLBACK_MAIL) : -ENOMEM;
}

static int read_one(struct dag_reader *r, const struct json *v, struct dag_callback *c) {
        static const struct dag_key keys[] = {
                DAG_KEY_BY("command", set_command),
                DAG_KEY_BY("webhook", set_webhook),
                DAG_KEY_BY("mail", set_mail),
        };
        int k;

        if (json_is(v, JSON_STRING))
                return set_command(r, v, c);
        k = dag_keys_read(r, v, keys, ARRAY_SIZE(keys), c);
        if (k == 0 && !c->text)
                return dag_keys_fail(r, "needs one of \"command\", \"webhook\" and \"mail\"");
        return k;
}

/* A callback or an array of them; a command may be its text alone. */
static int read_callbacks(struct dag_reader *r, const struct json *v, struct dag_callbacks *ret) {
        bool many = json_is(v, JSON_ARRAY);
        const struct json *item;
        int k = 0;

        if (many && v->len > CALLBACKS_MAX)
                return dag_keys_fail(r, "holds more than %u callbacks", CALLBACKS_MAX);
        ret->items = arena_zalloc_array(r->arena, many ? v->len + 1 : 1, sizeof(*ret->items));
        if (!ret->items)
                return -ENOMEM;
        if (!many)
                k = read_one(r, v, &ret->items[ret->n++]);
        json_each (item, many ? v : NULL) {
                size_t mark = dag_keys_enter_item(r, ret->n);

                k = read_one(r, item, &ret->items[ret->n++]);
                if (k < 0)
                        break;
                dag_keys_leave(r, mark);
        }
        return k;
}

int dag_callbacks_task_success(struct dag_reader *r, const struct json *v, void *target) {
        return read_callbacks(r, v, &((struct dag_task *) target)->on[DAG_ON_SUCCESS]);
}

int dag_callbacks_task_failure(struct dag_reader *r, const struct json *v, void *target) {
        return read_callbacks(r, v, &((struct dag_task *) target)->on[DAG_ON_FAILURE]);
}

int dag_callbacks_task_retry(struct dag_reader *r, const struct json *v, void *target) {
        return read_callbacks(r, v, &((struct dag_task *) target)->on[DAG_ON_RETRY]);
}

int dag_callbacks_task_skipped(struct dag_reader *r, const struct json *v, void *target) {
        return read_callbacks(r, v, &((struct dag_task *) target)->on[DAG_ON_SKIPPED]);
}

int dag_callbacks_dag_success(struct dag_reader *r, const struct json *v, void *target) {
        return read_callbacks(r, v, &((struct dag *) target)->on[DAG_ON_SUCCESS]);
}

int dag_callbacks_dag_failure(struct dag_reader *r, const struct json *v, void *target) {
        return read_callbacks(r, v, &((struct dag *) target)->on[DAG_ON_FAILURE]);
}

/* --- deadlines ---------------------------------------------------------------------------------
 */

static int set_from(struct dag_reader *r, const struct json *v, void *target) {
        static const char *const names[] = {"logical_date", "queued_at", "started_at", "fixed"};
        struct dag_deadline *d = target;
        unsigned i;
        int k = dag_keys_choice(r, v, names, ARRAY_SIZE(names), &i);

        if (k == 0)
                d->from = (enum dag_deadline_from) i;
        return k;
}

static int set_callbacks(struct dag_reader *r, const struct json *v, void *target) {
        return read_callbacks(r, v, &((struct dag_deadline *) target)->callbacks);
}

int dag_callbacks_deadlines(struct dag_reader *r, const struct json *v, void *target) {
        static const struct dag_key keys[] = {
                DAG_KEY_BY("from", set_from),
                DAG_KEY("at", MOMENT, struct dag_deadline, fixed_at),
                DAG_KEY("after", SPAN, struct dag_deadline, after_for),
                DAG_KEY("name", STR, struct dag_deadline, name),
                DAG_KEY_BY("callbacks", set_callbacks),
        };
        struct dag *d = target;
        int k = dag_keys_items(r, v, keys, ARRAY_SIZE(keys), sizeof(*d->deadlines), &d->deadlines,
                               &d->n_deadlines);

        if (k < 0)
                return k;
        if (d->n_deadlines > DAG_DEADLINES_MAX)
                return dag_keys_fail(r, "holds more than %u deadlines", DAG_DEADLINES_MAX);
        for (size_t i = 0; i < d->n_deadlines; i++)
                if ((d->deadlines[i].from == DAG_DEADLINE_FIXED) != (d->deadlines[i].fixed_at > 0))
                        return dag_keys_fail(r, "[%zu]: \"at\" goes with \"from\": \"fixed\"", i);
        return 0;
}
