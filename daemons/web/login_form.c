#include "daemons/web/login_form.h"

#include <errno.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/net/http_target.h"

#define NEXT_MAX 1024 /* bytes */

bool login_form_is_page(const char *s) {
        if (strlen(s) > NEXT_MAX)
                return false;
        if (str_starts(s, "./"))
                s += 2;
        s += strspn(s, "abcdefghijklmnopqrstuvwxyz");
        if (*s && *s != '?')
                return false;
        for (; *s; s++)
                if ((unsigned char) *s <= ' ' || *s == '\\' || *s == 0x7f)
                        return false;
        return true;
}

static const char *decode(struct arena *a, const char *s, size_t size) {
        char *out = arena_alloc(a, size + 1);

        if (!out)
                return NULL;
        return http_target_decode(out, s, size, true) < 0 ? "" : out;
}

int login_form_parse(struct arena *a, const char *body, size_t size, struct login_form *ret) {
        struct login_form f = {"", "", "./"};
        const char *s = body, *pair;
        size_t n;

        if (strlen(body) != size)
                return -EINVAL;
        while (str_word(&s, "&", &pair, &n)) {
                const char *equals = memchr(pair, '=', n), *value;
                size_t n_key = equals ? (size_t) (equals - pair) : n;

                if (!equals)
                        continue;
                value = decode(a, equals + 1, n - n_key - 1);
                if (!value)
                        return -ENOMEM;
                if (n_key == 8 && memcmp(pair, "username", 8) == 0)
                        f.user = value;
                else if (n_key == 8 && memcmp(pair, "password", 8) == 0)
                        f.password = value;
                else if (n_key == 4 && memcmp(pair, "next", 4) == 0 && *value &&
                         login_form_is_page(value))
                        f.next = value;
        }
        *ret = f;
        return 0;
}

int login_form_page(struct buf *out, const char *html, size_t size, const char *error,
                    const char *next) {
        const struct {
                const char *mark, *value;
        } places[] = {{"<!--error-->", error ? error : ""}, {"<!--next-->", next}};
        const char *end = html + size;

        for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
                const char *at =
                        memmem(html, (size_t) (end - html), places[i].mark, strlen(places[i].mark));

                if (!at)
                        continue;
                buf_add(out, html, (size_t) (at - html));
                buf_add_markup(out, places[i].value);
                html = at + strlen(places[i].mark);
        }
        buf_add(out, html, (size_t) (end - html));
        return buf_error(out) ? -ENOMEM : 0;
}
