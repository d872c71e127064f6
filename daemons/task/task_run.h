/* task_run.h: one command from its start to the last byte of its output.
 *
 *      RUNNING --exit--> DRAINING (output and processes left behind have 2 s)
 *      RUNNING --time limit or SIGTERM--> TERMED (SIGTERM to all, grace) --> KILLED (SIGKILL to
 * all)
 *
 * Over when the command has ended, nothing below the shim lives and both pipes are closed; given up
 * 10 s after the first SIGKILL. Owns the command, its pipes and the signal fd. Threads: one. */
#pragma once

#include "daemons/task/task_end.h"
#include "daemons/task/task_log.h"
#include "daemons/task/task_spec.h"
#include "daemons/task/task_spool.h"
#include "lib/base/clock.h"

/* SIGTERM, SIGINT, SIGHUP and SIGCHLD are taken from the fd this answers, or -errno. Call first. */
int task_run_signals(void);

struct task_secrets;

/* Runs the command; what the scheduler tells `secrets` meanwhile is masked in the log. Fills how,
 * status, times and left_behind of *end; never fails: what cannot be started ends as
 * TASK_END_ERROR. */
void task_run(const struct task_spec *spec, const char *program, struct task_spool *spool,
              struct task_log *log, struct task_secrets *secrets, const struct clock *clock,
              int signal_fd, struct task_end *end);
