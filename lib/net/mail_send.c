#include "lib/net/mail_send.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#include "lib/base/macros.h"
#include "lib/net/http_easy.h"

#define TOTAL_S 60L

struct reading {
        const char *data;
        size_t n_left;
};

static size_t on_read(char *to, size_t size, size_t n, void *ctx) {
        struct reading *r = ctx;

        n = MIN(size * n, r->n_left);
        memcpy(to, r->data, n);
        r->data += n;
        r->n_left -= n;
        return n;
}

static void set_all(CURL *easy, const struct mail_send *m, struct reading *r, struct curl_slist *to,
                    char *why) {
        curl_easy_setopt(easy, CURLOPT_URL, m->url);
        curl_easy_setopt(easy, CURLOPT_USE_SSL, m->user ? CURLUSESSL_ALL : CURLUSESSL_TRY);
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_TIMEOUT, TOTAL_S);
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, why);
        if (m->user)
                curl_easy_setopt(easy, CURLOPT_USERNAME, m->user);
        if (m->password)
                curl_easy_setopt(easy, CURLOPT_PASSWORD, m->password);
        curl_easy_setopt(easy, CURLOPT_MAIL_FROM, m->from);
        curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, to);
        curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
        curl_easy_setopt(easy, CURLOPT_READDATA, r);
}

int mail_send(const struct mail_send *m, struct errmsg *em) {
        struct reading reading = {m->message, m->n_bytes};
        char why[CURL_ERROR_SIZE] = "";
        struct curl_slist *to = NULL;
        CURL *easy = curl_easy_init();
        CURLcode code = CURLE_OUT_OF_MEMORY;

        for (const char *const *a = m->to; easy && *a; a++) {
                struct curl_slist *more = curl_slist_append(to, *a);

                if (!more) {
                        curl_slist_free_all(to);
                        curl_easy_cleanup(easy);
                        return errmsg_fail(em, -ENOMEM, "no memory");
                }
                to = more;
        }
        if (easy && to) {
                set_all(easy, m, &reading, to, why);
                code = curl_easy_perform(easy);
        }
        if (easy)
                (void) http_easy_reason(easy, code, why);
        curl_slist_free_all(to);
        curl_easy_cleanup(easy);
        if (code == CURLE_OK)
                return 0;
        return errmsg_fail(em, http_easy_errno(code), "%s does not take the mail: %s", m->url,
                           why[0] ? why : curl_easy_strerror(code));
}
