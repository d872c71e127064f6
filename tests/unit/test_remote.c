/* Calls that wait, and lists that come in pages. */
#include "fuse-gcs/remote.h"

#include <errno.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "tests/unit/mount_test_bucket.h"

struct heard {
        char names[64];
        unsigned n_pages;
        int enough_after, fails_after; /* pages; 0: never */
        unsigned n_max;                /* of what follows; 0: as it was */
};

static int on_page(void *ctx, const struct gcs_object_list *l, struct gcs_request *q) {
        struct heard *h = ctx;

        h->n_pages++;
        for (size_t i = 0; i < l->n_items; i++)
                strcat(h->names, l->items[i].name);
        strcat(h->names, "|");
        if (h->n_max > 0)
                q->n_max = h->n_max;
        if (h->fails_after == (int) h->n_pages)
                return -EMFILE;
        return h->enough_after == (int) h->n_pages;
}

static int list(struct mount_test *t, struct heard *h) {
        struct gcs_request q;
        int r;

        gcs_request_init(&q, GCS_LIST, NULL);
        q.prefix = "d/";
        q.n_max = 2;
        r = remote_each_page(t->m.remote, &q, on_page, h);
        assert_null(q.page_token); /* nothing that was freed stays in it */
        return r;
}

static void fill(struct mount_test *t) {
        static const char *const names[] = {"a", "d/1", "d/2", "d/3", "d/4", "d/5", "e"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                mount_test_bucket_put(&t->bucket, names[i], "x");
}

static void test_all_pages(void **state) {
        struct mount_test *t = *state;
        struct heard h = {};

        assert_int_equal(list(t, &h), 0);
        assert_string_equal(h.names, "|"); /* of nothing, too, there is a page */
        fill(t);
        h = (struct heard){};
        assert_int_equal(list(t, &h), 0);
        assert_string_equal(h.names, "d/1d/2|d/3d/4|d/5|");
        h = (struct heard){.n_max = 100};
        assert_int_equal(list(t, &h), 0);
        assert_string_equal(h.names, "d/1d/2|d/3d/4d/5|");
}

static void test_enough(void **state) {
        struct mount_test *t = *state;
        struct heard h = {.enough_after = 1};

        fill(t);
        mount_test_bucket_forget_calls(&t->bucket);
        assert_int_equal(list(t, &h), 0);
        assert_string_equal(h.names, "d/1d/2|");
        assert_int_equal(t->bucket.n_calls[GCS_LIST], 1);
}

static void test_what_ends_it(void **state) {
        struct mount_test *t = *state;
        struct heard h = {.fails_after = 2};

        fill(t);
        assert_int_equal(list(t, &h), -EMFILE);
        assert_int_equal(h.n_pages, 2);
        h = (struct heard){};
        t->bucket.fault = (struct mount_test_fault){.verb = GCS_LIST, .status = 403, .n = 1};
        assert_int_equal(list(t, &h), -EACCES);
        assert_int_equal(h.n_pages, 0);
}

/* Two pages, without an allocation of its own. */
static int answer_pages(struct remote *r, struct gcs_request *q) {
        static const char first[] = "{\"items\":[{\"name\":\"1\"}],\"nextPageToken\":\"t\"}",
                          second[] = "{\"items\":[{\"name\":\"2\"}]}";
        const char *body = q->page_token ? second : first;
        struct gcs_answer a = {.status = 200, .text = "", .body = body, .body_len = strlen(body)};

        q->done(q->ctx, &a);
        return 0;
}

/* A list that cannot be gone on with for want of memory is no short list. */
static void test_no_memory_is_no_end(void **state) {
        static const struct remote_ops ops = {.start = answer_pages};
        struct remote remote = {&ops};
        unsigned n_failed = 0;
        bool ended = false;

        for (unsigned nth = 1; nth < 100 && !ended; nth++) {
                struct gcs_request q;
                struct heard h = {};
                int r;

                gcs_request_init(&q, GCS_LIST, NULL);
                fault_arm(FAULT_ALLOC, nth, 0, 1);
                r = remote_each_page(&remote, &q, on_page, &h);
                ended = fault_count(FAULT_ALLOC) < nth;
                fault_reset();
                if (r >= 0 && !str_eq(h.names, "1|2|"))
                        fail_msg("allocation %u failed: \"%s\" was taken for all", nth, h.names);
                n_failed += r < 0;
        }
        assert_true(ended);
        assert_true(n_failed >= 3); /* two answers and a token at least */
}

static void test_a_call_and_its_answer(void **state) {
        struct mount_test *t = *state;
        _cleanup_answer_ struct remote_answer answer = {}, none = {};
        struct gcs_request q;

        fill(t);
        gcs_request_init(&q, GCS_STAT, "d/3");
        assert_int_equal(remote_call(t->m.remote, &q, &answer), 0);
        assert_int_equal(answer.status, 200);
        assert_non_null(strstr(answer.body, "\"name\":\"d/3\""));
        gcs_request_init(&q, GCS_STAT, "d/9");
        assert_int_equal(remote_call(t->m.remote, &q, &none), -ENOENT);
        assert_int_equal(none.error, -ENOENT);
}

static int refuse(struct remote *r, struct gcs_request *q) {
        return -EMFILE;
}

static void test_what_does_not_start(void **state) {
        static const struct remote_ops ops = {.start = refuse};
        struct remote r = {&ops};
        struct remote_answer answer;
        struct gcs_request q;

        gcs_request_init(&q, GCS_STAT, "a");
        assert_int_equal(remote_call(&r, &q, &answer), -EMFILE);
        assert_int_equal(answer.error, -EMFILE);
        assert_null(answer.body);
        /* No way of its own for reads: over the loop. */
        assert_int_equal(remote_read(&r, &q, NULL), 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                mount_test_case(test_all_pages),
                mount_test_case(test_enough),
                mount_test_case(test_what_ends_it),
                mount_test_case(test_no_memory_is_no_end),
                mount_test_case(test_a_call_and_its_answer),
                mount_test_case(test_what_does_not_start),
        };

        return cmocka_run_group_tests_name("remote", tests, NULL, NULL);
}
