#include "daemons/scheduler/mask_tell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/base/fileio.h"
#include "lib/base/json.h"

/* onebox-task takes less than 96 KiB at once, and looks for lines in pieces of 2 KiB. */
enum { DATAGRAM_MAX = 64 * 1024 };

static int add(struct buf *out, const char *text) {
        return text && *text ? buf_add(out, text, strlen(text) + 1) : 0;
}

/* Every text below a name that says it is a secret. */
static int add_node(const struct json *j, bool secret, struct buf *out) {
        const struct json *item;
        const char *text;
        int r = 0;

        if (json_str(j, &text) == 0)
                return secret ? add(out, text) : 0;
        if (j->type != JSON_OBJECT && j->type != JSON_ARRAY)
                return 0;
        json_each (item, j) {
                r = add_node(item,
                             secret ||
                                     (j->type == JSON_OBJECT && connection_is_sensitive(item->key)),
                             out);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_json(const char *text, struct arena *a, struct buf *out) {
        struct json *j;
        int r = json_parse_copy(a, text, strlen(text), &j, NULL);

        if (r < 0)
                return r == -ENOMEM ? r : 0;
        return add_node(j, false, out);
}

int mask_tell_connection(const struct connection *c, struct arena *a, struct buf *out) {
        int r = add(out, c->password);

        return r >= 0 && c->extra ? add_json(c->extra, a, out) : r;
}

int mask_tell_variable(const char *name, const char *value, struct arena *a, struct buf *out) {
        int r = connection_is_sensitive(name) ? add(out, value) : 0;

        return r >= 0 ? add_json(value, a, out) : r;
}

/* The next datagram's length: whole values, a long one in pieces that end with a line, or where
 * onebox-task's pieces end. */
static size_t next_piece(const char *p, size_t n) {
        const char *last = n > DATAGRAM_MAX ? memrchr(p, 0, DATAGRAM_MAX) : NULL;

        if (n <= DATAGRAM_MAX)
                return n;
        if (!last)
                last = memrchr(p, '\n', DATAGRAM_MAX);
        return last ? (size_t) (last - p) + 1 : DATAGRAM_MAX;
}

int mask_tell_try(const char *tasks_dir, const char *try_id, const struct buf *values) {
        struct sockaddr_un at = {.sun_family = AF_UNIX};
        _cleanup_close_ int dir_fd = -1, try_fd = -1, fd = -1;

        if (values->len == 0)
                return 0;
        dir_fd = open(tasks_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (dir_fd >= 0)
                try_fd = openat(dir_fd, try_id, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (try_fd < 0 || fd < 0)
                return -errno;
        /* by the directory's fd: a path may be longer than an address */
        snprintf(at.sun_path, sizeof(at.sun_path), "/proc/self/fd/%d/mask.sock", try_fd);
        if (connect(fd, (struct sockaddr *) &at, sizeof(at)) < 0)
                return errno == ENOENT || errno == ECONNREFUSED ? 0 : -errno;
        for (size_t n = 0, done = 0; done < values->len; done += n) {
                n = next_piece(values->data + done, values->len - done);
                if (send(fd, values->data + done, n, MSG_NOSIGNAL) < 0)
                        return errno == ECONNREFUSED ? 0 : -errno;
        }
        return 0;
}
