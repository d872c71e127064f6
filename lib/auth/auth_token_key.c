/* auth_token_key.c: the key's file: AUTH_TOKEN_KEY_BYTES bytes as hex and a newline. */
#include "lib/auth/auth_token_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/entropy.h"
#include "lib/base/errmsg.h"
#include "lib/base/fileio.h"
#include "lib/base/hex.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

enum { TEXT_SIZE = 2 * AUTH_TOKEN_KEY_BYTES + 1 }; /* with the newline or the NUL */

int auth_token_key_new(const unsigned char *bytes, struct auth_token_key **ret_key) {
        struct auth_token_key *key = mem_new(struct auth_token_key);

        if (!key)
                return -ENOMEM;
        memcpy(key->bytes, bytes, sizeof(key->bytes));
        *ret_key = key;
        return 0;
}

struct auth_token_key *auth_token_key_free(struct auth_token_key *key) {
        return key ? mem_free_secret(key, sizeof(*key)) : NULL;
}

/* Writes a whole key under a name of its own and links it to `path`: whoever comes second finds the
 * first one's key there. */
static int write_new(const char *path, const char *tmp, unsigned mode, struct entropy *entropy) {
        _cleanup_close_ int fd = -1;
        char text[TEXT_SIZE + 1];
        int r;

        r = entropy_hex(entropy, AUTH_TOKEN_KEY_BYTES, text);
        if (r < 0)
                return r;
        text[TEXT_SIZE - 1] = '\n';
        fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        r = fileio_write_all(fd, text, TEXT_SIZE);
        explicit_bzero(text, sizeof(text));
        if (r >= 0 && fchmod(fd, mode) < 0)
                r = -errno;
        if (r >= 0)
                r = fileio_fsync(fd);
        if (r >= 0 && link(tmp, path) < 0 && errno != EEXIST)
                r = -errno;
        return r;
}

static int make_file(const char *path, unsigned mode, struct entropy *entropy) {
        _cleanup_free_ char *tmp = str_printf("%s.%d", path, (int) getpid());
        _cleanup_free_ char *dir = mem_strdup(path);
        char *slash;
        int r;

        if (!tmp || !dir)
                return -ENOMEM;
        r = fileio_mkdir_parents(path, 0750);
        if (r < 0)
                return r;
        (void) fileio_unlink(tmp);
        r = write_new(path, tmp, mode, entropy);
        (void) fileio_unlink(tmp);
        if (r < 0)
                return r;
        slash = strrchr(dir, '/');
        if (slash)
                slash[slash == dir ? 1 : 0] = '\0';
        return fileio_fsync_dir(slash ? dir : ".");
}

static int read_file(const char *path, struct errmsg *em, struct auth_token_key **ret_key) {
        unsigned char bytes[AUTH_TOKEN_KEY_BYTES];
        _cleanup_close_ int fd = -1;
        char *text = NULL;
        struct stat st;
        size_t n = 0;
        int r;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 || fstat(fd, &st) < 0)
                return errmsg_errno(em, -errno, "%s: cannot read the token key as uid %u", path,
                                    (unsigned) geteuid());
        if (st.st_mode & 07)
                return errmsg_fail(em, -EPERM,
                                   "%s: everyone may read or change the token key: chmod o-rwx it",
                                   path);
        r = fileio_read_fd(fd, 4096, &text, &n);
        if (r < 0)
                return errmsg_errno(em, r, "%s: cannot read the token key", path);
        if (n == TEXT_SIZE && text[n - 1] == '\n')
                text[n - 1] = '\0';
        r = hex_decode(text, bytes, sizeof(bytes));
        mem_free_secret(text, n);
        if (r < 0)
                return errmsg_fail(em, r,
                                   "%s: not a token key: remove it and a new one is made (all "
                                   "sessions end)",
                                   path);
        r = auth_token_key_new(bytes, ret_key);
        explicit_bzero(bytes, sizeof(bytes));
        return r;
}

int auth_token_key_open(const char *path, bool create, unsigned mode, struct entropy *entropy,
                        struct errmsg *em, struct auth_token_key **ret_key) {
        int r;

        assert(path && ret_key);
        assert((mode & ~0660u) == 0);
        if (create && access(path, F_OK) < 0 && errno == ENOENT) {
                r = make_file(path, mode, entropy);
                if (r < 0)
                        return errmsg_errno(em, r, "%s: cannot make the token key as uid %u", path,
                                            (unsigned) geteuid());
        }
        return read_file(path, em, ret_key);
}
