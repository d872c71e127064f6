/* replay_main: runs a fuzz target over its corpus without libFuzzer, so that `make check` replays
 * it under the sanitizers. Every file is given as it is, and then in mutated variants made by a
 * repeatable source (bytes flipped, cut, doubled, swapped with bytes that matter to parsers).
 *
 * usage: fuzz_X [DIR|FILE]…   else FUZZ_CORPUS, else $top_srcdir/tests/fuzz/corpus/X
 * FUZZ_VARIANTS: mutated variants of each file, 200 by default. Prints TAP, one test a file; a bad
 * input ends the process by the sanitizer, after its name was printed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/entropy.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define FILE_MAX ((size_t) 4 * 1024 * 1024)
#define MUTATED_MAX ((size_t) 64 * 1024) /* larger files are only replayed as they are */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct entropy_fake dice;
static unsigned n_tests;

static uint64_t roll(uint64_t bound) {
        uint64_t v = 0;

        (void) entropy_below(&dice.entropy, bound, &v);
        return v;
}

/* The target gets a block of exactly its size, so that a read beyond it is seen. */
static void run_one(const uint8_t *data, size_t size) {
        uint8_t *exact = malloc(size ? size : 1);

        if (!exact)
                abort();
        if (size > 0)
                memcpy(exact, data, size);
        (void) LLVMFuzzerTestOneInput(exact, size);
        free(exact);
}

static size_t mutate_once(uint8_t *p, size_t n, size_t cap) {
        static const char spice[] = "\"\\'{}[]()<>:;,.-+%&=?#/*!|~`@^$_ \t\r\n\0\x7f\x80\xc0\xff"
                                    "09aAeEnNtT";
        size_t at, len;

        if (n == 0) {
                p[0] = (uint8_t) roll(256);
                return 1;
        }
        at = roll(n);
        len = MIN(n - at, (size_t) roll(16) + 1);
        switch (roll(6)) {
        case 0:
                p[at] ^= (uint8_t) (1 << roll(8));
                return n;
        case 1:
                p[at] = (uint8_t) spice[roll(sizeof(spice) - 1)];
                return n;
        case 2:
                memmove(p + at, p + at + len, n - at - len);
                return n - len;
        case 3:
                if (n + len > cap)
                        return n;
                memmove(p + at + len, p + at, n - at);
                return n + len;
        case 4:
                return at;
        default:
                memmove(p + at, p + roll(n - len + 1), len);
                return n;
        }
}

static void run_variants(const uint8_t *data, size_t size, unsigned n_variants) {
        size_t cap = size + 256;
        _cleanup_free_ uint8_t *p = mem_alloc(cap);

        if (!p)
                abort();
        for (unsigned i = 0; i < n_variants; i++) {
                size_t n = size;

                if (size > 0)
                        memcpy(p, data, size);
                for (uint64_t k = roll(4) + 1; k > 0; k--)
                        n = mutate_once(p, n, cap);
                run_one(p, n);
        }
}

static int replay_file(const char *path, unsigned n_variants) {
        _cleanup_free_ char *data = NULL;
        size_t size;
        int r;

        printf("# %s\n", path);
        fflush(stdout);
        r = fileio_read(path, FILE_MAX, &data, &size);
        if (r < 0) {
                printf("not ok %u - %s: %s\n", ++n_tests, path, strerror(-r));
                return r;
        }
        run_one((const uint8_t *) data, size);
        if (size <= MUTATED_MAX)
                run_variants((const uint8_t *) data, size, n_variants);
        printf("ok %u - %s\n", ++n_tests, path);
        return 0;
}

static int replay(const char *path, unsigned n_variants) {
        _cleanup_(str_free_listp) char **names = NULL;
        struct stat st;
        int r = 0, worst = 0;

        if (stat(path, &st) >= 0 && !S_ISDIR(st.st_mode))
                return replay_file(path, n_variants);
        r = fileio_list(path, NULL, &names);
        if (r < 0) {
                printf("Bail out! %s: %s\n", path, strerror(-r));
                return r;
        }
        for (char **name = names; *name; name++) {
                _cleanup_free_ char *file = str_printf("%s/%s", path, *name);

                r = file ? replay_file(file, n_variants) : -ENOMEM;
                if (r < 0)
                        worst = r;
        }
        return worst;
}

/* ".../fuzz_json" replays tests/fuzz/corpus/json. */
static char *default_corpus(const char *program) {
        const char *base = strrchr(program, '/'), *top = getenv("top_srcdir");
        const char *name = str_after(base ? base + 1 : program, "fuzz_");

        return str_printf("%s/tests/fuzz/corpus/%s", top ? top : ".", name ? name : "");
}

int main(int argc, char **argv) {
        const char *variants = getenv("FUZZ_VARIANTS"), *corpus = getenv("FUZZ_CORPUS");
        _cleanup_free_ char *dir = corpus ? mem_strdup(corpus) : default_corpus(argv[0]);
        unsigned n_variants = variants ? (unsigned) atoi(variants) : 200;
        int worst = 0;

        entropy_fake_init(&dice, 1);
        if (argc < 2)
                worst = dir ? replay(dir, n_variants) : -ENOMEM;
        for (int i = 1; i < argc; i++)
                if (replay(argv[i], n_variants) < 0)
                        worst = -EIO;
        printf("1..%u\n", n_tests);
        return worst < 0 || n_tests == 0 ? 1 : 0;
}
