#include "lib/net/curl.h"

#define CURL_DISABLE_TYPECHECK /* here alone: what takes any type is defined, not called */
#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

#undef curl_easy_getinfo
#undef curl_easy_setopt
#undef curl_multi_setopt

/* The library's own calls must not come here. */
#define HIDDEN __attribute__((visibility("hidden")))

static struct {
#define CURL_VOID(f, params, args) typeof(f) *f;
#define CURL_CALL(type, otherwise, f, params, args) typeof(f) *f;
#include "lib/net/curl.def"
#undef CURL_VOID
#undef CURL_CALL
        typeof(curl_easy_getinfo) *curl_easy_getinfo;
        typeof(curl_easy_setopt) *curl_easy_setopt;
        typeof(curl_multi_setopt) *curl_multi_setopt;
} lib;

static char missing[256];

static void load(void) {
        void *so = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);

        if (!so) {
                (void) snprintf(missing, sizeof(missing), "%s", dlerror());
                return;
        }
#define FIND(f)                              \
        lib.f = (typeof(f) *) dlsym(so, #f); \
        if (!lib.f)                          \
                (void) snprintf(missing, sizeof(missing), "libcurl.so.4 has no " #f);
#define CURL_VOID(f, params, args) FIND(f)
#define CURL_CALL(type, otherwise, f, params, args) FIND(f)
#include "lib/net/curl.def"
#undef CURL_VOID
#undef CURL_CALL
        FIND(curl_easy_getinfo)
        FIND(curl_easy_setopt)
        FIND(curl_multi_setopt)
#undef FIND
}

static bool is_there(void) {
        static pthread_once_t once = PTHREAD_ONCE_INIT;

        (void) pthread_once(&once, load);
        return !*missing;
}

int curl_load(struct errmsg *em) {
        if (is_there())
                return 0;
        return errmsg_fail(em, -EPROTONOSUPPORT,
                           "libcurl is not there (%s): apt-get install libcurl4", missing);
}

#define CURL_VOID(f, params, args)  \
        HIDDEN void f params {      \
                if (is_there())     \
                        lib.f args; \
        }
#define CURL_CALL(type, otherwise, f, params, args)         \
        HIDDEN type f params {                              \
                return is_there() ? lib.f args : otherwise; \
        }
#include "lib/net/curl.def"
#undef CURL_VOID
#undef CURL_CALL

/* By the option's number it is a long, a pointer or a curl_off_t that follows. */
#define FORWARD(f, handle, option)                                                                 \
        do {                                                                                       \
                va_list ap;                                                                        \
                                                                                                   \
                va_start(ap, option);                                                              \
                if ((int) (option) < CURLOPTTYPE_OBJECTPOINT)                                      \
                        code = lib.f(handle, option, va_arg(ap, long));                            \
                else if ((int) (option) >= CURLOPTTYPE_OFF_T && (int) (option) < CURLOPTTYPE_BLOB) \
                        code = lib.f(handle, option, va_arg(ap, curl_off_t));                      \
                else                                                                               \
                        code = lib.f(handle, option, va_arg(ap, void *));                          \
                va_end(ap);                                                                        \
        } while (0)

HIDDEN CURLcode curl_easy_setopt(CURL *easy, CURLoption option, ...) {
        CURLcode code = CURLE_FAILED_INIT;

        if (is_there())
                FORWARD(curl_easy_setopt, easy, option);
        return code;
}

HIDDEN CURLMcode curl_multi_setopt(CURLM *multi, CURLMoption option, ...) {
        CURLMcode code = CURLM_OUT_OF_MEMORY;

        if (is_there())
                FORWARD(curl_multi_setopt, multi, option);
        return code;
}

HIDDEN CURLcode curl_easy_getinfo(CURL *easy, CURLINFO what, ...) {
        CURLcode code = CURLE_FAILED_INIT;
        va_list ap;

        if (!is_there())
                return code;
        va_start(ap, what);
        code = lib.curl_easy_getinfo(easy, what, va_arg(ap, void *)); /* always where it goes */
        va_end(ap);
        return code;
}
