#include "lib/base/conf_airflow.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

static const struct {
        const char *variable, *section, *key, *suffix;
} rows[] = {
#define CONF_AIRFLOW(variable, section, key, suffix) {variable, #section, #key, suffix},
#include "lib/base/conf_airflow.def"
#undef CONF_AIRFLOW
};

int conf_airflow_apply(const struct conf_table *t, void *target, struct errmsg *em) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const char *value = getenv(rows[i].variable);
                _cleanup_free_ char *text = NULL;
                int r;

                if (str_empty(value) || !conf_find(t, rows[i].section, rows[i].key))
                        continue;
                text = str_printf("%s%s", value, rows[i].suffix);
                if (!text)
                        return errmsg_fail(em, -ENOMEM, "out of memory");
                r = conf_set(t, rows[i].section, rows[i].key, text, target, em);
                if (r < 0) {
                        errmsg_prefix(em, "%s", rows[i].variable);
                        return r;
                }
        }
        return 0;
}
