/* crc32c: see crc32c.h.
 *
 * With SSE 4.2 three parts are summed at a time, since the instruction takes three cycles and can
 * begin one each: large parts, then small ones for what is left; elsewhere eight bytes a step by
 * tables. A checksum is a polynomial over GF(2), its lowest power in the highest bit; appending n
 * zero bytes multiplies it by x^8n, which for the parts' sizes is looked up byte by byte.
 *
 * With VPCLMULQDQ and AVX-512 what is long is folded: 16 bytes with n bytes behind them have the
 * remainder of those n bytes with (first half * x^(8n + 64) + second half * x^8n) added at their
 * end, so 256 bytes a step are carried on to the next, and the last 16 are summed up as above. */
#include "lib/base/crc32c.h"

#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "lib/base/base64.h"
#include "lib/base/buf.h"

#define POLYNOMIAL 0x82f63b78u
#define PART_LARGE ((size_t) 8192) /* bytes of each of three parts */
#define PART_SMALL ((size_t) 512)
#define WIDE_STEP ((size_t) 256)
#define WIDE_LEAST ((size_t) 1024) /* what is shorter is not worth the beginning and the end */

struct part {
        size_t size;
        uint32_t power[4][256]; /* each byte of a checksum * x^(8 * size) */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint32_t table[8][256];
static uint32_t powers[64]; /* x^(8 * 2^i) */
static struct part large = {.size = PART_LARGE}, small = {.size = PART_SMALL};
static bool has_instruction, has_wide;
static uint64_t fold_step[2], fold_64[2], fold_16[2]; /* over 256, 64 and 16 bytes: see fold_by() */

/* a * b modulo the polynomial. */
static uint32_t multiply(uint32_t a, uint32_t b) {
        uint32_t product = 0;

        for (uint32_t bit = 1u << 31; bit; bit >>= 1) {
                if (a & bit)
                        product ^= b;
                b = b & 1 ? b >> 1 ^ POLYNOMIAL : b >> 1;
        }
        return product;
}

static uint32_t power_of(uint64_t n_bytes) {
        uint32_t power = 1u << 31; /* x^0 */

        for (size_t i = 0; n_bytes; i++, n_bytes >>= 1)
                if (n_bytes & 1)
                        power = multiply(powers[i], power);
        return power;
}

static void prepare_part(struct part *part) {
        uint32_t power = power_of(part->size);

        for (uint32_t k = 0; k < 4; k++)
                for (uint32_t byte = 0; byte < 256; byte++)
                        part->power[k][byte] = multiply(power, byte << 8 * k);
}

/* What the halves of 16 bytes are multiplied by to be carried on over n bytes. A product of two
 * such polynomials comes out one bit too low, and a half is 64 bits, of which a multiplier has 32.
 */
static void prepare_fold(uint64_t ret[2], size_t n) {
        ret[0] = (uint64_t) power_of(n + 4) << 1;
        ret[1] = (uint64_t) power_of(n - 4) << 1;
}

static void prepare(void) {
        for (uint32_t i = 0; i < 256; i++) {
                uint32_t crc = i;

                for (int bit = 0; bit < 8; bit++)
                        crc = crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
                table[0][i] = crc;
        }
        for (size_t k = 1; k < 8; k++)
                for (size_t i = 0; i < 256; i++)
                        table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 0xff];
        powers[0] = 1u << 23; /* x^8 */
        for (size_t i = 1; i < ARRAY_SIZE(powers); i++)
                powers[i] = multiply(powers[i - 1], powers[i - 1]);
        prepare_part(&large);
        prepare_part(&small);
#ifdef __x86_64__
        has_instruction = __builtin_cpu_supports("sse4.2");
        has_wide = has_instruction && __builtin_cpu_supports("pclmul") &&
                   __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                   __builtin_cpu_supports("vpclmulqdq");
#endif
        prepare_fold(fold_step, WIDE_STEP);
        prepare_fold(fold_64, 64);
        prepare_fold(fold_16, 16);
}

