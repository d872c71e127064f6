#include "daemons/scheduler/core/world_maps.h"

#include <errno.h>

#include "lib/base/mem.h"

static struct world_task *instance_new(struct world_task *all, unsigned index) {
        struct world_task *t = mem_new(struct world_task);

        if (!t)
                return NULL;
        *t = (struct world_task){
                .state = TASK_NONE,
                .max_tries = all->spec->retries,
                .queued_at = USEC_INFINITY,
                .started_at = USEC_INFINITY,
                .ended_at = USEC_INFINITY,
                .retry_at = USEC_INFINITY,
                .poking_since = USEC_INFINITY,
                .run = all->run,
                .spec = all->spec,
                .map_index = (int) index,
                .all = all,
        };
        return t;
}

int world_maps_reserve(struct world_task *all, unsigned n) {
        size_t allocated = all->n_maps;

        assert(all->all == all && all->spec->expand && n <= WORLD_MAPS_MAX);
        if (n <= all->n_maps)
                return 0;
        if (mem_grow((void **) &all->maps, &allocated, n, sizeof(struct world_task *)) < 0)
                return -ENOMEM;
        while (all->n_maps < n) {
                struct world_task *t = instance_new(all, all->n_maps);

                if (!t)
                        return -ENOMEM;
                all->maps[all->n_maps++] = t;
                all->run->n_all++;
        }
        return 0;
}

void world_maps_free(struct world_task *all) {
        for (unsigned i = 0; i < all->n_maps; i++) {
                mem_free(all->maps[i]->skips);
                mem_free(all->maps[i]);
        }
        mem_free(all->maps);
        all->maps = NULL;
        all->n_maps = 0;
}

int world_maps_restore(struct world_task *all, int map_index, struct world_task **ret) {
        int r;

        if (!all->spec->expand || map_index < 0 || map_index >= (int) WORLD_MAPS_MAX)
                return -EINVAL;
        r = world_maps_reserve(all, (unsigned) map_index + 1);
        if (r < 0)
                return r;
        assert(!all->run->indexed);
        all->is_expanded = true;
        *ret = all->maps[map_index];
        return 0;
}

bool world_maps_begun(const struct world_task *all) {
        assert(all->all == all);
        for (unsigned i = 0; i < all->n_maps; i++)
                if (all->maps[i]->state != TASK_NONE && all->maps[i]->state != TASK_REMOVED)
                        return true;
        return false;
}

static bool is_good(const struct world_task *t) {
        return t->state == TASK_SUCCESS || t->state == TASK_SKIPPED;
}

bool world_maps_good(const struct world_task *all) {
        assert(all->all == all);
        if (!all->is_expanded)
                return is_good(all);
        for (unsigned i = 0; i < all->n_maps; i++)
                if (!is_good(all->maps[i]) && all->maps[i]->state != TASK_REMOVED)
                        return false;
        return true;
}
