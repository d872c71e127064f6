#include "daemons/scheduler/core/dag_schedule.h"

#include <errno.h>
#include <stdlib.h>

#include "daemons/scheduler/core/cron.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"

/* --- cron expressions --------------------------------------------------------------------------
 */

static int check_cron(struct dag_reader *r, const struct json *v) {
        struct errmsg why = {};
        struct cron cron;

        if (!json_is(v, JSON_STRING))
                return dag_keys_wrong(r, v, "a cron expression");
        if (cron_parse(v->str, &cron, &why) < 0)
                return dag_keys_fail(r, "cron expression \"%.60s\": %s", v->str, why.text);
        return 0;
}

static int set_crons(struct dag_reader *r, const struct json *v, struct dag_schedule *s) {
        const char **list;
        const struct json *item;
        size_t n = 0;

        if (v->len == 0 || v->len > DAG_CRONS_MAX)
                return dag_keys_fail(r, "must hold 1 to %u cron expressions", DAG_CRONS_MAX);
        list = arena_zalloc_array(r->arena, v->len, sizeof(*list));
        if (!list)
                return -ENOMEM;
        json_each (item, v) {
                size_t mark = dag_keys_enter_item(r, n);
                int k = check_cron(r, item);

                if (k < 0)
                        return k;
                list[n++] = item->str;
                dag_keys_leave(r, mark);
        }
        assert(n == v->len);
        s->cron = list[0];
        s->more_crons = list + 1;
        s->n_more_crons = n - 1;
        return 0;
}

static int set_cron(struct dag_reader *r, const struct json *v, void *target) {
        struct dag_schedule *s = target;
        int k;

        s->kind = DAG_SCHEDULE_CRON;
        if (json_is(v, JSON_ARRAY))
                return set_crons(r, v, s);
        k = check_cron(r, v);
        if (k == 0)
                s->cron = v->str;
        return k;
}

/* --- the others --------------------------------------------------------------------------------
 */

static int set_every(struct dag_reader *r, const struct json *v, void *target) {
        struct dag_schedule *s = target;
        int k = dag_keys_span(r, v, &s->delta_for);

        if (k == 0 && s->delta_for < USEC_PER_SEC)
                return dag_keys_fail(r, "must be a second at least");
        s->kind = DAG_SCHEDULE_DELTA;
        return k;
}

static int set_true(struct dag_reader *r, const struct json *v, struct dag_schedule *s,
                    enum dag_schedule_kind kind) {
        if (v->type != JSON_TRUE)
                return dag_keys_wrong(r, v, "true");
        s->kind = kind;
        return 0;
}

static int set_once(struct dag_reader *r, const struct json *v, void *target) {
        return set_true(r, v, target, DAG_SCHEDULE_ONCE);
}

static int set_continuous(struct dag_reader *r, const struct json *v, void *target) {
        return set_true(r, v, target, DAG_SCHEDULE_CONTINUOUS);
}

static int compare_moments(const void *a, const void *b) {
        usec_t x = *(const usec_t *) a, y = *(const usec_t *) b;

        return x < y ? -1 : x > y;
}

static int set_events(struct dag_reader *r, const struct json *v, void *target) {
        struct dag_schedule *s = target;
        const struct json *item;
        size_t n = 0, kept = 0;
        usec_t *list;

        if (!json_is(v, JSON_ARRAY))
                return dag_keys_wrong(r, v, "an array of dates");
        if (v->len > DAG_EVENTS_MAX)
                return dag_keys_fail(r, "holds %u dates, more than %u", v->len, DAG_EVENTS_MAX);
        list = arena_zalloc_array(r->arena, v->len + 1, sizeof(*list));
        if (!list)
                return -ENOMEM;
        json_each (item, v) {
                size_t mark = dag_keys_enter_item(r, n);

                if (!json_is(item, JSON_STRING) || timestamp_parse(item->str, &list[n]) < 0)
                        return dag_keys_wrong(r, item, "a date like \"2026-01-31T08:00:00Z\"");
                n++;
                dag_keys_leave(r, mark);
        }
        qsort(list, n, sizeof(*list), compare_moments);
        for (size_t i = 0; i < n; i++)
                if (kept == 0 || list[kept - 1] != list[i])
                        list[kept++] = list[i];
        assert(kept <= n);
        s->kind = DAG_SCHEDULE_EVENTS;
        s->events = list;
        s->n_events = kept;
        return 0;
}

static int set_immediately(struct dag_reader *r, const struct json *v, void *target) {
        struct dag_schedule *s = target;

        if (json_bool(v, &s->run_immediately) == 0)
                return 0;
        return dag_keys_span(r, v, &s->immediately_for);
}

/* --- the key -----------------------------------------------------------------------------------
 */

/* "@daily", "0 3 * * 1-5", "@every 10min", "@once", "@continuous", "@none". */
static int schedule_text(struct dag_reader *r, const struct json *v, struct dag_schedule *s) {
        const char *every = str_after(v->str, "@every ");
        struct json span = {.type = JSON_STRING, .str = every};

        if (str_eq(v->str, "@none"))
                return 0;
        if (str_eq(v->str, "@continuous"))
                s->kind = DAG_SCHEDULE_CONTINUOUS;
        else if (str_eq(v->str, "@once"))
                s->kind = DAG_SCHEDULE_ONCE;
        else
                return every ? set_every(r, &span, s) : set_cron(r, v, s);
        return 0;
}

static int check(struct dag_reader *r, const struct json *v, const struct dag_schedule *s) {
        static const char *const kinds[] = {"cron", "every", "once", "events", "continuous"};
        unsigned n_kinds = 0;

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                n_kinds += json_get(v, kinds[i]) != NULL;
        if (n_kinds != 1)
                return dag_keys_fail(r,
                                     "needs one of \"cron\", \"every\", \"once\", \"events\" and "
                                     "\"continuous\"");
        if (s->data_interval && s->n_more_crons > 0)
                return dag_keys_fail(r, "several cron expressions have no data intervals: drop "
                                        "\"data_interval\"");
        if (s->data_interval && s->interval_for > 0)
                return dag_keys_fail(r, "\"interval\" is for runs without \"data_interval\"");
        return 0;
}

int dag_schedule_set(struct dag_reader *r, const struct json *v, void *target) {
        static const struct dag_key keys[] = {
                DAG_KEY_BY("cron", set_cron),
                DAG_KEY_BY("every", set_every),
                DAG_KEY_BY("once", set_once),
                DAG_KEY_BY("events", set_events),
                DAG_KEY_BY("continuous", set_continuous),
                DAG_KEY("data_interval", BOOL, struct dag_schedule, data_interval),
                DAG_KEY("interval", SPAN, struct dag_schedule, interval_for),
                DAG_KEY_BY("run_immediately", set_immediately),
                DAG_KEY("restrict_to_events", BOOL, struct dag_schedule, restrict_to_events),
        };
        struct dag_schedule *s = &((struct dag *) target)->schedule;
        int k;

        if (json_is(v, JSON_STRING))
                return schedule_text(r, v, s);
        if (json_is(v, JSON_ARRAY))
                return set_cron(r, v, s);
        if (!json_is(v, JSON_OBJECT))
                return dag_keys_wrong(r, v,
                                      "a cron expression, a list of them, a preset or an "
                                      "object");
        k = dag_keys_read(r, v, keys, ARRAY_SIZE(keys), s);
        return k < 0 ? k : check(r, v, s);
}
