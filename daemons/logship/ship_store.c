#include "daemons/logship/ship_store.h"

#include <errno.h>
#include <string.h>

#include "daemons/logship/ship.h"
#include "lib/base/arena.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/gcp/store_any.h"
#include "lib/net/http_call.h"

struct ship_store_one {
        struct store *store;
        unsigned n_refs; /* lock; the current one has one of its own */
};

bool ship_store_has_connection(const struct ship_store *s) {
        return !str_empty(s->conn_id) && s->folder && store_any_is_bucket(s->folder);
}

/* --- the connection -----------------------------------------------------------------------------
 */

static int refusal(const struct ship_store *s, const struct json *answer, int status,
                   struct errmsg *em) {
        const char *why = "no reason was given";

        (void) json_want_str(answer, "detail", &why, NULL);
        return errmsg_fail(em, -EAGAIN, "connection \"%s\" ([logging] remote_log_conn_id): %s (%d)",
                           s->conn_id, why, status);
}

/* 0; 1: there is no such connection; -errno. */
static int ask(const struct ship_store *s, struct arena *a, struct json **ret, struct errmsg *em) {
        struct http_call_answer answer = {};
        int r = http_call(
                &(struct http_call){.address = s->scheduler, .target = "/internal/log_connection"},
                &answer, em);

        if (r < 0)
                errmsg_prefix(em, "connection \"%s\" ([logging] remote_log_conn_id)", s->conn_id);
        else if (json_parse_copy(a, buf_cstr(&answer.body), answer.body.len, ret, em) < 0)
                r = -EPROTO;
        if (r == 0 && answer.status == 404)
                r = 1;
        else if (r == 0 && answer.status != 200)
                r = refusal(s, *ret, answer.status, em);
        if (answer.body.data)
                explicit_bzero(answer.body.data, answer.body.len);
        http_call_answer_done(&answer);
        return r;
}

/* As Airflow does it: a connection that nobody has made means the machine's own credentials. */
static int open_as_machine(struct ship_store *s, struct store **ret, struct errmsg *em) {
        if (!s->told_missing)
                log_warning("there is no connection \"%s\" ([logging] remote_log_conn_id): %s is "
                            "reached with the machine's own credentials",
                            s->conn_id, s->folder);
        s->told_missing = true;
        return ship_open_store(s->folder, NULL, ret, em);
}

static int open_by_connection(struct ship_store *s, struct store **ret, struct errmsg *em) {
        struct conn_credentials credentials;
        struct json *connection = NULL;
        struct arena a;
        int r;

        arena_init(&a, 0);
        r = ask(s, &a, &connection, em);
        if (r == 1) {
                r = open_as_machine(s, ret, em);
        } else if (r == 0) {
                r = conn_credentials_read(connection, &a, &credentials, em);
                if (r >= 0)
                        r = ship_open_store(s->folder, &credentials, ret, em);
                if (r < 0)
                        errmsg_prefix(em, "connection \"%s\"", s->conn_id);
        }
        arena_done(&a);
        return r;
}

/* --- one and the next ---------------------------------------------------------------------------
 */

static int open_one(struct ship_store *s, struct errmsg *em) {
        struct ship_store_one *one = mem_new(struct ship_store_one);
        int r;

        if (!one)
                return errmsg_fail(em, -ENOMEM, "no memory");
        one->n_refs = 1;
        r = ship_store_has_connection(s) ? open_by_connection(s, &one->store, em)
                                         : ship_open_store(s->folder, NULL, &one->store, em);
        if (r < 0)
                mem_free(one);
        else
                s->current = one;
        return r;
}

static void drop(struct ship_store_one *one) {
        if (--one->n_refs > 0)
                return;
        store_free(one->store);
        mem_free(one);
}

int ship_store_get(struct ship_store *s, struct ship_store_one **ret, struct errmsg *em) {
        int r = 0;

        pthread_mutex_lock(&s->lock);
        if (!s->current)
                r = open_one(s, em);
        if (r >= 0) {
                s->current->n_refs++;
                *ret = s->current;
        }
        pthread_mutex_unlock(&s->lock);
        return MIN(r, 0);
}

struct store *ship_store_of(const struct ship_store_one *one) {
        return one->store;
}

void ship_store_put(struct ship_store *s, struct ship_store_one *one) {
        pthread_mutex_lock(&s->lock);
        drop(one);
        pthread_mutex_unlock(&s->lock);
}

void ship_store_forget(struct ship_store *s) {
        pthread_mutex_lock(&s->lock);
        if (s->current && ship_store_has_connection(s)) {
                drop(s->current);
                s->current = NULL;
        }
        pthread_mutex_unlock(&s->lock);
}

/* --- life ---------------------------------------------------------------------------------------
 */

void ship_store_init(struct ship_store *s) {
        pthread_mutex_init(&s->lock, NULL);
}

void ship_store_done(struct ship_store *s) {
        if (s->current)
                drop(s->current);
        s->current = NULL;
        pthread_mutex_destroy(&s->lock);
}
