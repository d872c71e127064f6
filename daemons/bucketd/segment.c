/* segment: see segment.h. */
#include "daemons/bucketd/segment.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

static uint64_t load(const char *p) {
        uint64_t word;

        memcpy(&word, p, sizeof(word));
        return le64toh(word);
}

static void store(char *p, uint64_t value) {
        uint64_t word = htole64(value);

        memcpy(p, &word, sizeof(word));
}

int segment_decode(struct arena *a, const void *data, size_t n_bytes, struct segments *ret) {
        const char *p = data;
        struct segments s = {.n = n_bytes / SEGMENT_STORED_SIZE};

        if (n_bytes % SEGMENT_STORED_SIZE != 0)
                return -EUCLEAN;
        s.all = arena_zalloc_array(a, s.n + 1, sizeof(*s.all));
        if (!s.all)
                return -ENOMEM;
        for (size_t i = 0; i < s.n; i++, p += SEGMENT_STORED_SIZE)
                s.all[i] = (struct segment){load(p), load(p + 8), load(p + 16)};
        *ret = s;
        return 0;
}

void *segment_encode(struct arena *a, const struct segments *s) {
        char *data = arena_alloc(a, s->n * SEGMENT_STORED_SIZE + 1), *p = data;

        if (!data)
                return NULL;
        for (size_t i = 0; i < s->n; i++, p += SEGMENT_STORED_SIZE) {
                store(p, s->all[i].blob);
                store(p + 8, s->all[i].offset);
                store(p + 16, s->all[i].size);
        }
        return data;
}

uint64_t segment_total(const struct segments *s) {
        uint64_t total = 0;

        for (size_t i = 0; i < s->n; i++)
                total += s->all[i].size;
        return total;
}

int segment_slice(struct arena *a, const struct segments *s, uint64_t first, uint64_t size,
                  struct segments *ret) {
        struct segments out = {.all = arena_zalloc_array(a, s->n + 1, sizeof(*out.all))};

        if (!out.all)
                return -ENOMEM;
        for (size_t i = 0; i < s->n && size > 0; i++) {
                struct segment piece = s->all[i];

                if (first >= piece.size) {
                        first -= piece.size;
                        continue;
                }
                piece.offset += first;
                piece.size = MIN(piece.size - first, size);
                first = 0;
                size -= piece.size;
                out.all[out.n++] = piece;
        }
        *ret = out;
        return 0;
}
