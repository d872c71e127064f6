/* s3_list.c: ListObjectsV2 with encoded keys; objects and prefixes of a page are merged by name. */
#include "lib/store/s3_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"
#include "lib/net/http_target.h"
#include "lib/store/s3_xml.h"
#include "lib/store/store_bucket.h"

enum { PAGE_MAX = 1000 };

int s3_list_unquote(const char *etag, char ret[STORE_ETAG_SIZE]) {
        size_t n = strlen(etag);

        if (n >= 2 && etag[0] == '"' && etag[n - 1] == '"') {
                etag++;
                n -= 2;
        }
        if (n == 0 || n >= STORE_ETAG_SIZE || memchr(etag, '"', n))
                return -EPROTO;
        memcpy(ret, etag, n);
        ret[n] = '\0';
        return 0;
}

int s3_list_etag(const struct http_fetch_answer *a, char ret[STORE_ETAG_SIZE]) {
        char etag[STORE_ETAG_SIZE + 2];

        if (http_fetch_answer_header(a, "ETag", etag, sizeof etag) < 0)
                return -EPROTO;
        return s3_list_unquote(etag, ret);
}

int s3_list_info(const struct http_fetch_answer *a, struct store_info *ret, struct errmsg *em) {
        struct store_info info = {};
        char text[128];
        const char *size = text;

        if (http_fetch_answer_header(a, "Content-Range", text, sizeof text) == 0)
                size = strrchr(text, '/') ? strrchr(text, '/') + 1 : "";
        else if (http_fetch_answer_header(a, "Content-Length", text, sizeof text) < 0)
                return errmsg_fail(em, -EPROTO, "the answer has no size");
        if (str_to_u64(size, &info.size) < 0)
                return errmsg_fail(em, -EPROTO, "the answer's size \"%.40s\" is none", size);
        if (http_fetch_answer_header(a, "Last-Modified", text, sizeof text) == 0)
                (void) timestamp_parse_http(text, &info.modified_at);
        if (s3_list_etag(a, info.etag) < 0)
                return errmsg_fail(em, -EPROTO, "the answer has no etag");
        *ret = info;
        return 0;
}

/* --- one page ------------------------------------------------------------------------------------
 */

struct page {
        struct arena *arena;
        struct s3_list_page *out;
        size_t n_max;
        struct store_entry next; /* being read */
};

static int add(struct page *p) {
        struct s3_list_page *out = p->out;

        if (!p->next.name)
                return -EBADMSG;
        if (out->n == p->n_max) {
                size_t n_max = p->n_max ? 2 * p->n_max : 64;
                struct store_entry *grown = arena_zalloc_array(p->arena, n_max, sizeof *grown);

                if (!grown)
                        return -ENOMEM;
                if (out->n > 0)
                        memcpy(grown, out->entries, out->n * sizeof *grown);
                out->entries = grown;
                p->n_max = n_max;
        }
        out->entries[out->n++] = p->next;
        p->next = (struct store_entry){};
        return 0;
}

/* A key as encoding-type=url writes it. */
static int take_key(struct page *p, const struct buf *text) {
        char *key = arena_alloc(p->arena, text->len + 1);

        if (!key)
                return -ENOMEM;
        if (http_target_decode(key, buf_cstr(text), text->len, true) < 0)
                return -EBADMSG;
        p->next.name = key;
        return 0;
}

static int take_element(struct page *p, const struct s3_xml *x) {
        const char *text = buf_cstr(&x->text);

        if (s3_xml_is(x, "Contents", "Key") || s3_xml_is(x, "CommonPrefixes", "Prefix"))
                return take_key(p, &x->text);
        if (s3_xml_is(x, "Contents", "Size"))
                return str_to_u64(text, &p->next.info.size) < 0 ? -EBADMSG : 0;
        if (s3_xml_is(x, "Contents", "LastModified"))
                return timestamp_parse(text, &p->next.info.modified_at) < 0 ? -EBADMSG : 0;
        if (s3_xml_is(x, "Contents", "ETag"))
                return s3_list_unquote(text, p->next.info.etag) < 0 ? -EBADMSG : 0;
        if (s3_xml_is(x, NULL, "IsTruncated"))
                p->out->is_truncated = str_eq(text, "true");
        if (s3_xml_is(x, NULL, "Contents"))
                return add(p);
        if (s3_xml_is(x, NULL, "CommonPrefixes")) {
                p->next.is_prefix = true;
                return add(p);
        }
        return 0;
}

