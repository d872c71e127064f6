/* Owns a stack of idle curl easy handles: each keeps its own connections and is used by one call at
 * a time. */
#include "lib/net/http_fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>

#include "lib/base/fault.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/http_easy.h"

#define HTTP_FETCH_CONNECT_FOR (10 * USEC_PER_SEC)
#define HTTP_FETCH_STALL_FOR (60 * USEC_PER_SEC)
#define HTTP_FETCH_MAX_BODY ((size_t) 64 << 20)
#define HTTP_FETCH_MAX_HEAD ((size_t) 64 << 10)

struct http_fetch {
        pthread_mutex_t lock;
        CURL *idle[HTTP_FETCH_IDLE]; /* under lock */
        size_t n_idle;               /* under lock */
        atomic_bool is_cancelled;
        char *ca_file, *user_agent;
        bool are_secrets;
};

struct http_fetch_run {
        struct http_fetch *fetch;
        const struct http_fetch_call *call;
        struct http_fetch_answer *answer;
        struct curl_slist *headers;
        int error; /* why we ended it ourselves */
        char text[CURL_ERROR_SIZE];
};

/* --- making and freeing ---------------------------------------------------------------------- */

int http_fetch_new(const struct http_fetch_options *o, struct http_fetch **ret) {
        struct http_fetch *f;

        if (http_easy_init() != CURLE_OK)
                return -ENOMEM;
        f = mem_new(struct http_fetch);
        if (!f) {
                curl_global_cleanup();
                return -ENOMEM;
        }
        pthread_mutex_init(&f->lock, NULL);
        if (o && o->ca_file)
                f->ca_file = mem_strdup(o->ca_file);
        f->are_secrets = o && o->are_secrets;
        f->user_agent = mem_strdup(o && o->user_agent ? o->user_agent : "onebox/" PACKAGE_VERSION);
        if (!f->user_agent || (o && o->ca_file && !f->ca_file)) {
                http_fetch_free(f);
                return -ENOMEM;
        }
        *ret = f;
        return 0;
}

struct http_fetch *http_fetch_free(struct http_fetch *f) {
        if (!f)
                return NULL;
        while (f->n_idle > 0)
                curl_easy_cleanup(f->idle[--f->n_idle]);
        pthread_mutex_destroy(&f->lock);
        mem_free(f->ca_file);
        mem_free(f->user_agent);
        mem_free(f);
        curl_global_cleanup();
        return NULL;
}

void http_fetch_cancel(struct http_fetch *f) {
        atomic_store(&f->is_cancelled, true);
}

bool http_fetch_is_cancelled(const struct http_fetch *f) {
        return atomic_load(&f->is_cancelled);
}

static CURL *http_fetch_take(struct http_fetch *f) {
        CURL *easy = NULL;

        pthread_mutex_lock(&f->lock);
        if (f->n_idle > 0)
                easy = f->idle[--f->n_idle];
        pthread_mutex_unlock(&f->lock);
        return easy ?: curl_easy_init();
}

static void http_fetch_give_back(struct http_fetch *f, CURL *easy) {
        curl_easy_reset(easy);
        pthread_mutex_lock(&f->lock);
        if (f->n_idle < HTTP_FETCH_IDLE)
                f->idle[f->n_idle++] = TAKE_PTR(easy);
        pthread_mutex_unlock(&f->lock);
        if (easy)
                curl_easy_cleanup(easy);
}

/* --- what curl calls ------------------------------------------------------------------------- */

static size_t http_fetch_on_body(char *data, size_t one, size_t size, void *ctx) {
        struct http_fetch_run *run = ctx;

        run->error = buf_add(&run->answer->body, data, size);
        if (run->error == -E2BIG)
                run->error = -EFBIG;
        if (run->fetch->are_secrets) /* the handle keeps its buffer for the next call */
                explicit_bzero(data, size);
        return run->error < 0 ? size + 1 : size;
}

/* Lines come one by one; a status line begins a new answer (after "100 Continue"). */
static size_t http_fetch_on_head(char *data, size_t one, size_t size, void *ctx) {
        struct http_fetch_run *run = ctx;

        if (size > 5 && memcmp(data, "HTTP/", 5) == 0)
                buf_reset(&run->answer->head);
        run->error = buf_add(&run->answer->head, data, size);
        return run->error < 0 ? size + 1 : size;
}

