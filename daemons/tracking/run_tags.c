#include "daemons/tracking/run_tags.h"

#include <stdio.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/runs_sql.h"
#include "daemons/tracking/tags_sql.h"
#include "lib/auth/auth_identity.h"
#include "lib/base/str.h"

int run_tags_rename(struct db *db, const char *run_id, const char *name) {
        int r;

        if (str_empty(name)) /* a run has always a name */
                return 0;
        r = runs_sql_set_name(db, run_id, name);
        return r < 0 ? r : tags_sql_set_one(db, run_id, TAGS_SQL_RUN_NAME, name);
}

int run_tags_set(struct db *db, const char *run_id, const char *key, const char *value) {
        if (str_eq(key, TAGS_SQL_RUN_NAME))
                return run_tags_rename(db, run_id, value);
        return tags_sql_set_one(db, run_id, key, value);
}

int run_tags_origin(struct db *db, const struct refusal *r, const char *run_id,
                    struct ask_pair ret[RUN_TAGS_ORIGIN], size_t *ret_n) {
        static const char *const keys[RUN_TAGS_ORIGIN] = {
                "onebox.dag_id", "onebox.run_id", "onebox.task_id", "onebox.try", "onebox.try_id"};
        struct refusal own = *r;
        const char *value;
        size_t n = 0;
        int x;

        *ret_n = 0;
        x = str_empty(run_id) ? REFUSED : access_check_run(db, &own, run_id);
        if (x != 0)
                return x < 0 ? x : 0;
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                x = tags_sql_get(db, run_id, keys[i], r->arena, &value);
                if (x < 0)
                        return x;
                if (x == DB_ROW && value)
                        ret[n++] = (struct ask_pair){keys[i], value};
        }
        *ret_n = n;
        return 0;
}

int run_tags_of_try(struct db *db, const char *run_id, const struct auth_identity *who) {
        char number[16];
        const struct {
                const char *key, *value;
        } tags[] = {
                {"onebox.dag_id", who->dag_id},   {"onebox.run_id", who->run_id},
                {"onebox.task_id", who->task_id}, {"onebox.try", number},
                {"onebox.try_id", who->try_id},
        };
        int r = 0;

        snprintf(number, sizeof(number), "%d", who->try_number);
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(tags); i++)
                if (tags[i].value)
                        r = tags_sql_set_one(db, run_id, tags[i].key, tags[i].value);
        return r;
}
