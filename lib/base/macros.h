/* Small words every file may use. Nothing here is exported, nothing allocates. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Time is counted in microseconds: an `_at` is a moment (since 1970, UTC), a `_for` is a span. */
typedef uint64_t usec_t;
#define USEC_INFINITY ((usec_t) UINT64_MAX)
#define USEC_PER_MSEC ((usec_t) 1000)
#define USEC_PER_SEC ((usec_t) 1000000)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MINUTE)
#define USEC_PER_DAY (24 * USEC_PER_HOUR)
#define NSEC_PER_USEC 1000

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _must_check_ __attribute__((warn_unused_result))
#define _malloc_ __attribute__((malloc, warn_unused_result))
#define _noreturn_ __attribute__((noreturn))
#define _unused_ __attribute__((unused))
#define _fallthrough_ __attribute__((fallthrough))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define STRLEN(literal) (sizeof("" literal "") - 1)
#define STRINGIFY_(x) #x
#define STRINGIFY(x) STRINGIFY_(x)

/* Each argument is evaluated once; the names are unique so that they nest. */
#define MIN(a, b) MIN_(a, b, __COUNTER__)
#define MIN_(a, b, n) PICK_(a, b, <, n)
#define MAX(a, b) MAX_(a, b, __COUNTER__)
#define MAX_(a, b, n) PICK_(a, b, >, n)
#define PICK_(a, b, op, n)                                                              \
        ({                                                                              \
                __auto_type CONCAT_(_a_, n) = (a);                                      \
                __auto_type CONCAT_(_b_, n) = (b);                                      \
                CONCAT_(_a_, n) op CONCAT_(_b_, n) ? CONCAT_(_a_, n) : CONCAT_(_b_, n); \
        })
#define CONCAT_(a, b) a##b

#define container_of(ptr, type, member) ((type *) ((char *) (ptr) -offsetof(type, member)))

/* Hand ownership on: the variable is emptied, its cleanup does nothing. */
#define TAKE_PTR(p)                        \
        ({                                 \
                __auto_type _take_p = (p); \
                (p) = NULL;                \
                _take_p;                   \
        })
#define TAKE_FD(fd)                  \
        ({                           \
                int _take_fd = (fd); \
                (fd) = -1;           \
                _take_fd;            \
        })

/* DEFINE_CLEANUP(struct thing *, thing_free) makes thing_freep for _cleanup_(thing_freep). */
#define DEFINE_CLEANUP(type, func)                      \
        static inline _unused_ void func##p(type *_p) { \
                if (*_p)                                \
                        func(*_p);                      \
        }
