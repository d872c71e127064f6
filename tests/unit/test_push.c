/* A resumable upload: what is sent, what is sent again after a broken connection, and what cannot
 * be. */
#include "fuse-gcs/push.h"

#include <errno.h>

#include "lib/base/crc32c.h"
#include "lib/base/mem.h"
#include "tests/unit/mount_test_bucket.h"

static const struct push_target target = {
        .name = "f",
        .if_generation = 0,
        .if_metageneration = GCS_ANY,
        .json = "{\"name\":\"f\"}",
        .content_type = "text/plain",
};

static struct push_piece piece_of(const char *text) {
        struct push_piece p;

        assert_int_equal(push_piece_init(&p, mem_strdup(text), strlen(text)), 0);
        return p;
}

static struct push *begin(struct mount_test *t) {
        struct push *u = NULL;

        assert_int_equal(push_begin(&t->m, &target, &u), 0);
        return u;
}

static int put(struct push *u, const char *text) {
        struct push_piece p = piece_of(text);

        return push_put(u, &p);
}

static int finish(struct push *u, const char *text) {
        _cleanup_answer_ struct remote_answer answer = {};
        struct push_piece p = {};

        if (text)
                p = piece_of(text);
        return push_finish(u, &p, &answer);
}

static void test_pieces(void **state) {
        atomic_size_t account = 10;
        struct push_piece p;

        assert_int_equal(push_piece_init(&p, NULL, 0), 0);
        assert_int_equal(push_piece_size(&p), 0);
        push_piece_done(&p);
        p = piece_of("hello");
        p.account = &account;
        p.n_accounted = 7;
        assert_int_equal(push_piece_size(&p), 5);
        push_piece_done(&p);
        assert_int_equal(account, 3);
        /* Once. */
        push_piece_done(&p);
        assert_int_equal(account, 3);
}

static void test_sends(void **state) {
        struct mount_test *t = *state;
        struct push *u = begin(t);

        assert_int_equal(put(u, "one "), 0);
        assert_int_equal(put(u, "two "), 0);
        assert_null(mount_test_bucket_get(&t->bucket, "f"));
        assert_int_equal(finish(u, "three"), 0);
        assert_int_equal(push_n_sent(u), 13);
        assert_int_equal(push_crc32c(u), crc32c_add(0, "one two three", 13));
        mount_test_bucket_assert(&t->bucket, "f", "one two three");
        push_free(u);
        /* What is ended is not given up. */
        assert_int_equal(t->bucket.n_calls[GCS_UPLOAD_CANCEL], 0);
        assert_int_equal(t->bucket.n_calls[GCS_UPLOAD_STATUS], 0);
}

/* The end may come without a byte, after what was sent or after nothing. */
static void test_ends_without_bytes(void **state) {
        struct mount_test *t = *state;
        struct push *u = begin(t);

        assert_int_equal(put(u, "all"), 0);
        assert_int_equal(finish(u, NULL), 0);
        mount_test_bucket_assert(&t->bucket, "f", "all");
        push_free(u);
        mount_test_bucket_remove(&t->bucket, "f");
        u = begin(t);
        assert_int_equal(finish(u, NULL), 0);
        mount_test_bucket_assert(&t->bucket, "f", "");
        push_free(u);
}

static void test_given_up(void **state) {
        struct mount_test *t = *state;
        struct push *u = begin(t);

        assert_int_equal(put(u, "one"), 0);
        assert_null(push_free(u));
        assert_int_equal(t->bucket.n_calls[GCS_UPLOAD_CANCEL], 1);
        assert_null(mount_test_bucket_get(&t->bucket, "f"));
        assert_null(push_free(NULL));
}

static void test_broken_before_and_after(void **state) {
        struct mount_test *t = *state;

        for (int after = 0; after < 2; after++) {
                struct push *u = begin(t);

                assert_int_equal(put(u, "one "), 0);
                mount_test_bucket_forget_calls(&t->bucket);
                t->bucket.fault = (struct mount_test_fault){GCS_UPLOAD_PUT, 503, after, 1};
                assert_int_equal(put(u, "two "), 0);
                assert_int_equal(finish(u, "three"), 0);
                assert_int_equal(t->bucket.n_calls[GCS_UPLOAD_STATUS], 1);
                /* What got there is not sent again. */
                assert_int_equal(t->bucket.n_calls[GCS_UPLOAD_PUT], after ? 2 : 3);
                mount_test_bucket_assert(&t->bucket, "f", "one two three");
                assert_int_equal(push_crc32c(u), crc32c_add(0, "one two three", 13));
                push_free(u);
                mount_test_bucket_remove(&t->bucket, "f");
        }
}

/* The last answer is lost: the status brings the object. */
static void test_last_answer_lost(void **state) {
        struct mount_test *t = *state;
        struct push *u = begin(t);

        assert_int_equal(put(u, "one "), 0);
        t->bucket.upload_if = GCS_ANY; /* the status, too, is carried out by the double */
        t->bucket.fault = (struct mount_test_fault){GCS_UPLOAD_PUT, 503, true, 1};
        assert_int_equal(finish(u, "two"), 0);
        mount_test_bucket_assert(&t->bucket, "f", "one two");
        push_free(u);
}

