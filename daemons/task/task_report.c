#include "daemons/task/task_report.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lib/net/http_call.h"

enum { PAUSE_MIN_MS = 10, PAUSE_MAX_MS = 5000 };

static bool report_once(const char *socket_path, const char *try_id, usec_t stall_for) {
        char address[256], target[96];
        struct http_call call = {.address = address,
                                 .method = "POST",
                                 .target = target,
                                 .max_body = 65536,
                                 .stall_for = stall_for};
        struct http_call_answer answer = {};
        bool done;

        snprintf(address, sizeof(address), "unix:%s", socket_path);
        snprintf(target, sizeof(target), "/internal/tries/%s", try_id);
        done = http_call(&call, &answer, NULL) >= 0 && answer.status == 200;
        http_call_answer_done(&answer);
        return done;
}

/* True when told to end. */
static bool report_pause(int signal_fd, int ms) {
        struct pollfd p = {.fd = signal_fd, .events = POLLIN};
        struct signalfd_siginfo si;

        if (poll(&p, 1, ms) <= 0)
                return false;
        while (read(signal_fd, &si, sizeof(si)) == sizeof(si))
                if (si.ssi_signo == SIGTERM || si.ssi_signo == SIGINT)
                        return true;
        return false;
}

bool task_report_now(const struct task_spool *spool, const char *socket_path, const char *try_id) {
        return task_spool_is_acked(spool) || report_once(socket_path, try_id, USEC_PER_SEC);
}

void task_report(const struct task_spool *spool, const char *socket_path, const char *try_id,
                 int signal_fd) {
        int pause = PAUSE_MIN_MS;

        while (!task_spool_is_acked(spool) &&
               !report_once(socket_path, try_id, 10 * USEC_PER_SEC)) {
                if (report_pause(signal_fd, pause))
                        return;
                pause = MIN(pause * 2, (int) PAUSE_MAX_MS);
        }
}
