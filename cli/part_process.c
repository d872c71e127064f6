/* part_process: see part_process.h. */
#include "cli/part_process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/systemctl.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/procfs.h"
#include "lib/base/str.h"

#define PROC_MAX 4096
#define COMM_SIZE 16           /* TASK_COMM_LEN, with the NUL */
#define FIELDS_BEFORE_START 20 /* of /proc/PID/stat, from the state to the start */

/* --- texts --------------------------------------------------------------------------------------
 */

int part_process_memory(const char *statm, uint64_t page_size, uint64_t *ret) {
        unsigned long long size, resident;

        if (sscanf(statm, "%llu %llu", &size, &resident) != 2)
                return -EINVAL;
        *ret = (uint64_t) resident * page_size;
        return 0;
}

int part_process_up_for(const char *stat, const char *uptime, uint64_t ticks_per_s, usec_t *ret) {
        const char *p = strrchr(stat, ')'); /* a program's name may hold anything */
        unsigned long long ticks;
        double up_s;
        usec_t now, started_at;

        for (int i = 0; p && i < FIELDS_BEFORE_START; i++)
                p = strchr(p + 1, ' ');
        if (!p || ticks_per_s == 0 || sscanf(p, " %llu", &ticks) != 1 ||
            sscanf(uptime, "%lf", &up_s) != 1)
                return -EINVAL;
        now = (usec_t) (up_s * USEC_PER_SEC + 0.5);
        started_at = ticks * USEC_PER_SEC / ticks_per_s;
        *ret = now > started_at ? now - started_at : 0;
        return 0;
}

const char *part_process_print_memory(uint64_t bytes, char ret[PART_PROCESS_SIZE]) {
        double mib = (double) bytes / (1 << 20);

        (void) snprintf(ret, PART_PROCESS_SIZE, "%.1f %s", mib < 1024 ? mib : mib / 1024,
                        mib < 1024 ? "MiB" : "GiB");
        return ret;
}

/* --- /proc --------------------------------------------------------------------------------------
 */

/* The kernel keeps the beginning of a program's name. */
static bool is_program(pid_t pid, const char *name) {
        char comm[2 * COMM_SIZE], wanted[COMM_SIZE];

        (void) snprintf(wanted, sizeof(wanted), "onebox-%s", name);
        return procfs_read(pid, "comm", comm, sizeof(comm)) > 0 && str_eq(str_strip(comm), wanted);
}

/* Who called listen() there: systemd, where it holds the socket. */
static pid_t listener(const char *path) {
        struct sockaddr_un sa = {.sun_family = AF_UNIX};
        struct ucred cred = {};
        socklen_t size = sizeof(cred);
        _cleanup_close_ int fd = -1;

        if (!path || strlen(path) >= sizeof(sa.sun_path))
                return 0;
        memcpy(sa.sun_path, path, strlen(path));
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *) &sa, sizeof(sa)) < 0 ||
            getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
                return 0;
        return cred.pid;
}

static pid_t of_unit(const char *name) {
        _cleanup_free_ char *unit = str_printf("onebox-%s.service", name);
        pid_t pid = 0;

        if (!unit || !systemctl_is_there() || systemctl_main_pid(unit, &pid, NULL) < 0)
                return 0;
        return pid;
}

void part_process_look(const char *name, const char *path, struct part_process *ret) {
        char stat[PROC_MAX] = "", statm[PROC_MAX] = "";
        _cleanup_free_ char *uptime = NULL;
        pid_t pid = listener(path);
        struct part_process p = {};

        if (pid <= 0 || !is_program(pid, name))
                pid = of_unit(name);
        if (pid > 0) {
                (void) procfs_read(pid, "stat", stat, sizeof(stat));
                (void) procfs_read(pid, "statm", statm, sizeof(statm));
                (void) fileio_read("/proc/uptime", PROC_MAX, &uptime, NULL);
                p.pid = pid;
        }
        if (*statm)
                (void) part_process_memory(statm, (uint64_t) sysconf(_SC_PAGESIZE), &p.memory);
        if (*stat && uptime)
                (void) part_process_up_for(stat, uptime, (uint64_t) sysconf(_SC_CLK_TCK),
                                           &p.up_for);
        *ret = p;
}
