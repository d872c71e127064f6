/* procfs: the small files of /proc/PID. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* As much of /proc/PID/FILE as fits, and a NUL behind it (what is in it may hold others). Its
 * length; -ENOENT or -ESRCH when there is no such process, or another -errno. Allocates nothing. */
ssize_t procfs_read(pid_t pid, const char *file, char *ret, size_t size);
/* Writes a text to /proc/PID/FILE. 0 or -errno. */
int procfs_write(pid_t pid, const char *file, const char *text);