static int http_fetch_on_progress(void *ctx, curl_off_t dl_total, curl_off_t dl_now,
                                  curl_off_t ul_total, curl_off_t ul_now) {
        struct http_fetch_run *run = ctx;

        if (!atomic_load(&run->fetch->is_cancelled))
                return 0;
        run->error = -ECANCELED;
        return 1;
}

/* --- one call -------------------------------------------------------------------------------- */

static int http_fetch_add_header(struct http_fetch_run *run, const char *text) {
        struct curl_slist *grown;

        if (text[strcspn(text, "\r\n")])
                return -EINVAL;
        grown = curl_slist_append(run->headers, text);
        if (!grown)
                return -ENOMEM;
        run->headers = grown;
        return 0;
}

static int http_fetch_add_pair(struct http_fetch_run *run, const char *name, const char *value) {
        char *text = str_printf("%s%s", name, value);
        int r = text ? http_fetch_add_header(run, text) : -ENOMEM;

        if (text)
                mem_free_secret(text, strlen(text));
        return r;
}

static int http_fetch_set_headers(struct http_fetch_run *run) {
        const struct http_fetch_call *c = run->call;
        int r = 0;

        for (const char *const *h = c->headers; h && *h && r >= 0; h++)
                r = http_fetch_add_header(run, *h);
        if (r >= 0 && c->token)
                r = http_fetch_add_pair(run, "Authorization: Bearer ", c->token);
        if (r >= 0 && c->body)
                r = http_fetch_add_pair(run,
                                        "Content-Type:", c->content_type ?: " application/json");
        if (r >= 0 && c->body)
                r = http_fetch_add_header(run, "Expect:");
        return r;
}

/* The first failure sticks. */
#define HTTP_FETCH_SET(option, value)                                     \
        do {                                                              \
                if (code == CURLE_OK)                                     \
                        code = curl_easy_setopt(easy, (option), (value)); \
        } while (0)

static CURLcode http_fetch_set_limits(CURL *easy, const struct http_fetch_call *c) {
        usec_t connect_for = c->connect_for ?: HTTP_FETCH_CONNECT_FOR;
        usec_t stall_for = c->stall_for ?: HTTP_FETCH_STALL_FOR;
        CURLcode code = CURLE_OK;

        HTTP_FETCH_SET(CURLOPT_CONNECTTIMEOUT_MS, (long) (connect_for / USEC_PER_MSEC));
        if (stall_for != USEC_INFINITY) {
                HTTP_FETCH_SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
                HTTP_FETCH_SET(CURLOPT_LOW_SPEED_TIME,
                               (long) MAX(stall_for / USEC_PER_SEC, (usec_t) 1));
        }
        if (c->total_for > 0 && c->total_for != USEC_INFINITY)
                HTTP_FETCH_SET(CURLOPT_TIMEOUT_MS,
                               (long) MAX(c->total_for / USEC_PER_MSEC, (usec_t) 1));
        return code;
}

static CURLcode http_fetch_on_tls(CURL *easy, void *ctx, void *userdata) {
        SSL_CTX_set_options(ctx, SSL_OP_CLEANSE_PLAINTEXT);
        return CURLE_OK;
}

