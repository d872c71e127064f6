/* token_source.h: one way to a token. A source fetches when told and keeps nothing but what it
 * needs for that; time, waiting and repeating are token.c's. */
#pragma once

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/errmsg.h"
#include "lib/net/http_fetch.h"

/* What one attempt may use. */
struct token_source_ask {
        struct http_fetch *http;
        const struct clock *clock;
        const char *scopes; /* joined by blanks */
        const char *ca_file;
};

struct token_source_answer {
        char *text;        /* the caller's: mem_free_secret(); NULL = anonymous */
        usec_t expires_at; /* wall clock; 0 = never */
};
void token_source_answer_done(struct token_source_answer *a);

struct token_source;
struct token_source_ops {
        /* One attempt, blocking, on one thread at a time. 0 or negative with em set; whether
         * another attempt helps: token_source_is_transient(). */
        int (*fetch)(struct token_source *s, const struct token_source_ask *ask,
                     struct token_source_answer *ret, struct errmsg *em);
        void (*free)(struct token_source *s);
};

/* First member of every source's own struct. Strings live as long as the source. */
struct token_source {
        const struct token_source_ops *ops;
        char *what;                /* for people */
        const char *project;       /* NULL when not known */
        const char *quota_project; /* NULL when not known */
        const char *email;         /* NULL when not known */
        bool is_fixed;             /* there is never another token */
};

struct token_source *token_source_free(struct token_source *s);
DEFINE_CLEANUP(struct token_source *, token_source_free)

/* Not there yet, busy or cut off, as against refused or wrong. */
bool token_source_is_transient(int error);
/* 0 for 2xx; -EAGAIN for 408, 429 and 5xx; -EACCES for 401 and 403; -ENOENT for 404; -EINVAL. */
int token_source_status_error(int status);

/* Posts a form or JSON and takes the answer's token. `what` begins the error: "the token endpoint".
 * bearer may be NULL. */
int token_source_post(const struct token_source_ask *ask, const char *what, const char *url,
                      const char *content_type, const struct buf *body, const char *bearer,
                      struct token_source_answer *ret, struct errmsg *em);
/* Appends "name=value", both %-encoded, with "&" between pairs. */
int token_source_form(struct buf *form, const char *name, const char *value);
/* https, or http to this machine: what a secret may be sent to. 0 or -EINVAL with em. */
int token_source_check_url(const char *url, const char *key, struct errmsg *em);
