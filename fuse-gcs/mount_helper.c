#include "fuse-gcs/mount_helper.h"

#include <errno.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

struct mount_helper {
        const char *words[2];
        size_t n_words;
        char **args;
        bool is_fake;
};

/* One word of the command line; *i is moved over its value. */
static int mount_helper_word(struct mount_helper *h, int argc, char *const *argv, int *i,
                             struct errmsg *em) {
        const char *word = argv[*i];

        if (word[0] != '-') {
                if (h->n_words == ARRAY_SIZE(h->words))
                        return errmsg_fail(em, -EINVAL, "unexpected arg 3: %s is one word too many",
                                           word);
                h->words[h->n_words++] = word;
                return 0;
        }
        if (str_eq(word, "-o") || str_eq(word, "-N") || str_eq(word, "-t")) {
                if (++*i >= argc)
                        return errmsg_fail(em, -EINVAL, "unexpected %s: it wants a value", word);
                if (word[1] != 'o')
                        return 0;
                return str_list_add(&h->args, "-o") ?: str_list_add(&h->args, argv[*i]);
        }
        if (word[1 + strspn(word + 1, "sfnvrw")])
                return errmsg_fail(em, -EINVAL, "%s: mount(8) has no such option", word);
        h->is_fake = h->is_fake || strchr(word, 'f');
        if (strchr(word, 'r'))
                return str_list_add(&h->args, "-o") ?: str_list_add(&h->args, "ro");
        return 0;
}

int mount_helper_args(int argc, char *const *argv, char ***ret, struct errmsg *em) {
        struct mount_helper h = {};
        int r = str_list_add(&h.args, "fuse-gcs");

        for (int i = 1; i < argc && r >= 0; i++)
                r = mount_helper_word(&h, argc, argv, &i, em);
        if (r >= 0 && h.n_words != ARRAY_SIZE(h.words))
                r = errmsg_fail(em, -EINVAL,
                                "want two positional arguments: mount.fuse.gcs BUCKET DIRECTORY "
                                "[-o OPTIONS]");
        for (size_t k = 0; k < h.n_words && r >= 0; k++)
                r = str_list_add(&h.args, h.words[k]);
        if (r < 0 || h.is_fake) {
                str_free_list(h.args);
                return r < 0 ? r : 1;
        }
        *ret = h.args;
        return 0;
}