static int by_name(const void *a, const void *b) {
        return strcmp(((const struct store_entry *) a)->name,
                      ((const struct store_entry *) b)->name);
}

int s3_list_parse(struct arena *a, const char *data, size_t size, struct s3_list_page *ret) {
        struct s3_list_page out = {};
        struct page p = {.arena = a, .out = &out};
        struct s3_xml x;
        int r;

        s3_xml_init(&x, data, size);
        while ((r = s3_xml_next(&x)) > 0)
                if (r == S3_XML_CLOSE && (r = take_element(&p, &x)) < 0)
                        break;
        s3_xml_done(&x);
        if (r < 0)
                return r;
        if (out.n > 0)
                qsort(out.entries, out.n, sizeof *out.entries, by_name);
        *ret = out;
        return 0;
}

/* --- all pages -----------------------------------------------------------------------------------
 */

struct walk {
        const struct s3 *s3;
        const struct store_list *list;
        int (*each)(const struct store_entry *entry, void *userdata);
        void *userdata;
        size_t n_left;
        struct buf after; /* the last one given; empty before the first */
        bool more;
};

static int ask_page(struct walk *w, struct arena *arena, struct s3_list_page *ret,
                    struct errmsg *em) {
        _cleanup_free_ char *after = w->after.len > 0 ? store_bucket_after(w->after.data) : NULL;
        char n_max[16];
        struct aws_sigv4_pair query[6] = {{"list-type", "2"},
                                          {"encoding-type", "url"},
                                          {"max-keys", n_max},
                                          {"prefix", w->list->prefix}};
        struct s3_call call = {.method = "GET", .query = query, .n_query = 4};
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        int r;

        snprintf(n_max, sizeof n_max, "%zu", MIN(w->n_left, (size_t) PAGE_MAX));
        if (w->after.len > 0 && !after)
                return -ENOMEM;
        if (after)
                query[call.n_query++] = (struct aws_sigv4_pair){"start-after", after};
        if (!w->list->is_deep)
                query[call.n_query++] = (struct aws_sigv4_pair){"delimiter", "/"};
        r = s3_call(w->s3, &call, &a, em);
        if (r < 0)
                return r;
        r = s3_list_parse(arena, buf_cstr(&a.body), a.body.len, ret);
        return r == -EBADMSG
                       ? errmsg_fail(em, r, "s3://%s: the listing is not S3's XML", w->s3->bucket)
                       : r;
}

/* *ret_next: another page is wanted and there is one. */
static int walk_page(void *userdata, struct arena *arena, struct errmsg *em, bool *ret_next) {
        struct walk *w = userdata;
        struct s3_list_page page;
        int r = ask_page(w, arena, &page, em);

        if (r < 0)
                return r;
        for (size_t i = 0; i < page.n; i++) {
                r = w->each(&page.entries[i], w->userdata);
                if (r != 0)
                        return r;
                w->n_left--;
        }
        if (page.n > 0) {
                buf_reset(&w->after);
                r = buf_add_str(&w->after, page.entries[page.n - 1].name);
        }
        w->more = page.is_truncated && page.n > 0;
        *ret_next = w->more && w->n_left > 0;
        return r;
}

int s3_list_all(const struct s3 *s3, const struct store_list *list,
                int (*each)(const struct store_entry *entry, void *userdata), void *userdata,
                struct errmsg *em, bool *ret_more) {
        struct walk w = {
                .s3 = s3, .list = list, .each = each, .userdata = userdata, .n_left = list->n_max};
        int r = list->after ? buf_add_str(&w.after, list->after) : 0;

        if (r == 0)
                r = store_bucket_pages(walk_page, &w, em);
        *ret_more = w.more;
        buf_done(&w.after);
        return r;
}
