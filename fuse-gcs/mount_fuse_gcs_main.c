/* mount.fuse.gcs: what mount(8) and fstab call for the type fuse.gcs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuse-gcs/mount_helper.h"

/* mount(8) may come without a PATH. */
static const char *const places[] = {ONEBOX_BINDIR "/fuse-gcs", "/usr/local/bin/fuse-gcs",
                                     "/usr/bin/fuse-gcs"};

int main(int argc, char **argv) {
        struct errmsg em = {};
        char **args;
        int r = mount_helper_args(argc, argv, &args, &em);

        if (r == 1)
                return EXIT_SUCCESS;
        if (r < 0) {
                fprintf(stderr, "mount.fuse.gcs: %s\n", em.text);
                return EXIT_FAILURE;
        }
        for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
                execv(places[i], args);
        execvp("fuse-gcs", args);
        fprintf(stderr, "mount.fuse.gcs: fuse-gcs cannot be started: %s\n", strerror(errno));
        return EXIT_FAILURE;
}
