/* mount.fuse.gcs: what mount(8) and fstab call for the type fuse.gcs. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuse-gcs/mount_helper.h"

/* The one beside this program (a build tree); its path is 0 or negative. */
static int beside(char *ret, size_t size) {
        ssize_t n = readlink("/proc/self/exe", ret, size - 1);
        char *slash;

        if (n < 0)
                return -errno;
        ret[n] = 0;
        slash = strrchr(ret, '/');
        if (!slash || (size_t) (slash - ret) + sizeof("/fuse-gcs") > size)
                return -ENAMETOOLONG;
        memcpy(slash, "/fuse-gcs", sizeof("/fuse-gcs"));
        return 0;
}

/* mount(8) may come without a PATH. */
static const char *const places[] = {ONEBOX_BINDIR "/fuse-gcs", "/usr/local/bin/fuse-gcs",
                                     "/usr/bin/fuse-gcs"};

int main(int argc, char **argv) {
        struct errmsg em = {};
        char path[PATH_MAX], **args;
        int r = mount_helper_args(argc, argv, &args, &em);

        if (r == 1)
                return EXIT_SUCCESS;
        if (r < 0) {
                fprintf(stderr, "mount.fuse.gcs: %s\n", em.text);
                return EXIT_FAILURE;
        }
        if (beside(path, sizeof(path)) >= 0)
                execv(path, args);
        for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
                execv(places[i], args);
        execvp("fuse-gcs", args);
        fprintf(stderr, "mount.fuse.gcs: fuse-gcs cannot be started: %s\n", strerror(errno));
        return EXIT_FAILURE;
}
