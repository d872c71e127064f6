/* crc32c: see crc32c.h.
 *
 * With SSE 4.2 three parts are summed at a time, since the instruction takes three cycles and can
 * begin one each: large parts, then small ones for what is left; elsewhere eight bytes a step by
 * tables. A checksum is a polynomial over GF(2), its lowest power in the highest bit; appending n
 * zero bytes multiplies it by x^8n, which for the parts' sizes is looked up byte by byte. */
#include "lib/base/crc32c.h"

#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/buf.h"

#define POLYNOMIAL 0x82f63b78u
#define PART_LARGE ((size_t) 8192) /* bytes of each of three parts */
#define PART_SMALL ((size_t) 512)

struct part {
        size_t size;
        uint32_t power[4][256]; /* each byte of a checksum * x^(8 * size) */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint32_t table[8][256];
static uint32_t powers[64]; /* x^(8 * 2^i) */
static struct part large = {.size = PART_LARGE}, small = {.size = PART_SMALL};
static bool has_instruction;

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
#endif
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
#else
static uint32_t add_by_instruction(uint32_t crc, const unsigned char *p, size_t n) {
        return add_by_table(crc, p, n);
}
#endif

uint32_t crc32c_add(uint32_t crc, const void *p, size_t n) {
        (void) pthread_once(&once, prepare);
        return ~(has_instruction ? add_by_instruction(~crc, p, n) : add_by_table(~crc, p, n));
}

uint32_t crc32c_add_portable(uint32_t crc, const void *p, size_t n) {
        (void) pthread_once(&once, prepare);
        return ~add_by_table(~crc, p, n);
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
