#include "daemons/task/task_expect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

int task_expect_check(const char *text, struct errmsg *em) {
        uint64_t dev, ino;
        struct stat st;
        int n = 0;

        if (sscanf(text, "%" SCNu64 ":%" SCNu64 ":%n", &dev, &ino, &n) != 2 || n == 0 ||
            text[n] != '/')
                return errmsg_fail(em, -EINVAL, "\"%.200s\" is not DEVICE:INODE:/PATH", text);
        if (stat(text + n, &st) < 0)
                return errmsg_errno(em, -errno, "cannot look at the volume mounted at \"%s\"",
                                    text + n);
        if ((uint64_t) st.st_dev != dev || (uint64_t) st.st_ino != ino)
                return errmsg_fail(em, -ESTALE,
                                   "what is mounted at \"%s\" is not what was allowed: something "
                                   "took its place meanwhile; if that was no attack, run it again",
                                   text + n);
        return 0;
}
