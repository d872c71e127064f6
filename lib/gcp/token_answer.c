/* token_answer.c: nothing of a body is quoted but its error texts. */
#include "lib/gcp/token_answer.h"

#include <errno.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/json.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"

#define TOKEN_MAX ((size_t) 64 << 10)
#define ARENA_MAX ((size_t) 4 << 20)
#define LIFETIME_MAX_S (366 * 24 * 3600)

/* A token goes into a header: printable ASCII without blanks. */
static bool is_token(const char *s) {
        size_t n = strlen(s);

        if (n == 0 || n > TOKEN_MAX)
                return false;
        for (; *s; s++)
                if (*s <= 0x20 || *s >= 0x7f)
                        return false;
        return true;
}

/* A number, or a number in a string; 0 when there is none. -EINVAL: neither. */
static int lifetime(const struct json *j, int64_t *ret_s) {
        const char *text;
        double f;
        int r;

        *ret_s = 0;
        if (!j || json_is(j, JSON_NULL))
                return 0;
        if (json_str(j, &text) == 0)
                r = str_to_f64(text, &f);
        else
                r = json_f64(j, &f);
        if (r != 0 || !(f >= 0))
                return -EINVAL;
        *ret_s = f > LIFETIME_MAX_S ? LIFETIME_MAX_S : (int64_t) f;
        return 0;
}

static int expiry(const struct json *root, usec_t now_at, usec_t *ret_at, struct errmsg *em) {
        const struct json *until = json_get(root, "expireTime");
        const char *text;
        int64_t s;

        if (until) {
                if (json_str(until, &text) == 0 && timestamp_parse(text, ret_at) == 0)
                        return 0;
                return errmsg_fail(em, -EPROTO, "\"expireTime\" is not a time");
        }
        if (lifetime(json_get(root, "expires_in"), &s) < 0)
                return errmsg_fail(em, -EPROTO, "\"expires_in\" is not a number of seconds");
        *ret_at = s > 0 ? now_at + (usec_t) s * USEC_PER_SEC : 0;
        return 0;
}

static int take(struct arena *arena, const char *body, size_t size, usec_t now_at, char **ret_text,
                usec_t *ret_expires_at, struct errmsg *em) {
        struct json *root;
        const char *text;
        usec_t at;
        int r;

        r = json_parse_copy(arena, body, size, &root, NULL);
        if (r == -ENOMEM)
                return r;
        if (r < 0 || !json_is(root, JSON_OBJECT))
                return errmsg_fail(em, -EPROTO, "the answer is not a JSON object");
        if (json_str(json_get(root, "access_token"), &text) != 0 &&
            json_str(json_get(root, "accessToken"), &text) != 0)
                return errmsg_fail(em, -EPROTO, "the answer has no access token");
        if (!is_token(text))
                return errmsg_fail(em, -EPROTO, "the access token has bytes no header can carry");
        r = expiry(root, now_at, &at, em);
        if (r < 0)
                return r;
        *ret_text = mem_strdup(text);
        if (!*ret_text)
                return -ENOMEM;
        *ret_expires_at = at;
        return 0;
}

/* The arena's copy of the token goes with the arena; it is not wiped, as the body was not. */
int token_answer_parse(const char *body, size_t size, usec_t now_at, char **ret_text,
                       usec_t *ret_expires_at, struct errmsg *em) {
        struct arena arena;
        int r;

        arena_init(&arena, ARENA_MAX);
        r = take(&arena, body, size, now_at, ret_text, ret_expires_at, em);
        arena_done(&arena);
        return r;
}

/* --- errors --------------------------------------------------------------------------------------
 */

static void add_words(char *ret, size_t ret_size, const char *words) {
        size_t n = strlen(ret);

        if (n > 0 && n + 2 < ret_size) {
                memcpy(ret + n, ": ", 3);
                n += 2;
        }
        for (; *words && n + 1 < ret_size; words++)
                if ((unsigned char) *words >= 0x20 && *words != 0x7f)
                        ret[n++] = *words;
        ret[n] = '\0';
}

void token_answer_reason(const char *body, size_t size, char *ret, size_t ret_size) {
        const struct json *error;
        struct arena arena;
        struct json *root;
        const char *text;

        assert(ret_size > 0);
        ret[0] = '\0';
        arena_init(&arena, ARENA_MAX);
        if (json_parse_copy(&arena, body, size, &root, NULL) == 0) {
                error = json_get(root, "error");
                if (json_str(error, &text) == 0)
                        add_words(ret, ret_size, text);
                if (json_str(json_get(error, "status"), &text) == 0)
                        add_words(ret, ret_size, text);
                if (json_str(json_get(error, "message"), &text) == 0 ||
                    json_str(json_get(root, "error_description"), &text) == 0)
                        add_words(ret, ret_size, text);
        }
        arena_done(&arena);
}
