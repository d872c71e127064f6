#include "lib/db/db_sqlite_budget.h"

#include <assert.h>
#include <time.h>

#include "lib/base/clock.h"

enum { EVERY_N_STEPS = 1000 }; /* virtual machine steps between two looks at the clock */

static usec_t cpu_now(void) {
        struct timespec t = {};

        (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return (usec_t) t.tv_sec * USEC_PER_SEC + (usec_t) t.tv_nsec / NSEC_PER_USEC;
}

static int look(void *userdata) {
        struct db_sqlite_budget *b = userdata;

        assert(b->until > 0 || b->cpu_until > 0);
        b->is_over = (b->until > 0 && clock_mono(clock_system()) >= b->until) ||
                     (b->cpu_until > 0 && cpu_now() >= b->cpu_until);
        return b->is_over;
}

void db_sqlite_budget_init(struct db_sqlite_budget *b, sqlite3 *sqlite) {
        *b = (struct db_sqlite_budget){.sqlite = sqlite};
}

static void arm(struct db_sqlite_budget *b) {
        bool any = b->until > 0 || b->cpu_until > 0;

        assert(b->sqlite);
        b->is_over = false;
        sqlite3_progress_handler(b->sqlite, any ? EVERY_N_STEPS : 0, any ? look : NULL, b);
}

void db_sqlite_budget_set(struct db_sqlite_budget *b, usec_t budget_for) {
        b->until = budget_for > 0 ? clock_mono(clock_system()) + budget_for : 0;
        arm(b);
}

void db_sqlite_budget_set_cpu(struct db_sqlite_budget *b, usec_t cpu_for) {
        b->cpu_until = cpu_for > 0 ? cpu_now() + cpu_for : 0;
        arm(b);
}
