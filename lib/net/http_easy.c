/* Pure but for the handle it is given. */
#include "lib/net/http_easy.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/errmsg.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

/* Its buffer of what is received is of 16 KiB, and an answer may be a token. */
#define SECRET_MAX ((size_t) 20 * 1024)

static void http_easy_free(void *p) {
        size_t n = malloc_usable_size(p);

        if (n <= SECRET_MAX)
                mem_free_secret(p, n);
        else
                mem_free(p);
}

/* What it leaves behind is overwritten, too. */
static void *http_easy_realloc(void *p, size_t size) {
        size_t n = malloc_usable_size(p);
        void *grown;

        if (!p || n > SECRET_MAX)
                return realloc(p, size);
        if (size <= n && size > 0)
                return p;
        grown = malloc(size);
        if (grown) {
                memcpy(grown, p, MIN(n, size));
                mem_free_secret(p, n);
        }
        return grown;
}

CURLcode http_easy_init(void) {
        return curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, http_easy_free, http_easy_realloc,
                                    strdup, calloc);
}

int http_easy_errno(CURLcode code) {
        switch (code) {
        case CURLE_OK:
                return 0;
        case CURLE_OPERATION_TIMEDOUT:
                return -ETIMEDOUT;
        case CURLE_COULDNT_CONNECT:
                return -ECONNREFUSED;
        case CURLE_COULDNT_RESOLVE_HOST:
                return -EHOSTUNREACH;
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
                return -EKEYREJECTED;
        case CURLE_OUT_OF_MEMORY:
                return -ENOMEM;
        case CURLE_URL_MALFORMAT:
        case CURLE_UNSUPPORTED_PROTOCOL:
                return -EINVAL;
        case CURLE_GOT_NOTHING:
        case CURLE_RECV_ERROR:
        case CURLE_SEND_ERROR:
        case CURLE_PARTIAL_FILE:
                return -ECONNRESET;
        default:
                return -EPROTO;
        }
}

const char *http_easy_reason(CURL *easy, CURLcode code, char text[static CURL_ERROR_SIZE]) {
        const char *vague = curl_easy_strerror(code); /* its words differ between versions */
        size_t len = strlen(text);
        long error = 0;

        if (len == 0)
                (void) str_copy(text, CURL_ERROR_SIZE, vague);
        else if (code == CURLE_COULDNT_CONNECT && str_ends(text, vague) &&
                 curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &error) == CURLE_OK && error > 0)
                (void) str_copy(text + len - strlen(vague), CURL_ERROR_SIZE - len + strlen(vague),
                                errmsg_strerror(-(int) error));
        return text;
}

static bool http_easy_is_local(const char *url) {
        return str_starts(url, "http://127.") || str_starts(url, "http://localhost") ||
               str_starts(url, "http://[::1]") || str_starts(url, "http://169.254.");
}

bool http_easy_is_plain(const char *url) {
        return http_easy_is_local(url) || (str_starts(url, "http://") && !getenv("http_proxy") &&
                                           !getenv("all_proxy") && !getenv("ALL_PROXY"));
}

/* The first failure sticks. */
#define HTTP_EASY_SET(option, value)                                      \
        do {                                                              \
                if (code == CURLE_OK)                                     \
                        code = curl_easy_setopt(easy, (option), (value)); \
        } while (0)

CURLcode http_easy_set_target(CURL *easy, const char *url, const char *unix_path,
                              const char *ca_file) {
        CURLcode code = CURLE_OK;

        HTTP_EASY_SET(CURLOPT_URL, url);
        HTTP_EASY_SET(CURLOPT_PROTOCOLS_STR, "http,https");
        HTTP_EASY_SET(CURLOPT_NOSIGNAL, 1L);
        HTTP_EASY_SET(CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
        HTTP_EASY_SET(CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
        if (unix_path)
                HTTP_EASY_SET(CURLOPT_UNIX_SOCKET_PATH, unix_path);
        if (unix_path || http_easy_is_local(url))
                HTTP_EASY_SET(CURLOPT_PROXY, "");
        if (ca_file)
                HTTP_EASY_SET(CURLOPT_CAINFO, ca_file);
        return code;
}
