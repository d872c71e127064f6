#include "daemons/web/box.h"

#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/fileio.h"
#include "lib/base/mem.h"

/* "Name:   123 kB" as bytes; 0 when the line is not there. */
static uint64_t field(const char *text, const char *name) {
        size_t n = strlen(name);

        for (const char *line = text; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (strncmp(line, name, n) == 0 && line[n] == ':') {
                        unsigned long long kilobytes = strtoull(line + n + 1, NULL, 10);

                        return kilobytes > UINT64_MAX / 1024 ? 0 : kilobytes * 1024;
                }
        }
        return 0;
}

void box_parse_memory(const char *text, uint64_t *ret_total, uint64_t *ret_used) {
        uint64_t total = field(text, "MemTotal"), available = field(text, "MemAvailable");

        if (total == 0 || available > total)
                return;
        *ret_total = total;
        *ret_used = total - available;
}

static void look_at_memory(struct box *b) {
        _cleanup_free_ char *text = NULL;

        if (fileio_read("/proc/meminfo", 65536, &text, NULL) >= 0)
                box_parse_memory(text, &b->memory_total, &b->memory_used);
}

static void look_at_disk(const char *path, struct box *b) {
        struct statvfs v;

        if (statvfs(path, &v) < 0)
                return;
        /* As df has it: what only root may still use counts as used. */
        b->disk_used = (v.f_blocks - v.f_bfree) * v.f_frsize;
        b->disk_total = b->disk_used + v.f_bavail * v.f_frsize;
}

void box_look(const char *state_dir, usec_t now_at, struct box *ret) {
        struct box b = {};
        struct timespec up;
        long cpus = sysconf(_SC_NPROCESSORS_ONLN);

        look_at_disk(state_dir, &b);
        look_at_memory(&b);
        if (getloadavg(&b.load, 1) != 1)
                b.load = 0;
        b.cpus = cpus > 0 ? (unsigned) cpus : 1;
        if (clock_gettime(CLOCK_BOOTTIME, &up) == 0) {
                usec_t up_for = (usec_t) up.tv_sec * USEC_PER_SEC;

                b.booted_at = up_for < now_at ? now_at - up_for : 0;
        }
        *ret = b;
}
