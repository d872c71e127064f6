#include "daemons/scheduler/secrets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemons/scheduler/scheduler.h"
#include "daemons/scheduler/secrets_sql.h"
#include "lib/auth/auth_vault.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define CREDENTIAL "onebox-secrets-key"

struct secrets {
        struct auth_vault_keys *keys;
        char *path;
        bool is_ours; /* not a credential */
};

/* What a value is bound to. */
static char *bound_to(struct arena *a, const char *kind, const char *name) {
        return arena_printf(a, "%s:%s", kind, name);
}

/* --- reading ------------------------------------------------------------------------------------
 */

static int open_row(struct scheduler *s, const struct secrets_sql_row *row, struct arena *a,
                    struct secret *ret, struct errmsg *em) {
        _cleanup_buf_ struct buf clear = {};
        char *name = bound_to(a, row->kind, row->name);
        int r = name ? auth_vault_open(s->secrets->keys, name, row->value, &clear) : -ENOMEM;

        *ret = (struct secret){row->name, row->type, row->description, NULL};
        if (r == -ENOKEY)
                return errmsg_fail(em, r, "%s \"%s\" was sealed by a key that is not in %s",
                                   row->kind, row->name, s->secrets->path);
        if (r < 0)
                return errmsg_errno(em, r, "%s \"%s\" cannot be opened", row->kind, row->name);
        ret->value = arena_strndup(a, clear.data ? clear.data : "", clear.len);
        if (clear.data)
                explicit_bzero(clear.data, clear.len);
        return ret->value ? 0 : -ENOMEM;
}

int secrets_get(struct scheduler *s, struct db *db, const char *kind, const char *name,
                struct arena *a, struct secret *ret, struct errmsg *em) {
        struct secrets_sql_row row;
        int r = secrets_sql_get(db, kind, name, a, &row);

        if (r < 0)
                return errmsg_errno(em, r, "cannot read %s \"%s\"", kind, name);
        return r == 0 ? open_row(s, &row, a, ret, em) : r;
}

/* AIRFLOW_VAR_NAME, AIRFLOW_CONN_NAME. */
static const char *from_environment(const char *kind, const char *name, struct arena *a) {
        char *variable = arena_printf(a, "AIRFLOW_%s_%s",
                                      str_eq(kind, SECRETS_VARIABLE) ? "VAR" : "CONN", name);

        for (char *p = variable; p && *p; p++)
                *p = (char) (*p >= 'a' && *p <= 'z' ? *p - 32 : *p);
        return variable ? getenv(variable) : NULL;
}

int secrets_find(struct scheduler *s, struct db *db, const char *kind, const char *name,
                 struct arena *a, struct secret *ret, struct errmsg *em) {
        const char *value = from_environment(kind, name, a);

        if (!value)
                return secrets_get(s, db, kind, name, a, ret, em);
        *ret = (struct secret){.name = name, .value = value};
        return 0;
}

int secrets_find_connection(struct scheduler *s, struct db *db, const char *id, struct arena *a,
                            struct connection *ret, struct errmsg *em) {
        struct secret secret;
        int r = secrets_find(s, db, SECRETS_CONNECTION, id, a, &secret, em);

        if (r != 0)
                return r;
        r = connection_parse(secret.value, a, ret, em);
        if (r < 0)
                errmsg_prefix(em, "connection \"%s\"", id);
        return r;
}

struct walk {
        struct scheduler *s;
        const char *kind;
        struct arena *a;
        int (*each)(void *ctx, const struct secret *secret);
        void *ctx;
};

static int walk_one(void *ctx, const struct secrets_sql_row *row) {
        struct walk *w = ctx;
        struct secret secret;
        int r;

        if (!str_eq(row->kind, w->kind))
                return 0;
        r = open_row(w->s, row, w->a, &secret, NULL);
        return r == -ENOMEM ? r : w->each(w->ctx, &secret);
}

int secrets_each(struct scheduler *s, struct db *db, const char *kind, struct arena *a,
                 int (*each)(void *ctx, const struct secret *secret), void *ctx) {
        struct walk w = {s, kind, a, each, ctx};

        return secrets_sql_each(db, a, walk_one, &w);
}