static uint64_t load(const unsigned char *p) {
        uint64_t word;

        memcpy(&word, p, sizeof(word));
        return word;
}

static uint32_t add_by_table(uint32_t crc, const unsigned char *p, size_t n) {
        for (; n >= 8; p += 8, n -= 8) {
                uint64_t w = le64toh(load(p)) ^ crc;

                crc = table[7][w & 0xff] ^ table[6][w >> 8 & 0xff] ^ table[5][w >> 16 & 0xff] ^
                      table[4][w >> 24 & 0xff] ^ table[3][w >> 32 & 0xff] ^
                      table[2][w >> 40 & 0xff] ^ table[1][w >> 48 & 0xff] ^ table[0][w >> 56];
        }
        for (; n > 0; p++, n--)
                crc = crc >> 8 ^ table[0][(crc ^ *p) & 0xff];
        return crc;
}

#ifdef __x86_64__
static uint32_t shift(const struct part *part, uint32_t crc) {
        return part->power[0][crc & 0xff] ^ part->power[1][crc >> 8 & 0xff] ^
               part->power[2][crc >> 16 & 0xff] ^ part->power[3][crc >> 24];
}

/* As many times three parts as there are; says how many bytes that was. */
__attribute__((target("sse4.2"))) static size_t add_parts(uint64_t *crc, const unsigned char *p,
                                                          size_t n, const struct part *part) {
        size_t size = part->size, done = 0;
        uint64_t a = *crc;

        for (; n - done >= 3 * size; done += 3 * size, p += 3 * size) {
                uint64_t b = 0, c = 0;

                for (size_t i = 0; i < size; i += 8) {
                        a = __builtin_ia32_crc32di(a, load(p + i));
                        b = __builtin_ia32_crc32di(b, load(p + size + i));
                        c = __builtin_ia32_crc32di(c, load(p + 2 * size + i));
                }
                a = shift(part, (uint32_t) a) ^ b;
                a = shift(part, (uint32_t) a) ^ c;
        }
        *crc = a;
        return done;
}

__attribute__((target("sse4.2"))) static uint32_t add_by_instruction(uint32_t crc,
                                                                     const unsigned char *p,
                                                                     size_t n) {
        uint64_t a = crc;
        size_t done = add_parts(&a, p, n, &large);

        done += add_parts(&a, p + done, n - done, &small);
        p += done;
        n -= done;
        for (; n >= 8; p += 8, n -= 8)
                a = __builtin_ia32_crc32di(a, load(p));
        for (; n > 0; p++, n--)
                a = __builtin_ia32_crc32qi((uint32_t) a, *p);
        return (uint32_t) a;
}

#define WIDE_TARGET __attribute__((target("sse4.2,pclmul,avx512f,avx512dq,vpclmulqdq")))

/* a carried on to b's place. */
WIDE_TARGET static inline __m512i fold_wide(__m512i a, __m512i by, __m512i b) {
        return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(a, by, 0x00),
                                         _mm512_clmulepi64_epi128(a, by, 0x11), b, 0x96);
}

WIDE_TARGET static inline __m128i fold_one(__m128i a, __m128i by, __m128i b) {
        return _mm_xor_si128(
                _mm_xor_si128(_mm_clmulepi64_si128(a, by, 0x00), _mm_clmulepi64_si128(a, by, 0x11)),
                b);
}

/* As many steps as there are, at least one: n is at least WIDE_LEAST. Says how many bytes that was.
 */
