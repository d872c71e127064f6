/* zone: see zone.h. A zone is a sorted table of moments at which the rule changes; beyond its end
 * the POSIX rule of the footer (RFC 8536, 3.3) counts. The tables are checked once, at the parse.
 */
#include "lib/base/zone.h"

#include <errno.h>
#include <string.h>

#include "lib/base/civil.h"
#include "lib/base/mem.h"
#include "lib/base/zone_posix.h"

#define N_TRANSITIONS_MAX 4096
#define N_TYPES_MAX 256
#define N_CHARS_MAX 2048
#define HEADER_SIZE 44
#define OFFSET_MAX (26 * 3600)

struct transition {
        int64_t at;
        uint8_t type;
};

struct zone {
        char *name;
        struct transition *transitions;
        struct zone_info *types;
        char *abbrs;
        size_t n_transitions;
        size_t n_types;
        struct zone_posix posix;
        bool has_posix;
};

struct zone *zone_free(struct zone *z) {
        if (!z || z == zone_utc())
                return NULL;
        mem_free(z->name);
        mem_free(z->transitions);
        mem_free(z->types);
        mem_free(z->abbrs);
        return mem_free(z);
}

const struct zone *zone_utc(void) {
        static struct zone_info type = {.abbr = "UTC"};
        static const struct zone utc = {.name = (char *) "UTC", .types = &type, .n_types = 1};

        return &utc;
}

const char *zone_name(const struct zone *z) {
        return z->name;
}

struct zone *zone_new_fixed(int offset_s, const char *name) {
        _cleanup_(zone_freep) struct zone *z = mem_new(struct zone);

        if (!z)
                return NULL;
        z->name = mem_strdup(name);
        z->abbrs = mem_strdup(name);
        z->types = mem_new(struct zone_info);
        if (!z->name || !z->abbrs || !z->types)
                return NULL;
        z->types[0] = (struct zone_info){.offset_s = offset_s, .abbr = z->abbrs};
        z->n_types = 1;
        return TAKE_PTR(z);
}

/* --- reading ------------------------------------------------------------------------------- */

static int64_t read_be(const unsigned char *p, unsigned n) {
        uint64_t v = p[0] & 0x80 ? UINT64_MAX : 0;

        for (unsigned i = 0; i < n; i++)
                v = v << 8 | p[i];
        return (int64_t) v;
}

struct header {
        unsigned version;
        size_t n_isut, n_isstd, n_leap, n_time, n_type, n_char;
};

static int read_header(const unsigned char *p, size_t len, struct header *ret) {
        size_t *counts[] = {&ret->n_isut, &ret->n_isstd, &ret->n_leap,
                            &ret->n_time, &ret->n_type,  &ret->n_char};

        if (len < HEADER_SIZE || memcmp(p, "TZif", 4) != 0)
                return -EINVAL;
        ret->version = p[4] ? (unsigned) (p[4] - '0') : 1;
        for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
                int64_t v = read_be(p + 20 + 4 * i, 4);

                if (v < 0 || v > 65535)
                        return -EINVAL;
                *counts[i] = (size_t) v;
        }
        if (ret->version < 1 || ret->version > 4 || ret->n_time > N_TRANSITIONS_MAX ||
            ret->n_type > N_TYPES_MAX || ret->n_char > N_CHARS_MAX)
                return -EINVAL;
        return 0;
}

static size_t block_size(const struct header *h, unsigned time_size) {
        return h->n_time * time_size + h->n_time + h->n_type * 6 + h->n_char +
               h->n_leap * (time_size + 4) + h->n_isstd + h->n_isut;
}

static int read_types(struct zone *z, const unsigned char *p, size_t n, const char *chars,
                      size_t n_char) {
        z->types = mem_zalloc_array(n, sizeof(*z->types));
        z->abbrs = mem_memdup(chars, n_char);
        if (!z->types || !z->abbrs)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++, p += 6) {
                int64_t offset = read_be(p, 4);

                if (offset < -OFFSET_MAX || offset > OFFSET_MAX || p[4] > 1 || p[5] >= n_char)
                        return -EINVAL;
                z->types[i] = (struct zone_info){
                        .offset_s = (int) offset,
                        .is_dst = p[4] == 1,
                        .abbr = z->abbrs + p[5],
                };
        }
        z->n_types = n;
        return 0;
}

static int read_transitions(struct zone *z, const unsigned char *times, const unsigned char *types,
                            size_t n, unsigned time_size) {
        z->transitions = mem_alloc_array(n, sizeof(*z->transitions));
        if (!z->transitions)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                struct transition t = {read_be(times + i * time_size, time_size), types[i]};

                if (t.type >= z->n_types || (i > 0 && t.at <= z->transitions[i - 1].at))
                        return -EINVAL;
                z->transitions[i] = t;
        }
        z->n_transitions = n;
        return 0;
}