/* --- changing -----------------------------------------------------------------------------------
 */

int secrets_put(struct scheduler *s, const char *kind, const struct secret *secret) {
        _cleanup_buf_ struct buf sealed = {};
        struct arena a;
        char *name;
        int r;

        arena_init(&a, 0);
        name = bound_to(&a, kind, secret->name);
        r = name ? auth_vault_close(s->secrets->keys, s->entropy, name, secret->value,
                                    strlen(secret->value), &sealed)
                 : -ENOMEM;
        if (r >= 0)
                r = secrets_sql_put(
                        s->db, &(struct secrets_sql_row){kind, secret->name, secret->type,
                                                         secret->description, buf_cstr(&sealed)});
        arena_done(&a);
        return MIN(r, 0);
}

int secrets_delete(struct scheduler *s, const char *kind, const char *name) {
        return secrets_sql_delete(s->db, kind, name);
}

/* --- rotation -----------------------------------------------------------------------------------
 */

int secrets_new_key(struct scheduler *s, struct errmsg *em) {
        struct secrets *v = s->secrets;
        struct auth_vault_keys *keys;
        int r = v->is_ours ? auth_vault_add_key(v->path, s->entropy, em) : 0;

        if (r >= 0)
                r = auth_vault_load(v->path, NULL, &keys, em);
        if (r < 0)
                return r;
        auth_vault_free(v->keys);
        v->keys = keys;
        return 0;
}

struct resealing {
        struct scheduler *s;
        struct arena *a;
        struct errmsg *em;
        struct secret *list;
        const char **kinds;
        size_t n, n_allocated;
};

static int gather(void *ctx, const struct secrets_sql_row *row) {
        struct resealing *q = ctx;
        size_t allocated = q->n_allocated;
        int r;

        if (auth_vault_is_current(q->s->secrets->keys, row->value))
                return 0;
        r = mem_grow((void **) &q->list, &q->n_allocated, q->n + 1, sizeof(*q->list));
        if (r >= 0)
                r = mem_grow((void **) &q->kinds, &allocated, q->n + 1, sizeof(*q->kinds));
        if (r >= 0)
                r = open_row(q->s, row, q->a, &q->list[q->n], q->em);
        if (r < 0)
                return r;
        q->kinds[q->n++] = row->kind;
        return 0;
}

int secrets_reseal(struct scheduler *s, size_t *ret_n, struct errmsg *em) {
        struct resealing q = {.s = s, .em = em};
        struct arena a;
        int r;

        arena_init(&a, 0);
        q.a = &a;
        r = secrets_sql_each(s->db, &a, gather, &q);
        for (size_t i = 0; i < q.n && r >= 0; i++)
                r = secrets_put(s, q.kinds[i], &q.list[i]);
        *ret_n = q.n;
        mem_free(q.list);
        mem_free(q.kinds);
        arena_done(&a);
        return MIN(r, 0);
}

int secrets_drop_old(struct scheduler *s, struct errmsg *em) {
        return s->secrets->is_ours ? auth_vault_drop_old(s->secrets->path, em) : 0;
}

/* --- life ---------------------------------------------------------------------------------------
 */

int secrets_new(struct scheduler *s, struct secrets **ret, struct errmsg *em) {
        const char *dir = getenv("CREDENTIALS_DIRECTORY");
        struct secrets *v = mem_new(struct secrets);
        int r;

        if (!v)
                return errmsg_fail(em, -ENOMEM, "no memory");
        v->path = dir ? str_printf("%s/" CREDENTIAL, dir) : NULL;
        if (!v->path || access(v->path, F_OK) < 0) {
                mem_free(v->path);
                v->path = paths_state(s->paths, "scheduler/secrets.key");
                v->is_ours = true;
        }
        r = v->path ? auth_vault_load(v->path, v->is_ours ? s->entropy : NULL, &v->keys, em)
                    : errmsg_fail(em, -ENOMEM, "no memory");
        if (r < 0) {
                secrets_free(v);
                return r;
        }
        *ret = v;
        return 0;
}

struct secrets *secrets_free(struct secrets *v) {
        if (!v)
                return NULL;
        auth_vault_free(v->keys);
        mem_free(v->path);
        mem_free(v);
        return NULL;
}
