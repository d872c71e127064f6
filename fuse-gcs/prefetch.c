#include "fuse-gcs/prefetch.h"

#define PREFETCH_FIRST ((uint64_t) 512 << 10)
#define PREFETCH_WHOLE ((uint64_t) 1 << 20) /* an object of this size comes at once */
#define PREFETCH_UNIT ((uint64_t) 4 << 20)
#define PREFETCH_UNIT_MIN ((uint64_t) 256 << 10)
#define PREFETCH_FAR_FOR (10 * USEC_PER_MSEC) /* who waits so long has a network to wait for */
/* Read since more was fetched ahead; then less is tried with so many bytes: what is waited for them
 * must not be more than before, by a third and some. */
#define PREFETCH_CALM ((uint64_t) 64 << 20)
#define PREFETCH_TRIED_WITH ((uint64_t) 16 << 20)
#define PREFETCH_PER_MIB_SLACK_FOR ((usec_t) 100)
#define PREFETCH_REGRETS_MAX 20u

static bool prefetch_is_near(const struct prefetch_stream *s, uint64_t offset) {
        uint64_t slack = s->ahead >= PREFETCH_NEAR ? PREFETCH_SLACK_MAX : PREFETCH_SLACK;

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

/* Waits are counted from here on. */
static void prefetch_count_from(struct prefetch_stream *s, uint64_t end) {
        s->counted_from = end;
        s->waited_for = 0;
}

/* Less was made of it: does that do as well? Then less still is tried. */
static uint64_t prefetch_try(struct prefetch_stream *s, uint64_t end) {
        uint64_t n_mib = MAX(2 * s->ahead, PREFETCH_TRIED_WITH) >> 20;

        if (s->waited_for > (s->per_mib + s->per_mib / 3 + PREFETCH_PER_MIB_SLACK_FOR) * n_mib) {
                s->is_tried = false;
                s->n_regrets = MIN(s->n_regrets + 2, PREFETCH_REGRETS_MAX);
                prefetch_count_from(s, end);
                return s->ahead * 2;
        }
        if (end < s->counted_from + (n_mib << 20))
                return s->ahead;
        prefetch_count_from(s, end);
        return MAX(s->ahead / 2, PREFETCH_NEAR);
}

/* How far ahead from now on, when reads have come to `end`. */
static uint64_t prefetch_grow(struct prefetch_stream *s, uint64_t end, uint64_t most) {
        uint64_t n = end - s->counted_from;

        if (s->ahead == 0) {
                prefetch_count_from(s, end);
                return PREFETCH_FIRST;
        }
        if (s->is_tried && !s->is_far)
                return prefetch_try(s, end);
        if (s->has_waited && s->ahead < most) {
                prefetch_count_from(s, end);
                return MAX(s->ahead * 2, s->is_far ? PREFETCH_RUN : PREFETCH_NEAR);
        }
        if (s->ahead < PREFETCH_NEAR)
                return MIN(s->ahead * 2, PREFETCH_NEAR);
        if (s->is_far || s->ahead == PREFETCH_NEAR || n < PREFETCH_CALM << s->n_regrets)
                return s->ahead;
        s->is_tried = true;
        s->per_mib = s->waited_for / (n >> 20);
        prefetch_count_from(s, end);
        return MAX(s->ahead / 2, PREFETCH_NEAR);
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
                s->ahead = prefetch_grow(s, end, most);
                s->has_waited = false;
                s->end = MAX(s->end, end);
        }
        s->ahead = MIN(s->ahead, most);
        if (size <= PREFETCH_WHOLE)
                s->ahead = size;
        s->sent_to = MAX(s->sent_to, s->end);
        want = MIN(s->end + s->ahead, size);
        range.runs = s->ahead >= MIN(PREFETCH_NEAR, most) && most > 0 && size > PREFETCH_RUN;
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

/* What is ahead lasts so long at a GiB a second: who waits for less lacks a processor, not a
 * network, and more of it would only be more memory. */
static usec_t prefetch_lasts_for(const struct prefetch_stream *s) {
        return s->ahead * USEC_PER_SEC >> 30;
}

void prefetch_waited(struct prefetch *p, uint64_t end, usec_t waited_for) {
        if (waited_for < PREFETCH_PATIENCE_FOR)
                return;
        for (size_t i = 0; i < PREFETCH_STREAMS; i++) {
                struct prefetch_stream *s = &p->streams[i];

                if (!prefetch_is_near(s, end))
                        continue;
                s->is_far = s->is_far || waited_for >= PREFETCH_FAR_FOR;
                s->has_waited = s->has_waited || s->is_far || waited_for >= prefetch_lasts_for(s);
                s->waited_for += waited_for;
        }
}
