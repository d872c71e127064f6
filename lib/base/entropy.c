/* entropy: see entropy.h. The counter of entropy_uuid7 is the only state, under a lock. */
#include "lib/base/entropy.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>

#include "lib/base/fault.h"
#include "lib/base/hex.h"

static int system_fill(struct entropy *e, void *p, size_t n) {
        char *at = p;

        (void) e;
        while (n > 0) {
                ssize_t k = getrandom(at, n, 0);

                if (k < 0 && errno != EINTR)
                        return -errno;
                if (k > 0) {
                        at += k;
                        n -= (size_t) k;
                }
        }
        return 0;
}

struct entropy *entropy_system(void) {
        static struct entropy e = {.fill = system_fill};

        return &e;
}

int entropy_fill(struct entropy *e, void *p, size_t n) {
        int r = fault_at(FAULT_ENTROPY);

        return r < 0 ? r : e->fill(e, p, n);
}

int entropy_hex(struct entropy *e, size_t n_bytes, char *ret) {
        unsigned char bytes[64];
        int r;

        assert(n_bytes <= sizeof(bytes));

        r = entropy_fill(e, bytes, n_bytes);
        if (r < 0)
                return r;
        hex_encode(bytes, n_bytes, ret);
        explicit_bzero(bytes, sizeof(bytes));
        return 0;
}

/* The 12 bits of rand_a count within one millisecond; when they run out, time is borrowed. */
static void next_tick(uint64_t now_ms, uint64_t *ret_ms, unsigned *ret_count) {
        static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
        static uint64_t last_ms;
        static unsigned count;

        pthread_mutex_lock(&lock);
        if (now_ms > last_ms) {
                last_ms = now_ms;
                count = 0;
        } else if (++count > 0xFFF) {
                last_ms++;
                count = 0;
        }
        *ret_ms = last_ms;
        *ret_count = count;
        pthread_mutex_unlock(&lock);
}

static void uuid_print(const unsigned char b[16], char ret[ENTROPY_UUID_SIZE]) {
        char hex[33];

        hex_encode(b, 16, hex);
        memcpy(ret, hex, 8);
        memcpy(ret + 9, hex + 8, 4);
        memcpy(ret + 14, hex + 12, 4);
        memcpy(ret + 19, hex + 16, 4);
        memcpy(ret + 24, hex + 20, 13);
        ret[8] = ret[13] = ret[18] = ret[23] = '-';
}

int entropy_uuid7(struct entropy *e, usec_t now_at, char ret[ENTROPY_UUID_SIZE]) {
        unsigned char b[16];
        unsigned count;
        uint64_t ms;
        int r;

        r = entropy_fill(e, b + 8, 8);
        if (r < 0)
                return r;
        next_tick(now_at / USEC_PER_MSEC, &ms, &count);
        for (unsigned i = 0; i < 6; i++)
                b[i] = (unsigned char) (ms >> (40 - 8 * i));
        b[6] = (unsigned char) (0x70 | count >> 8);
        b[7] = (unsigned char) count;
        b[8] = (b[8] & 0x3F) | 0x80;
        uuid_print(b, ret);
        return 0;
}

int entropy_id_near(struct entropy *e, usec_t now_at, char ret[ENTROPY_ID_SIZE]) {
        uint64_t place = now_at / ENTROPY_NEAR_FOR;
        int r = entropy_id(e, ret);

        if (r < 0)
                return r;
        for (int i = 2; i >= 0; i--, place >>= 4)
                ret[i] = "0123456789abcdef"[place & 0xF];
        return 0;
}

int entropy_id(struct entropy *e, char ret[ENTROPY_ID_SIZE]) {
        unsigned char b[16];
        int r = entropy_fill(e, b, sizeof(b));

        if (r < 0)
                return r;
        b[6] = (b[6] & 0x0F) | 0x40;
        b[8] = (b[8] & 0x3F) | 0x80;
        hex_encode(b, sizeof(b), ret);
        return 0;
}

int entropy_below(struct entropy *e, uint64_t bound, uint64_t *ret) {
        uint64_t reject, v;
        int r;

        assert(bound > 0);

        reject = -bound % bound; /* 2^64 mod bound values would tilt the dice */
        do {
                r = entropy_fill(e, &v, sizeof(v));
                if (r < 0)
                        return r;
        } while (v < reject);
        *ret = v % bound;
        return 0;
}

bool entropy_is_uuid(const char *s) {
        for (unsigned i = 0; i < 36; i++) {
                bool dash = i == 8 || i == 13 || i == 18 || i == 23;

                if (dash ? s[i] != '-' : hex_digit(s[i]) < 0 || (s[i] >= 'A' && s[i] <= 'F'))
                        return false;
        }
        return s[36] == 0;
}

/* splitmix64 */
static int fake_fill(struct entropy *e, void *p, size_t n) {
        struct entropy_fake *f = container_of(e, struct entropy_fake, entropy);
        unsigned char *out = p;

        for (size_t i = 0; i < n; i += 8) {
                uint64_t z = f->state += UINT64_C(0x9E3779B97F4A7C15);

                z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
                z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
                z ^= z >> 31;
                memcpy(out + i, &z, MIN(n - i, (size_t) 8));
        }
        return 0;
}

void entropy_fake_init(struct entropy_fake *f, uint64_t seed) {
        *f = (struct entropy_fake){.entropy = {.fill = fake_fill}, .state = seed};
}