static void test_refused(void **state) {
        struct mount_test *t = *state;
        struct push *u = begin(t);

        /* Somebody was faster. */
        mount_test_bucket_put(&t->bucket, "f", "theirs");
        assert_int_equal(put(u, "ours"), 0);
        assert_int_equal(finish(u, NULL), -ESTALE);
        mount_test_bucket_assert(&t->bucket, "f", "theirs");
        push_free(u);
        /* Not to be begun. */
        t->bucket.fault = (struct mount_test_fault){GCS_UPLOAD_BEGIN, 403, false, 1};
        u = NULL;
        assert_int_equal(push_begin(&t->m, &target, &u), -EACCES);
        assert_null(u);
}

/* --- a service that takes a part ------------------------------------------------------------- */

/* Cuts the next piece's connection and keeps `keeps` bytes of the upload. */
struct partial {
        struct remote remote;
        struct mount_test *t;
        bool cuts, has_no_location;
        size_t keeps;
};

static void ignore(void *ctx, const struct gcs_answer *a) {
}

static int partial_start(struct remote *r, struct gcs_request *q) {
        struct partial *p = container_of(r, struct partial, remote);
        struct gcs_answer a = {.error = -ECONNRESET, .text = "cut", .body = "", .unsure = true};
        struct gcs_request silent = *q;
        bool cuts = q->verb == GCS_UPLOAD_PUT && p->cuts;

        if (!cuts && !(q->verb == GCS_UPLOAD_BEGIN && p->has_no_location))
                return p->t->bucket.remote.ops->start(&p->t->bucket.remote, q);
        silent.done = ignore;
        (void) p->t->bucket.remote.ops->start(&p->t->bucket.remote, &silent);
        if (cuts) {
                p->cuts = false;
                buf_truncate(&p->t->bucket.upload, p->keeps);
        } else {
                a = (struct gcs_answer){.status = 200, .text = "", .body = ""};
        }
        q->done(q->ctx, &a);
        return 0;
}

static void partial_init(struct partial *p, struct mount_test *t) {
        static const struct remote_ops ops = {.start = partial_start};

        *p = (struct partial){.remote.ops = &ops, .t = t};
        t->m.remote = &p->remote;
}

static void test_a_part_arrived(void **state) {
        struct mount_test *t = *state;
        struct partial p;
        struct push *u;

        partial_init(&p, t);
        u = begin(t);
        assert_int_equal(put(u, "one "), 0);
        p.cuts = true;
        p.keeps = 6; /* "tw" of the second piece */
        assert_int_equal(put(u, "two "), 0);
        assert_int_equal(finish(u, "three"), 0);
        mount_test_bucket_assert(&t->bucket, "f", "one two three");
        assert_int_equal(push_crc32c(u), crc32c_add(0, "one two three", 13));
        push_free(u);
}

/* What is no longer here cannot be sent again: an error, never a torn object. */
static void test_what_was_taken_is_lost(void **state) {
        struct mount_test *t = *state;
        struct partial p;
        struct push *u;

        partial_init(&p, t);
        u = begin(t);
        assert_int_equal(put(u, "one "), 0);
        p.cuts = true;
        p.keeps = 2;
        assert_int_equal(put(u, "two "), 0);
        assert_int_equal(finish(u, "three"), -EIO);
        assert_null(mount_test_bucket_get(&t->bucket, "f"));
        push_free(u);
        assert_int_equal(t->bucket.n_calls[GCS_UPLOAD_CANCEL], 1);
}

static void test_no_location(void **state) {
        struct mount_test *t = *state;
        struct push *u = NULL;
        struct partial p;

        partial_init(&p, t);
        p.has_no_location = true;
        assert_int_equal(push_begin(&t->m, &target, &u), -EPROTO);
        assert_null(u);
}

/* Told to end while it tries again: soon, and with an error. */
static void test_stopping(void **state) {
        struct mount_test *t = *state;
        struct push *u = begin(t);

        t->bucket.fault = (struct mount_test_fault){GCS_UPLOAD_PUT, 503, false, 1000};
        t->m.stopping = true;
        assert_int_equal(put(u, "one "), 0);
        assert_int_equal(finish(u, "two"), -EIO);
        assert_null(mount_test_bucket_get(&t->bucket, "f"));
        push_free(u);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                mount_test_case(test_pieces),
                mount_test_case(test_sends),
                mount_test_case(test_ends_without_bytes),
                mount_test_case(test_given_up),
                mount_test_case(test_broken_before_and_after),
                mount_test_case(test_last_answer_lost),
                mount_test_case(test_refused),
                mount_test_case(test_a_part_arrived),
                mount_test_case(test_what_was_taken_is_lost),
                mount_test_case(test_no_location),
                mount_test_case(test_stopping),
        };

        return cmocka_run_group_tests_name("push", tests, NULL, NULL);
}
