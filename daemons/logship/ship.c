#include "daemons/logship/ship.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/entropy.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/gcp/store_any.h"
#include "lib/store/store.h"

/* --- the queue ----------------------------------------------------------------------------------
 */

int ship_list(const struct ship *s, char ***ret) {
        _cleanup_(str_free_listp) char **names = NULL;
        char **to;
        int r = fileio_list(s->queue_dir, NULL, &names);

        if (r < 0)
                return r;
        to = names;
        for (char **name = names; *name; name++)
                if (entropy_is_uuid(*name))
                        *to++ = *name;
                else
                        mem_free(*name); /* being written */
        *to = NULL;
        *ret = TAKE_PTR(names);
        return 0;
}

static int forget(const struct ship *s, const char *try_id, struct errmsg *em) {
        _cleanup_free_ char *path = str_printf("%s/%s", s->queue_dir, try_id);
        int r = path ? fileio_unlink(path) : -ENOMEM;

        return r < 0 ? errmsg_errno(em, r, "%s/%s", s->queue_dir, try_id) : 0;
}

/* 1: the entry means nothing. */
static int read_key(const struct ship *s, const char *try_id, char ret[SHIP_KEY_MAX],
                    struct errmsg *em) {
        _cleanup_free_ char *path = str_printf("%s/%s", s->queue_dir, try_id);
        _cleanup_free_ char *text = NULL;
        int r = path ? fileio_read(path, SHIP_KEY_MAX, &text, NULL) : -ENOMEM;

        if (r == -ENOMEM)
                return r;
        if (r >= 0)
                r = str_copy(ret, SHIP_KEY_MAX, str_strip(text));
        if (r < 0) {
                errmsg_errno(em, r, "the queue's entry of try %s", try_id);
                return 1;
        }
        r = store_name_check(ret, em);
        return r == -EINVAL ? 1 : r;
}

/* --- uploading ----------------------------------------------------------------------------------
 */

/* The log as a plain file: nothing is followed, whatever the task has put there. */
static int open_log(int dir_fd) {
        int fd = openat(dir_fd, "log", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        struct stat st;

        if (fd < 0)
                return errno == ELOOP ? -ENOENT : -errno;
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
                fileio_close(fd);
                return -ENOENT;
        }
        return fd;
}

static int copy(const struct ship *s, struct store_put *put, int fd, uint64_t *ret_bytes) {
        _cleanup_free_ char *piece = mem_alloc(SHIP_PIECE);
        uint64_t n = 0;

        if (!piece)
                return -ENOMEM;
        for (;;) {
                ssize_t k = read(fd, piece, SHIP_PIECE);
                int r;

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                if (k == 0)
                        break;
                r = store_put_write(s->store, put, piece, (size_t) k);
                if (r < 0)
                        return r;
                n += (uint64_t) k;
        }
        *ret_bytes = n;
        return 0;
}

static int upload(const struct ship *s, const char *key, int fd, uint64_t *ret_bytes,
                  struct errmsg *em) {
        struct store_put *put;
        int r = store_put_begin(s->store, key, em, &put);

        if (r < 0)
                return r;
        r = copy(s, put, fd, ret_bytes);
        if (r < 0) {
                store_put_abort(s->store, put);
                return errmsg_errno(em, r, "%s cannot be uploaded", key);
        }
        return store_put_commit(s->store, put, NULL, em);
}

static int mark(int dir_fd, struct errmsg *em) {
        _cleanup_close_ int fd =
                openat(dir_fd, "shipped", O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);

        return fd < 0 && errno != ELOOP ? errmsg_errno(em, -errno, "cannot mark a log as uploaded")
                                        : 0;
}

int ship_one(const struct ship *s, const char *try_id, uint64_t *ret_bytes, struct errmsg *em) {
        _cleanup_close_ int dir_fd = -1, fd = -1;
        _cleanup_free_ char *dir = str_printf("%s/%s", s->tasks_dir, try_id);
        char key[SHIP_KEY_MAX];
        int r;

        if (!dir)
                return errmsg_fail(em, -ENOMEM, "no memory");
        r = read_key(s, try_id, key, em);
        if (r < 0)
                return errmsg_errno(em, r, "the queue's entry of try %s", try_id);
        if (r > 0)
                return MIN(forget(s, try_id, em), 0) ?: SHIP_DROPPED;
        dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        fd = dir_fd < 0 ? -errno : open_log(dir_fd);
        if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP) {
                errmsg_set(em, "try %s has no log", try_id);
                return forget(s, try_id, NULL) ?: SHIP_DROPPED;
        }
        if (fd < 0)
                return errmsg_errno(em, fd, "the log of try %s cannot be read (uid %u)", try_id,
                                    (unsigned) geteuid());
        r = upload(s, key, fd, ret_bytes, em);
        if (r >= 0)
                r = mark(dir_fd, em);
        if (r >= 0)
                r = forget(s, try_id, em);
        return r < 0 ? r : SHIP_DONE;
}

/* --- reading back -------------------------------------------------------------------------------
 */

int ship_read(struct store *store, const char *key, uint64_t offset, size_t limit, struct buf *ret,
              struct errmsg *em) {
        struct store_info info;
        struct store_get *get;
        int r = store_name_check(key, em);

        if (r >= 0)
                r = store_get_open(store, key, em, &info, &get);
        if (r < 0)
                return r;
        while (r >= 0 && ret->len < limit && offset + ret->len < info.size) {
                size_t want = MIN(limit - ret->len, (size_t) SHIP_PIECE);
                ssize_t n;

                r = buf_reserve(ret, want);
                if (r < 0)
                        break;
                n = store_get_read(store, get, offset + ret->len, ret->data + ret->len, want);
                if (n <= 0) {
                        r = (int) n;
                        break;
                }
                ret->len += (size_t) n;
                ret->data[ret->len] = 0;
        }
        store_get_close(store, get);
        return r < 0 ? errmsg_errno(em, r, "%s cannot be read", key) : 0;
}

int ship_open_store(const char *folder, const struct conn_credentials *given, struct store **ret,
                    struct errmsg *em) {
        const char *path;

        if (str_empty(folder))
                return errmsg_fail(
                        em, -EINVAL,
                        "[logging] remote_logging is on and remote_base_log_folder says "
                        "nowhere: set s3://bucket/path, gs://bucket/path or a directory");
        path = str_after(folder, "file://") ?: folder;
        if (!store_any_is_bucket(path) && *path != '/')
                return errmsg_fail(em, -EINVAL,
                                   "[logging] remote_base_log_folder = %s: use s3://bucket/path, "
                                   "gs://bucket/path or an absolute directory",
                                   folder);
        return given && store_any_is_bucket(path) ? store_any_open_given(path, given, em, ret)
                                                  : store_any_open(path, em, ret);
}