static CURLcode http_fetch_set(struct http_fetch_run *run, CURL *easy) {
        const struct http_fetch_call *c = run->call;
        CURLcode code = http_easy_set_target(easy, c->url, c->unix_path, run->fetch->ca_file);

        HTTP_FETCH_SET(CURLOPT_USERAGENT, run->fetch->user_agent);
        HTTP_FETCH_SET(CURLOPT_ERRORBUFFER, run->text);
        HTTP_FETCH_SET(CURLOPT_HTTPHEADER, run->headers);
        HTTP_FETCH_SET(CURLOPT_BUFFERSIZE, 256L << 10);
        HTTP_FETCH_SET(CURLOPT_UPLOAD_BUFFERSIZE, 256L << 10);
        if (c->body) {
                HTTP_FETCH_SET(CURLOPT_POST, 1L);
                HTTP_FETCH_SET(CURLOPT_POSTFIELDS, c->body);
                HTTP_FETCH_SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) c->body_size);
        }
        if (c->no_proxy)
                HTTP_FETCH_SET(CURLOPT_PROXY, "");
        if (c->method && str_eq(c->method, "HEAD"))
                HTTP_FETCH_SET(CURLOPT_NOBODY, 1L);
        else if (c->method)
                HTTP_FETCH_SET(CURLOPT_CUSTOMREQUEST, c->method);
        HTTP_FETCH_SET(CURLOPT_WRITEFUNCTION, http_fetch_on_body);
        HTTP_FETCH_SET(CURLOPT_WRITEDATA, run);
        HTTP_FETCH_SET(CURLOPT_HEADERFUNCTION, http_fetch_on_head);
        HTTP_FETCH_SET(CURLOPT_HEADERDATA, run);
        HTTP_FETCH_SET(CURLOPT_XFERINFOFUNCTION, http_fetch_on_progress);
        HTTP_FETCH_SET(CURLOPT_XFERINFODATA, run);
        HTTP_FETCH_SET(CURLOPT_NOPROGRESS, 0L);
        if (run->fetch->are_secrets)
                HTTP_FETCH_SET(CURLOPT_SSL_CTX_FUNCTION, http_fetch_on_tls);
        return code == CURLE_OK ? http_fetch_set_limits(easy, c) : code;
}

static int http_fetch_perform(struct http_fetch_run *run, CURL *easy) {
        CURLcode code;
        long status = 0;
        int r = http_fetch_set_headers(run);

        if (r >= 0)
                r = fault_at(FAULT_CONNECT);
        if (r < 0)
                return r;
        code = http_fetch_set(run, easy);
        if (code == CURLE_OK)
                code = curl_easy_perform(easy);
        if (run->error < 0)
                return run->error;
        if (code != CURLE_OK) {
                (void) http_easy_reason(easy, code, run->text);
                return http_easy_errno(code);
        }
        (void) curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        run->answer->status = (int) status;
        return 0;
}

int http_fetch(struct http_fetch *f, const struct http_fetch_call *c, struct http_fetch_answer *ret,
               struct errmsg *em) {
        struct http_fetch_answer answer = {};
        struct http_fetch_run run = {.fetch = f, .call = c, .answer = &answer};
        CURL *easy;
        int r;

        if (atomic_load(&f->is_cancelled))
                return errmsg_fail(em, -ECANCELED, "%s: stopped", "the call");
        buf_init(&answer.body, c->max_body ?: HTTP_FETCH_MAX_BODY);
        buf_init(&answer.head, HTTP_FETCH_MAX_HEAD);
        easy = http_fetch_take(f);
        if (!easy)
                return -ENOMEM;
        r = http_fetch_perform(&run, easy);
        if (r >= 0)
                http_fetch_give_back(f, easy);
        else /* what is left in it after a failure is nobody's promise */
                curl_easy_cleanup(easy);
        curl_slist_free_all(run.headers);
        if (r < 0) {
                errmsg_set(em, "%.*s: %s", (int) strcspn(c->url, "?"), c->url,
                           *run.text ? run.text : errmsg_strerror(r));
                http_fetch_answer_done(&answer);
                return r;
        }
        *ret = answer;
        return 0;
}

/* --- the answer ------------------------------------------------------------------------------ */

void http_fetch_answer_done(struct http_fetch_answer *a) {
        buf_done(&a->head);
        buf_done(&a->body);
}

int http_fetch_answer_header(const struct http_fetch_answer *a, const char *name, char *ret,
                             size_t ret_size) {
        size_t n_name = strlen(name);

        for (const char *line = buf_cstr(&a->head); *line;) {
                size_t n = strcspn(line, "\n");

                if (strncasecmp(line, name, n_name) == 0 && line[n_name] == ':') {
                        const char *from = line + n_name + 1, *to = line + n;

                        from += strspn(from, " \t");
                        while (to > from && strchr(" \t\r", to[-1]))
                                to--;
                        if ((size_t) (to - from) >= ret_size)
                                return -E2BIG;
                        memcpy(ret, from, (size_t) (to - from));
                        ret[to - from] = '\0';
                        return 0;
                }
                line += n + (line[n] == '\n');
        }
        return -ENOENT;
}
