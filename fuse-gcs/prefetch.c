#include "fuse-gcs/prefetch.h"

#define PREFETCH_FIRST ((uint64_t) 512 << 10)
#define PREFETCH_WHOLE ((uint64_t) 1 << 20) /* an object of this size comes at once */
#define PREFETCH_UNIT ((uint64_t) 4 << 20)
#define PREFETCH_UNIT_MIN ((uint64_t) 256 << 10)

static bool prefetch_is_near(const struct prefetch_stream *s, uint64_t offset) {
        uint64_t slack = MAX(PREFETCH_SLACK, MIN(s->ahead / 2, PREFETCH_SLACK_MAX));

        return s->used > 0 && offset + slack >= s->end && offset <= s->end + slack;
}

static struct prefetch_stream *prefetch_find(struct prefetch *p, uint64_t offset, bool *ret_new) {
        struct prefetch_stream *oldest = &p->streams[0];

        for (size_t i = 0; i < PREFETCH_STREAMS; i++) {
                struct prefetch_stream *s = &p->streams[i];

                if (prefetch_is_near(s, offset)) {
                        *ret_new = false;
                        return s;
                }
                if (s->used < oldest->used)
                        oldest = s;
        }
        *ret_new = true;
        return oldest;
}

/* How far ahead from now on: in large steps to PREFETCH_RUN, at once when the network is far; then
 * for a reason only. */
static uint64_t prefetch_grow(const struct prefetch_stream *s) {
        if (s->ahead == 0)
                return PREFETCH_FIRST;
        if (s->ahead < PREFETCH_RUN)
                return s->has_waited ? PREFETCH_RUN : MIN(s->ahead * 4, PREFETCH_RUN);
        return s->has_waited ? s->ahead * 2 : s->ahead;
}

/* Few requests while they come in time, many at once when they have to be waited for. */
static uint64_t prefetch_unit(const struct prefetch_stream *s) {
        uint64_t unit = MAX(s->ahead / 8, MIN(s->ahead / 2, PREFETCH_UNIT));

        return MAX(MIN(unit, PREFETCH_UNIT_MAX), PREFETCH_UNIT_MIN);
}

struct prefetch_range prefetch_next(struct prefetch *p, uint64_t offset, uint64_t len,
                                    uint64_t size, uint64_t most) {
        bool is_new;
        struct prefetch_stream *s = prefetch_find(p, offset, &is_new);
        struct prefetch_range range = {};
        uint64_t end = MIN(offset + len, size), want;

        if (is_new)
                *s = (struct prefetch_stream){.end = end, .sent_to = end};
        s->used = ++p->n_reads;
        range.is_lone = is_new && offset > 0;
        if (range.is_lone)
                return range;
        if (end > s->end || is_new) {
                s->ahead = prefetch_grow(s);
                s->has_waited = false;
                s->end = MAX(s->end, end);
        }
        s->ahead = MIN(s->ahead, most);
        if (size <= PREFETCH_WHOLE)
                s->ahead = size;
        s->sent_to = MAX(s->sent_to, s->end);
        want = MIN(s->end + s->ahead, size);
        range.runs = s->ahead >= MIN(PREFETCH_RUN, most) && most > 0 && size > PREFETCH_RUN;
        range.from = range.to = s->sent_to;
        range.unit = prefetch_unit(s);
        /* Whole units only, but for the object's end. */
        if (want < size)
                want = range.from +
                       (want > range.from ? (want - range.from) / range.unit : 0) * range.unit;
        if (want > range.from)
                range.to = s->sent_to = want;
        return range;
}

void prefetch_waited(struct prefetch *p, uint64_t end, usec_t waited_for) {
        if (waited_for < PREFETCH_PATIENCE_FOR)
                return;
        for (size_t i = 0; i < PREFETCH_STREAMS; i++)
                if (p->streams[i].used > 0 && prefetch_is_near(&p->streams[i], end))
                        p->streams[i].has_waited = true;
}