static int read_block(struct zone *z, const unsigned char *p, const struct header *h,
                      unsigned time_size) {
        const unsigned char *types = p + h->n_time * time_size, *infos = types + h->n_time;
        const char *chars = (const char *) infos + h->n_type * 6;
        int r;

        if (h->n_type == 0 || h->n_char == 0 || chars[h->n_char - 1] != 0)
                return -EINVAL;
        r = read_types(z, infos, h->n_type, chars, h->n_char);
        if (r < 0)
                return r;
        return read_transitions(z, p, types, h->n_time, time_size);
}

/* "\nTZ-STRING\n" */
static int read_footer(struct zone *z, const char *p, size_t len) {
        const char *end;
        char text[128];
        size_t n;
        int r;

        if (len < 2 || *p != '\n')
                return -EINVAL;
        p++;
        end = memchr(p, '\n', len - 1);
        n = end ? (size_t) (end - p) : 0;
        if (!end || n >= sizeof(text) || memchr(p, 0, n))
                return -EINVAL;
        if (n == 0)
                return 0;
        memcpy(text, p, n);
        text[n] = 0;
        r = zone_posix_parse(text, &z->posix);
        z->has_posix = r >= 0;
        return r;
}

static int read_all(struct zone *z, const unsigned char *p, size_t len) {
        struct header h;
        size_t skip;
        int r = read_header(p, len, &h);

        if (r < 0)
                return r;
        skip = HEADER_SIZE + block_size(&h, 4);
        if (skip > len)
                return -EINVAL;
        if (h.version == 1)
                return read_block(z, p + HEADER_SIZE, &h, 4);
        p += skip;
        len -= skip;
        r = read_header(p, len, &h);
        if (r < 0)
                return r;
        skip = HEADER_SIZE + block_size(&h, 8);
        if (skip > len)
                return -EINVAL;
        r = read_block(z, p + HEADER_SIZE, &h, 8);
        return r < 0 ? r : read_footer(z, (const char *) p + skip, len - skip);
}

int zone_parse(const void *data, size_t len, const char *name, struct zone **ret,
               struct errmsg *em) {
        _cleanup_(zone_freep) struct zone *z = mem_new(struct zone);
        int r;

        if (!z)
                return -ENOMEM;
        z->name = mem_strdup(name);
        if (!z->name)
                return -ENOMEM;
        r = read_all(z, data, len);
        if (r == -EINVAL)
                errmsg_set(em, "%s: not a time zone file (TZif)", name);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(z);
        return 0;
}

/* --- asking -------------------------------------------------------------------------------- */

/* Before the first transition the first type that is not summer time counts. */
static const struct zone_info *first_type(const struct zone *z) {
        for (size_t i = 0; i < z->n_types; i++)
                if (!z->types[i].is_dst)
                        return &z->types[i];
        return &z->types[0];
}

void zone_at(const struct zone *z, int64_t utc_s, struct zone_info *ret) {
        size_t low = 0, high = z->n_transitions;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (z->transitions[middle].at <= utc_s)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low == z->n_transitions && z->has_posix)
                zone_posix_at(&z->posix, utc_s, ret);
        else
                *ret = low == 0 ? *first_type(z) : z->types[z->transitions[low - 1].type];
}

int64_t zone_to_local(const struct zone *z, int64_t utc_s) {
        struct zone_info info;

        zone_at(z, utc_s, &info);
        return utc_s + info.offset_s;
}

/* Offsets lie within a day around the local time, so the rules one day before and after are the
 * only ones that can give it (no zone changes twice within two days by different rules). */
int zone_to_utc(const struct zone *z, int64_t local_s, int64_t *ret_utc, int64_t *ret_later) {
        struct zone_info before, after;
        int64_t early, late;
        bool early_fits, late_fits;
        int answer;

        zone_at(z, local_s - 86400, &before);
        zone_at(z, local_s + 86400, &after);
        early = local_s - before.offset_s;
        late = local_s - after.offset_s;
        early_fits = zone_to_local(z, early) == local_s;
        late_fits = zone_to_local(z, late) == local_s;
        if (early_fits && late_fits && early != late) {
                answer = ZONE_FOLD;
        } else if (!early_fits && !late_fits) {
                answer = ZONE_GAP;
        } else {
                answer = ZONE_UNIQUE;
                early = late = early_fits ? early : late;
        }
        *ret_utc = early;
        if (ret_later)
                *ret_later = late;
        return answer;
}
