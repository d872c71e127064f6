/* spool_end.h: reads end.json, as onebox-task wrote it. Pure. */
#pragma once

#include "daemons/scheduler/core/world_apply.h"
#include "lib/base/errmsg.h"

#define SPOOL_END_SIZE_MAX (64u << 10)

enum spool_end_how {
        SPOOL_END_EXIT,
        SPOOL_END_SIGNAL,
        SPOOL_END_TIMEOUT,
        SPOOL_END_STOPPED,
        SPOOL_END_ERROR,
        _SPOOL_END_MAX,
};

struct spool_end {
        char try_id[WORLD_ID_SIZE];
        enum spool_end_how how;
        int exit_code; /* -1: none */
        int signal;    /* 0: none */
        char message[512];
        usec_t started_at, ended_at; /* USEC_INFINITY when not known */
        double cpu_user_s, cpu_system_s;
        int64_t peak_memory_bytes, read_bytes, written_bytes, log_bytes;
        int64_t forks_refused;
        bool oom;
};

/* 0; -EINVAL with *em: torn, empty or not of this form: the try counts as not ended; -ENOMEM. */
int spool_end_parse(const char *text, size_t len, struct spool_end *ret, struct errmsg *em);

/* What the end means. Exit code 99 is "skipped", as Airflow's BashOperator has it. */
enum world_result spool_end_result(const struct spool_end *end);

/* In plain words, for people: "exit code 3", "killed by signal 9 (Killed), out of memory", "exit
 * code 1, 17 processes refused at its limit (tasks_max)". */
void spool_end_text(const struct spool_end *end, char *ret, size_t size);
