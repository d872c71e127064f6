#include "lib/db/db_postgres_lib.h"

#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

struct db_postgres_lib db_postgres_lib;

static char missing[256];

static void load(void) {
        void *lib = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);

        if (!lib) {
                (void) snprintf(missing, sizeof(missing), "%s", dlerror());
                return;
        }
#define PQ(f)                                             \
        db_postgres_lib.f = (typeof(f) *) dlsym(lib, #f); \
        if (!db_postgres_lib.f)                           \
                (void) snprintf(missing, sizeof(missing), "libpq.so.5 has no " #f);
#include "lib/db/db_postgres_lib.def"
#undef PQ
}

int db_postgres_lib_load(struct errmsg *em) {
        static pthread_once_t once = PTHREAD_ONCE_INIT;

        (void) pthread_once(&once, load);
        if (*missing)
                return errmsg_fail(em, -EPROTONOSUPPORT,
                                   "PostgreSQL's library is not there (%s): apt-get install libpq5",
                                   missing);
        assert(db_postgres_lib.PQexec);
        return 0;
}
