/* db_sqlite_backup.c: a copy of one snapshot, made in a temporary file beside its place: the old
 * copy or the whole new one is there, whatever fails. Writers go on meanwhile (WAL). */
#include "lib/db/db_sqlite_backup.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/errmsg.h"
#include "lib/base/fileio.h"
#include "lib/base/macros.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static int copy_pages(sqlite3 *from, sqlite3 *to, int (*errno_of)(int rc)) {
        sqlite3_backup *b;
        int rc;

        /* The copy is made durable as a whole: no journal, no sync of its own. */
        rc = sqlite3_exec(to, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", NULL, NULL, NULL);
        if (rc != SQLITE_OK)
                return errno_of(rc);
        b = sqlite3_backup_init(to, "main", from, "main");
        if (!b)
                return errno_of(sqlite3_extended_errcode(to));
        (void) sqlite3_backup_step(b, -1);
        return errno_of(sqlite3_backup_finish(b));
}

static int make_copy(sqlite3 *from, const char *tmp, int (*errno_of)(int rc)) {
        _cleanup_close_ int fd = -1;
        sqlite3 *to = NULL;
        int r, rc;

        fd = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
        if (fd < 0)
                return -errno;
        rc = sqlite3_open_v2(tmp, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
        r = rc == SQLITE_OK ? copy_pages(from, to, errno_of) : errno_of(rc);
        rc = sqlite3_close(to);
        assert(rc == SQLITE_OK);
        return r < 0 ? r : fileio_fsync(fd);
}

static int put_in_place(const char *tmp, const char *path) {
        _cleanup_free_ char *dir = mem_strdup(path);
        char *slash;

        if (!dir)
                return -ENOMEM;
        if (rename(tmp, path) < 0)
                return -errno;
        slash = strrchr(dir, '/');
        if (slash)
                slash[slash == dir ? 1 : 0] = '\0';
        return fileio_fsync_dir(slash ? dir : ".");
}

int db_sqlite_backup(sqlite3 *from, const char *path, int (*errno_of)(int rc), struct errmsg *em) {
        _cleanup_free_ char *tmp = NULL;
        int r;

        assert(from && path && errno_of);
        tmp = str_printf("%s%s.tmp", *path == '/' ? "" : "./", path);
        if (!tmp)
                return -ENOMEM;
        r = fileio_unlink(tmp); /* of a copy that was cut off */
        if (r >= 0)
                r = make_copy(from, tmp, errno_of);
        if (r >= 0)
                r = put_in_place(tmp, path);
        if (r < 0) {
                (void) fileio_unlink(tmp);
                return errmsg_errno(em, r, "%s: cannot copy the database there", path);
        }
        return 0;
}
