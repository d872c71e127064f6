/* store_gcs_list.c: page by page; objects and prefixes of a page are merged by name. */
#include "lib/gcp/store_gcs_list.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/store/store_bucket.h"

enum { PAGE_MAX = 1000 };

void store_gcs_list_info(const struct gcs_object *o, struct store_info *ret) {
        *ret = (struct store_info){.size = o->size,
                                   .modified_at = o->updated_at,
                                   .crc32c = o->crc32c,
                                   .has_crc32c = o->has_crc32c};
        snprintf(ret->etag, sizeof ret->etag, "%" PRId64, o->generation);
}

struct walk {
        const struct store_gcs_call *c;
        const struct store_list *list;
        int (*each)(const struct store_entry *entry, void *userdata);
        void *userdata;
        size_t n_left;
        char *start, *token; /* where the next page begins */
        bool more;
};

static int by_name(const void *a, const void *b) {
        return strcmp(((const struct store_entry *) a)->name,
                      ((const struct store_entry *) b)->name);
}

static int merge(struct arena *a, const struct gcs_object_list *page, struct store_entry **ret,
                 size_t *ret_n) {
        size_t n = page->n_items + page->n_prefixes;
        struct store_entry *entries = arena_zalloc_array(a, n + 1, sizeof *entries);

        if (!entries)
                return -ENOMEM;
        for (size_t i = 0; i < page->n_items; i++) {
                entries[i].name = page->items[i].name;
                store_gcs_list_info(&page->items[i], &entries[i].info);
        }
        for (size_t i = 0; i < page->n_prefixes; i++) {
                entries[page->n_items + i].name = page->prefixes[i];
                entries[page->n_items + i].is_prefix = true;
        }
        qsort(entries, n, sizeof *entries, by_name);
        *ret = entries;
        *ret_n = n;
        return 0;
}

static int ask_page(struct walk *w, struct arena *arena, struct gcs_object_list *ret,
                    struct errmsg *em) {
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        struct gcs_request q;
        int r;

        gcs_request_init(&q, GCS_LIST, NULL);
        q.prefix = w->list->prefix;
        q.delimiter = w->list->is_deep ? NULL : "/";
        q.start_offset = w->start;
        q.page_token = w->token;
        q.n_max = (unsigned) MIN(w->n_left, (size_t) PAGE_MAX);
        r = store_gcs_call(w->c, &q, 0, &a, em);
        return r < 0 ? r : gcs_object_parse_list(arena, buf_cstr(&a.body), a.body.len, ret, em);
}

/* Gives the entries behind `after`. */
static int give(struct walk *w, const struct store_entry *entries, size_t n) {
        const char *after = w->list->after;

        for (size_t i = 0; i < n; i++) {
                int r;

                if (after && strcmp(entries[i].name, after) <= 0)
                        continue;
                if (w->n_left == 0) {
                        w->more = true;
                        return 0;
                }
                r = w->each(&entries[i], w->userdata);
                if (r != 0)
                        return r;
                w->n_left--;
        }
        return 0;
}

static int walk_page(void *userdata, struct arena *arena, struct errmsg *em, bool *ret_next) {
        struct walk *w = userdata;
        struct gcs_object_list page = {};
        struct store_entry *entries;
        size_t n;
        int r = ask_page(w, arena, &page, em);

        if (r >= 0)
                r = merge(arena, &page, &entries, &n);
        if (r >= 0)
                r = give(w, entries, n);
        if (r != 0)
                return r;
        mem_free(w->token);
        w->token = mem_strdup(page.next_page_token);
        if (page.next_page_token && !w->token)
                return -ENOMEM;
        w->more = w->more || page.next_page_token;
        *ret_next = page.next_page_token && w->n_left > 0;
        return 0;
}

int store_gcs_list(const struct store_gcs_call *c, const struct store_list *list,
                   int (*each)(const struct store_entry *entry, void *userdata), void *userdata,
                   struct errmsg *em, bool *ret_more) {
        struct walk w = {
                .c = c, .list = list, .each = each, .userdata = userdata, .n_left = list->n_max};
        int r = 0;

        if (list->after) {
                w.start = store_bucket_after(list->after);
                r = w.start ? 0 : -ENOMEM;
        }
        if (r == 0)
                r = store_bucket_pages(walk_page, &w, em);
        *ret_more = w.more;
        mem_free(w.start);
        mem_free(w.token);
        return r;
}
