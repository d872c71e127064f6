/* fileio: whole files, durable writes, directories, locks. Everything through here passes the fault
 * points OPEN, READ, WRITE, FSYNC, RENAME, MKDIR, UNLINK. All calls return 0 or -errno unless said
 * otherwise; all files are opened O_CLOEXEC. Blocking: not for the loop thread of a busy daemon,
 * but small state files are fine. */
#pragma once

#include <sys/types.h>

#include "lib/base/macros.h"

/* Reads the whole file; one NUL follows the bytes; mem_free() it. -EFBIG beyond limit bytes.
 * ret_len may be NULL. */
int fileio_read(const char *path, size_t limit, char **ret_data, size_t *ret_len);
int fileio_read_at(int dir_fd, const char *name, size_t limit, char **ret_data, size_t *ret_len);
int fileio_read_fd(int fd, size_t limit, char **ret_data, size_t *ret_len);

/* The file holds the new bytes or the old ones, whatever fails and whenever power goes: a temporary
 * in the same directory, fsync, rename, fsync of the directory. On 0 it is on the disk. */
int fileio_write_durable(const char *path, const void *data, size_t len, mode_t mode);
int fileio_write_durable_at(int dir_fd, const char *name, const void *data, size_t len,
                            mode_t mode);
/* The same without any fsync: whole, but perhaps lost with the power. */
int fileio_write_atomic(const char *path, const void *data, size_t len, mode_t mode);

/* Until all is written or read. Short reads at the end of the file give fewer in *ret_n. */
int fileio_write_all(int fd, const void *p, size_t n);
int fileio_read_full(int fd, void *p, size_t n, size_t *ret_n);
int fileio_fsync(int fd);
/* The directory itself: makes creations, renames and removals in it durable. */
int fileio_fsync_dir(const char *path);

/* As mkdir -p; new directories get mode (less the umask). */
int fileio_mkdir_p(const char *path, mode_t mode);
/* The parent of path, with mkdir -p. */
int fileio_mkdir_parents(const char *path, mode_t mode);
/* As rm -rf; a missing path is fine. Does not follow links and does not leave the file system. */
int fileio_rm_rf(const char *path);
/* As fileio_unlink: 0 also when it was not there. */
int fileio_unlink(const char *path);

/* Names in a directory that end with suffix (NULL: all; never "." or ".."), sorted by byte;
 * str_free_list() it. -ENOENT when there is no directory. */
int fileio_list(const char *path, const char *suffix, char ***ret_names);

/* OFD write lock on the whole file, held as long as the open file description lives.
 * 0, or -EAGAIN when somebody else has it. */
int fileio_lock(int fd);
/* The same, as long as it takes. -EINTR: a signal came. */
int fileio_lock_wait(int fd);
/* Does somebody hold the lock? 1 or 0 or -errno. */
int fileio_is_locked(int fd);

/* Closes fd (when >= 0), returns -1; errno stays. */
int fileio_close(int fd);
static inline void fileio_closep(int *fd) {
        fileio_close(*fd);
}
#define _cleanup_close_ _cleanup_(fileio_closep)
