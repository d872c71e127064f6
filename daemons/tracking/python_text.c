#include "daemons/tracking/python_text.h"

#include <locale.h>
#include <pthread.h>
#include <string.h>
#include <wctype.h>

#include "lib/base/utf8.h"

static bool is_space(uint32_t cp) {
        if (cp <= 0x20)
                return (cp >= 0x09 && cp <= 0x0D) || cp >= 0x1C;
        return cp == 0x85 || cp == 0xA0 || cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200A) ||
               cp == 0x2028 || cp == 0x2029 || cp == 0x202F || cp == 0x205F || cp == 0x3000;
}

char *python_text_strip(struct arena *a, const char *text) {
        size_t n = strlen(text), begin = n, end = 0;
        uint32_t cp;

        for (size_t at = 0; at < n;) {
                int size = utf8_decode(text + at, n - at, &cp);

                size = size < 1 ? 1 : size;
                if (!is_space(cp)) {
                        begin = begin == n ? at : begin;
                        end = at + (size_t) size;
                }
                at += (size_t) size;
        }
        return arena_strndup(a, text + begin, end > begin ? end - begin : 0);
}

static locale_t unicode;

static void make_locale(void) {
        unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t) 0);
}

static uint32_t lower(uint32_t cp) {
        static pthread_once_t once = PTHREAD_ONCE_INIT;

        pthread_once(&once, make_locale);
        if (unicode != (locale_t) 0)
                return (uint32_t) towlower_l((wint_t) cp, unicode);
        return cp >= 'A' && cp <= 'Z' ? cp + 32 : cp;
}

char *python_text_lower(struct arena *a, const char *text) {
        static const char dotted[] = "i\xCC\x87"; /* of the one capital that becomes two */
        size_t n = strlen(text);
        char *out = arena_alloc(a, 4 * n + 1), *p = out;
        uint32_t cp = 0;

        for (size_t at = 0; out && at < n;) {
                int size = utf8_decode(text + at, n - at, &cp);

                if (size < 1) { /* not UTF-8: as it is */
                        *p++ = text[at++];
                        continue;
                }
                if (cp == 0x130)
                        p = mempcpy(p, dotted, sizeof(dotted) - 1);
                else
                        p += utf8_encode(lower(cp), p);
                at += (size_t) size;
        }
        if (out)
                *p = 0;
        return out;
}
