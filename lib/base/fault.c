/* fault: see fault.h. The counters are atomics: points are passed by any thread. */
#include "lib/base/fault.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool fault_armed;

struct point {
        const char *name;
        int default_error;
        atomic_uint count;
        unsigned nth; /* 0: not armed */
        unsigned n_times;
        int error_code;
};

static struct point points[FAULT_N_POINTS] = {
#define FAULT(name_, text, error) [FAULT_##name_] = {.name = text, .default_error = error},
#include "lib/base/fault.def"
#undef FAULT
};

static const struct {
        const char *name;
        int code;
} errors[] = {
        {"ENOMEM", ENOMEM}, {"ENOSPC", ENOSPC},   {"EIO", EIO},
        {"EMFILE", EMFILE}, {"EAGAIN", EAGAIN},   {"ECONNREFUSED", ECONNREFUSED},
        {"EROFS", EROFS},   {"EDQUOT", EDQUOT},   {"EACCES", EACCES},
        {"EINTR", EINTR},   {"kill", FAULT_KILL},
};

void fault_arm(enum fault_point point, unsigned nth, int error_code, unsigned n_times) {
        struct point *p = &points[point];

        assert(point < FAULT_N_POINTS);
        assert(nth > 0);

        atomic_store(&p->count, 0);
        p->nth = nth;
        p->n_times = n_times;
        p->error_code = error_code ? error_code : p->default_error;
        fault_armed = true;
}

void fault_reset(void) {
        fault_armed = false;
        for (size_t i = 0; i < FAULT_N_POINTS; i++) {
                points[i].nth = 0;
                atomic_store(&points[i].count, 0);
        }
}

unsigned fault_count(enum fault_point point) {
        assert(point < FAULT_N_POINTS);
        return atomic_load(&points[point].count);
}

int fault_hit(enum fault_point point) {
        struct point *p = &points[point];
        unsigned count;

        assert(point < FAULT_N_POINTS);

        if (p->nth == 0)
                return 0;
        count = atomic_fetch_add(&p->count, 1) + 1;
        if (count < p->nth || (p->n_times > 0 && count - p->nth >= p->n_times))
                return 0;
        if (p->error_code == FAULT_KILL)
                (void) kill(getpid(), SIGKILL);
        errno = p->error_code;
        return -p->error_code;
}

static int error_from_text(const char *text, size_t len, int *ret) {
        for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
                if (strlen(errors[i].name) == len && memcmp(errors[i].name, text, len) == 0) {
                        *ret = errors[i].code;
                        return 0;
                }
        return -EINVAL;
}

/* POINT[:NTH[:ERROR[:TIMES]]] */
int fault_arm_text(const char *text) {
        unsigned long nth = 1, n_times = 1;
        size_t len = strcspn(text, ":");
        int error = 0, r;

        for (size_t i = 0; i < FAULT_N_POINTS; i++) {
                const char *rest = text + len;
                char *end;

                if (strlen(points[i].name) != len || memcmp(points[i].name, text, len) != 0)
                        continue;
                if (*rest == ':') {
                        nth = strtoul(rest + 1, &end, 10);
                        rest = end;
                }
                if (*rest == ':') {
                        size_t n = strcspn(++rest, ":");

                        r = error_from_text(rest, n, &error);
                        if (r < 0)
                                return r;
                        rest += n;
                }
                if (*rest == ':') {
                        n_times = strtoul(rest + 1, &end, 10);
                        rest = end;
                }
                if (*rest || nth == 0 || nth > UINT32_MAX || n_times > UINT32_MAX)
                        return -EINVAL;
                fault_arm((enum fault_point) i, (unsigned) nth, error, (unsigned) n_times);
                return 0;
        }
        return -EINVAL;
}
