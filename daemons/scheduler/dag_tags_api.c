/* dag_tags_api.c: the tags of all DAGs. */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/scheduler/rest.h"
#include "daemons/scheduler/scheduler_api.h"
#include "lib/base/str.h"

static int by_text(const void *a, const void *b) {
        const char *const *x = a, *const *y = b;

        return strcmp(*x, *y);
}

/* The tags of all DAGs that are there, each once, by name. */
static int list_tags(struct http_request *req, const char ***ret, size_t *ret_n) {
        const char *pattern = rest_query_glob(req, "tag_name_pattern");
        struct scheduler *s = scheduler_api_of(req);
        const char **list;
        struct world_dag *wd;
        size_t n = 0, n_once = 0;

        TAILQ_FOREACH(wd, &s->world.dags, in_world)
        n += wd->spec->n_tags;
        list = arena_zalloc_array(req->arena, n + 1, sizeof(*list));
        if (!list)
                return -ENOMEM;
        n = 0;
        TAILQ_FOREACH(wd, &s->world.dags, in_world)
        for (size_t i = 0; i < wd->spec->n_tags && !wd->gone; i++)
                if (!pattern || fnmatch(pattern, wd->spec->tags[i], 0) == 0)
                        list[n++] = wd->spec->tags[i];
        qsort(list, n, sizeof(*list), by_text);
        for (size_t i = 0; i < n; i++)
                if (n_once == 0 || !str_eq(list[n_once - 1], list[i]))
                        list[n_once++] = list[i];
        *ret = list;
        *ret_n = n_once;
        return 0;
}

int dag_tags_api_list(struct http_request *req) {
        bool down = str_eq(http_request_query(req, "order_by"), "-name");
        _cleanup_buf_ struct buf b = {};
        struct rest_page page;
        struct json_write w;
        const char **list;
        size_t n, end;
        int r;

        if (!rest_read_page(req, &page))
                return rest_replied;
        r = list_tags(req, &list, &n);
        if (r < 0)
                return r;
        end = MIN(n, (size_t) (page.offset + page.limit));
        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_array(&w, "tags");
        for (size_t i = (size_t) page.offset; i < end; i++)
                json_write_str(&w, list[down ? n - 1 - i : i]);
        json_write_end(&w);
        json_write_kv_u64(&w, "total_entries", n);
        json_write_end(&w);
        r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, 200, &b);
}
