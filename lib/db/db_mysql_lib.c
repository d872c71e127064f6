#include "lib/db/db_mysql_lib.h"

#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

struct db_mysql_lib db_mysql_lib;

static char missing[256];

static void load(void) {
        void *lib = dlopen("libmariadb.so.3", RTLD_NOW | RTLD_LOCAL);

        if (!lib) {
                (void) snprintf(missing, sizeof(missing), "%s", dlerror());
                return;
        }
#define MY(f)                                          \
        db_mysql_lib.f = (typeof(f) *) dlsym(lib, #f); \
        if (!db_mysql_lib.f)                           \
                (void) snprintf(missing, sizeof(missing), "libmariadb.so.3 has no " #f);
#include "lib/db/db_mysql_lib.def"
#undef MY
}

int db_mysql_lib_load(struct errmsg *em) {
        static pthread_once_t once = PTHREAD_ONCE_INIT;

        (void) pthread_once(&once, load);
        if (*missing)
                return errmsg_fail(em, -EPROTONOSUPPORT,
                                   "MySQL's library is not there (%s): apt-get install libmariadb3",
                                   missing);
        assert(db_mysql_lib.mysql_init);
        return 0;
}
