/* fault: see fault.h. Points are passed by any thread, and armed by another process at any time. */
#include "lib/base/fault.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/errmsg.h"
#include "lib/base/fileio.h"
#include "lib/base/str.h"

bool fault_armed;

static const struct {
        const char *name;
        int default_error;
} points[FAULT_N_POINTS] = {
#define FAULT(name_, text, error) [FAULT_##name_] = {.name = text, .default_error = error},
#include "lib/base/fault.def"
#undef FAULT
};

static struct fault_cell own_cells[FAULT_N_POINTS];
static struct fault_cell *cells = own_cells; /* or those of a file */

static const struct {
        const char *name;
        int code;
} errors[] = {
        {"ENOMEM", ENOMEM}, {"ENOSPC", ENOSPC},   {"EIO", EIO},
        {"EMFILE", EMFILE}, {"EAGAIN", EAGAIN},   {"ECONNREFUSED", ECONNREFUSED},
        {"EROFS", EROFS},   {"EDQUOT", EDQUOT},   {"EACCES", EACCES},
        {"EINTR", EINTR},   {"kill", FAULT_KILL}, {"stop", FAULT_STOP},
};

void fault_arm(enum fault_point point, unsigned nth, int error_code, unsigned n_times) {
        struct fault_cell *c = &cells[point];

        assert(point < FAULT_N_POINTS);
        assert(nth > 0);

        atomic_store(&c->count, 0);
        atomic_store(&c->n_times, n_times);
        atomic_store(&c->error_code, error_code ? error_code : points[point].default_error);
        atomic_store(&c->nth, nth);
        fault_armed = true;
}

int fault_share(const char *path) {
        _cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
        struct stat st;
        void *p;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (st.st_size < (off_t) sizeof(own_cells))
                return -EINVAL;
        p = mmap(NULL, sizeof(own_cells), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
                return -errno;
        fault_reset();
        cells = p;
        fault_armed = true;
        return 0;
}

int fault_arm_environment(struct errmsg *em) {
#ifdef ONEBOX_FAULTS
        const char *text = getenv("ONEBOX_FAULT"), *word, *file = getenv("ONEBOX_FAULT_FILE");
        char one[64];
        size_t len;
        int r = file ? fault_share(file) : 0;

        if (r < 0)
                return errmsg_errno(em, r, "ONEBOX_FAULT_FILE: %s does not hold faults", file);
        while (text && str_word(&text, ", ", &word, &len)) {
                (void) snprintf(one, sizeof(one), "%.*s", (int) MIN(len, sizeof(one) - 1), word);
                if (fault_arm_text(one) < 0)
                        return errmsg_fail(em, -EINVAL,
                                           "ONEBOX_FAULT: \"%s\" is not POINT:NTH:ERROR:TIMES",
                                           one);
        }
#else
        (void) em;
#endif
        return 0;
}

void fault_reset(void) {
        fault_armed = false;
        if (cells != own_cells)
                (void) munmap(cells, sizeof(own_cells));
        cells = own_cells;
        for (size_t i = 0; i < FAULT_N_POINTS; i++) {
                atomic_store(&cells[i].nth, 0);
                atomic_store(&cells[i].count, 0);
        }
}

unsigned fault_count(enum fault_point point) {
        assert(point < FAULT_N_POINTS);
        return atomic_load(&cells[point].count);
}

int fault_hit(enum fault_point point) {
        struct fault_cell *c = &cells[point];
        unsigned count, nth, n_times;
        int code;

        assert(point < FAULT_N_POINTS);

        nth = atomic_load(&c->nth);
        if (nth == 0)
                return 0;
        n_times = atomic_load(&c->n_times);
        count = atomic_fetch_add(&c->count, 1) + 1;
        if (count < nth || (n_times > 0 && count - nth >= n_times))
                return 0;
        code = atomic_load(&c->error_code);
        if (code == FAULT_STOP) {
                (void) raise(SIGSTOP); /* this thread's, so that it stops right here */
                code = atomic_load(&c->error_code);
        }
        if (code == FAULT_STOP)
                return 0;
        if (code == FAULT_KILL)
                (void) kill(getpid(), SIGKILL);
        errno = code;
        return -code;
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
