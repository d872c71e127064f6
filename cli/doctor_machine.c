/* doctor_machine: see doctor_machine.h. */
#include "cli/doctor_machine.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"

#define GIB ((uint64_t) 1 << 30)
#define CLOCK_SLACK (2 * USEC_PER_MINUTE)

enum doctor_state doctor_machine_space(uint64_t n_free, uint64_t n_all, bool is_bytes) {
        if (n_all == 0) /* it does not count them */
                return DOCTOR_OK;
        if (n_free < n_all / 100 || (is_bytes && n_free < GIB / 8))
                return DOCTOR_FAULT;
        if (n_free < n_all / 20 || (is_bytes && n_free < GIB))
                return DOCTOR_WARNING;
        return DOCTOR_OK;
}

enum doctor_state doctor_machine_clock(usec_t now, usec_t newest_at, bool synchronised) {
        if (now + CLOCK_SLACK < newest_at)
                return DOCTOR_FAULT;
        return synchronised ? DOCTOR_OK : DOCTOR_WARNING;
}

static void look_at_disk(struct doctor *d) {
        const char *dir = d->c->paths.state_dir;
        enum doctor_state bytes, inodes;
        struct statvfs v;
        uint64_t n_free;

        if (statvfs(dir, &v) < 0) {
                doctor_say(d, DOCTOR_SKIPPED, "disk", NULL, "%s: %s", dir, errmsg_strerror(errno));
                return;
        }
        n_free = (uint64_t) v.f_bavail * v.f_frsize;
        bytes = doctor_machine_space(n_free, (uint64_t) v.f_blocks * v.f_frsize, true);
        inodes = doctor_machine_space(v.f_favail, v.f_files, false);
        doctor_say(d, bytes > inodes ? bytes : inodes, "disk",
                   bytes == DOCTOR_OK && inodes == DOCTOR_OK
                           ? NULL
                           : "onebox gc; keep_tries and keep_runs of [scheduler]; a larger disk",
                   "%.1f GiB of %.1f GiB are free at %s%s", (double) n_free / GIB,
                   (double) v.f_blocks * v.f_frsize / GIB, dir,
                   inodes == DOCTOR_OK ? "" : ", and hardly any inode");
}

/* When the newest of what the daemons write was written; 0: nothing can be seen. */
static usec_t newest(struct doctor *d) {
        static const char *const files[] = {
                "scheduler/scheduler.db", "scheduler/scheduler.db-wal",
                "tracking/mlflow.db",     "tracking/mlflow.db-wal",
                "auth/auth.db",
        };
        usec_t at = 0;

        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                _cleanup_free_ char *path = paths_state(&d->c->paths, "%s", files[i]);
                struct stat st;

                if (path && stat(path, &st) == 0 && st.st_mtim.tv_sec > 0 &&
                    (usec_t) st.st_mtim.tv_sec * USEC_PER_SEC > at)
                        at = (usec_t) st.st_mtim.tv_sec * USEC_PER_SEC;
        }
        return at;
}

static void look_at_clock(struct doctor *d) {
        struct timex t = {};
        int r = adjtimex(&t);
        bool synchronised = r >= 0 && r != TIME_ERROR && !(t.status & STA_UNSYNC);
        enum doctor_state state =
                doctor_machine_clock(clock_now(clock_system()), newest(d), synchronised);

        doctor_say(d, state, "clock", state == DOCTOR_OK ? NULL : "timedatectl set-ntp true; date",
                   "%s",
                   state == DOCTOR_FAULT
                           ? "it is behind what was written here: schedules would run "
                             "again or not at all"
                   : state == DOCTOR_WARNING ? "nothing synchronises it: schedules go by it"
                                             : "synchronised");
}

void doctor_machine(struct doctor *d) {
        look_at_disk(d);
        look_at_clock(d);
}