WIDE_TARGET static size_t add_wide(uint32_t *crc, const unsigned char *p, size_t n) {
        const __m128i by_16 = _mm_loadu_si128((const __m128i *) fold_16);
        const __m512i by_64 = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *) fold_64));
        const __m512i by_step =
                _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *) fold_step));
        __m512i a = _mm512_loadu_si512(p), b = _mm512_loadu_si512(p + 64);
        __m512i c = _mm512_loadu_si512(p + 128), d = _mm512_loadu_si512(p + 192);
        size_t done = WIDE_STEP;
        __m128i last;
        uint64_t sum;

        a = _mm512_xor_si512(a, _mm512_zextsi128_si512(_mm_cvtsi32_si128((int) *crc)));
        for (; n - done >= WIDE_STEP; done += WIDE_STEP) {
                a = fold_wide(a, by_step, _mm512_loadu_si512(p + done));
                b = fold_wide(b, by_step, _mm512_loadu_si512(p + done + 64));
                c = fold_wide(c, by_step, _mm512_loadu_si512(p + done + 128));
                d = fold_wide(d, by_step, _mm512_loadu_si512(p + done + 192));
        }
        d = fold_wide(fold_wide(fold_wide(a, by_64, b), by_64, c), by_64, d);
        last = fold_one(_mm512_castsi512_si128(d), by_16, _mm512_extracti64x2_epi64(d, 1));
        last = fold_one(last, by_16, _mm512_extracti64x2_epi64(d, 2));
        last = fold_one(last, by_16, _mm512_extracti64x2_epi64(d, 3));
        sum = __builtin_ia32_crc32di(0, (uint64_t) _mm_cvtsi128_si64(last));
        *crc = (uint32_t) __builtin_ia32_crc32di(sum, (uint64_t) _mm_extract_epi64(last, 1));
        return done;
}
#else
static uint32_t add_by_instruction(uint32_t crc, const unsigned char *p, size_t n) {
        return add_by_table(crc, p, n);
}

static size_t add_wide(uint32_t *crc, const unsigned char *p, size_t n) {
        (void) crc, (void) p, (void) n;
        return 0;
}
#endif

bool crc32c_has(enum crc32c_way way) {
        (void) pthread_once(&once, prepare);
        return way == CRC32C_BY_TABLE ||
               (way == CRC32C_BY_INSTRUCTION ? has_instruction : has_wide);
}

uint32_t crc32c_add_by(enum crc32c_way way, uint32_t crc, const void *p, size_t n) {
        const unsigned char *at = p;
        size_t done = 0;

        (void) pthread_once(&once, prepare);
        crc = ~crc;
        if (way == CRC32C_WIDE && n >= WIDE_LEAST)
                done = add_wide(&crc, at, n);
        return ~(way == CRC32C_BY_TABLE ? add_by_table(crc, at, n)
                                        : add_by_instruction(crc, at + done, n - done));
}

uint32_t crc32c_add(uint32_t crc, const void *p, size_t n) {
        (void) pthread_once(&once, prepare);
        return crc32c_add_by(has_wide          ? CRC32C_WIDE
                             : has_instruction ? CRC32C_BY_INSTRUCTION
                                               : CRC32C_BY_TABLE,
                             crc, p, n);
}

uint32_t crc32c_combine(uint32_t first, uint32_t second, uint64_t n_second) {
        (void) pthread_once(&once, prepare);
        return multiply(power_of(n_second), first) ^ second;
}

const char *crc32c_print(uint32_t crc, char ret[CRC32C_TEXT_SIZE]) {
        static const char digits[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

        for (size_t i = 0; i < 5; i++)
                ret[i] = digits[crc >> (26 - 6 * i) & 63];
        ret[5] = digits[crc << 4 & 63];
        memcpy(ret + 6, "==", 3);
        return ret;
}

int crc32c_parse(const char *text, size_t len, uint32_t *ret) {
        _cleanup_buf_ struct buf bytes = {};
        uint32_t crc;
        int r = base64_decode(&bytes, text, len, 0);

        if (r < 0)
                return r;
        if (bytes.len != sizeof(crc))
                return -EINVAL;
        memcpy(&crc, bytes.data, sizeof(crc));
        *ret = be32toh(crc);
        return 0;
}
