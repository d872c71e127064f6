/* fuzz_task_mask: secrets up to the first byte 0xff, each with a newline after, then a text that
 * comes in pieces: however it is cut, nothing of at least TASK_MASK_MIN bytes is left standing, and
 * the result is the same as that of the whole. */
#include <stdlib.h>
#include <string.h>

#include "daemons/task/task_mask.h"
#include "lib/base/macros.h"

enum { TEXT_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The text in pieces of `step` bytes, as the log does it. */
static size_t in_pieces(const struct task_mask *m, const uint8_t *text, size_t n, size_t step,
                        char *out) {
        static char held[TEXT_MAX];
        size_t n_held = 0, n_out = 0;

        for (size_t at = 0; at < n || n_held > 0;) {
                size_t k = MIN(step, n - at), used, len;
                bool end = at + k == n;

                memcpy(held + n_held, text + at, k);
                at += k;
                n_held += k;
                used = end ? n_held : task_mask_ready(m, held, n_held);
                if (used > n_held)
                        abort();
                memcpy(out + n_out, held, used);
                len = task_mask_apply(m, out + n_out, used);
                if (len > used)
                        abort();
                n_out += len;
                n_held -= used;
                memmove(held, held + used, n_held);
                if (end && n_held > 0)
                        abort();
        }
        return n_out;
}

/* Calls `each` for the lines of [p, end). */
static void each_line(const uint8_t *p, const uint8_t *end,
                      void (*each)(void *ctx, const uint8_t *line, size_t len), void *ctx) {
        while (p < end) {
                const uint8_t *nl = memchr(p, '\n', (size_t) (end - p));
                size_t len = (size_t) ((nl ? nl : end) - p);

                each(ctx, p, len);
                p += len + 1;
        }
}

static void add_line(void *ctx, const uint8_t *line, size_t len) {
        if (task_mask_add(ctx, (const char *) line, len) < 0)
                abort();
}

struct result {
        char text[TEXT_MAX];
        size_t n;
};

static void look_for_line(void *ctx, const uint8_t *line, size_t len) {
        const struct result *r = ctx;

        if (len < TASK_MASK_MIN || len > TASK_MASK_PIECE_MAX || memchr(line, '*', len) ||
            line[len - 1] == '\r')
                return;
        if (memmem(r->text, r->n, line, len))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static struct result whole, pieces;
        struct task_mask m = {};
        const uint8_t *text, *end;
        size_t n;

        if (size == 0 || size > TEXT_MAX)
                return 0;
        end = memchr(data, 0xff, size);
        end = end ? end : data + size;
        each_line(data, end, add_line, &m);
        text = end < data + size ? end + 1 : data + size;
        n = (size_t) (data + size - text);
        memcpy(whole.text, text, n);
        whole.n = task_mask_apply(&m, whole.text, n);
        for (size_t step = 1; step <= 7; step += 2) {
                pieces.n = in_pieces(&m, text, n, step, pieces.text);
                if (pieces.n != whole.n || memcmp(whole.text, pieces.text, whole.n) != 0)
                        abort();
        }
        each_line(data, end, look_for_line, &whole);
        task_mask_done(&m);
        return 0;
}
