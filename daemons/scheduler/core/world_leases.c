#include "daemons/scheduler/core/world_leases.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

unsigned world_leases_count_units(uint64_t set) {
        unsigned n = 0;

        for (; set; set &= set - 1)
                n++;
        return n;
}

uint64_t world_leases_of(const struct world_task *t, const char *name) {
        for (size_t i = 0; i < t->spec->resources.n_leases; i++)
                if (str_eq(t->spec->resources.leases[i].name, name))
                        return t->leases[i];
        return 0;
}

static uint64_t all_units(const struct world_resource *res) {
        assert(res->n <= 64);
        return res->n == 64 ? UINT64_MAX : (UINT64_C(1) << res->n) - 1;
}

int world_leases_choose(const struct world *w, const struct dag_resources *ask,
                        uint64_t ret[DAG_LEASES_MAX]) {
        assert(ask->n_leases <= DAG_LEASES_MAX);
        memset(ret, 0, DAG_LEASES_MAX * sizeof(*ret));
        for (size_t i = 0; i < ask->n_leases; i++) {
                const struct world_resource *res = world_get_resource(w, ask->leases[i].name);
                uint64_t free = res ? all_units(res) & ~res->used : 0;

                if (world_leases_count_units(free) < ask->leases[i].n)
                        return 1;
                for (unsigned n = ask->leases[i].n; n > 0; n--) {
                        ret[i] |= free & -free;
                        free &= free - 1;
                }
                assert(world_leases_count_units(ret[i]) == ask->leases[i].n);
        }
        return 0;
}

void world_leases_count(struct world *w, const struct world_task *t, int n) {
        for (size_t i = 0; i < t->spec->resources.n_leases; i++) {
                struct world_resource *res =
                        world_get_resource(w, t->spec->resources.leases[i].name);

                if (!res)
                        continue;
                if (n > 0)
                        res->used |= t->leases[i];
                else
                        res->used &= ~t->leases[i];
        }
}

const struct dag_lease *world_leases_block(const struct world *w, const struct world_task *t,
                                           bool *ret_missing) {
        const struct dag_resources *ask = &t->spec->resources;

        for (size_t i = 0; i < ask->n_leases; i++) {
                const struct world_resource *res = world_get_resource(w, ask->leases[i].name);
                unsigned taken = res ? world_leases_count_units(res->used) + res->planned : 0;

                *ret_missing = !res || res->n < ask->leases[i].n;
                if (*ret_missing || taken + ask->leases[i].n > res->n)
                        return &ask->leases[i];
        }
        return NULL;
}

const char *world_leases_print(const struct world_task *t, char ret[WORLD_LEASES_TEXT_SIZE]) {
        size_t n = 0;

        ret[0] = 0;
        for (size_t i = 0; i < t->spec->resources.n_leases; i++) {
                const char *separator = "=";

                if (t->leases[i] == 0)
                        continue;
                n += (size_t) snprintf(ret + n, WORLD_LEASES_TEXT_SIZE - n, "%s%.60s",
                                       n > 0 ? " " : "", t->spec->resources.leases[i].name);
                for (unsigned u = 0; u < 64; u++)
                        if (t->leases[i] >> u & 1) {
                                n += (size_t) snprintf(ret + n, WORLD_LEASES_TEXT_SIZE - n, "%s%u",
                                                       separator, u);
                                separator = ",";
                        }
                assert(n < WORLD_LEASES_TEXT_SIZE);
        }
        return ret;
}

/* "0,1" */
static int parse_units(const char *text, uint64_t *ret) {
        const char *word;
        size_t n;

        *ret = 0;
        while (str_word(&text, ",", &word, &n)) {
                char number[4];
                int u;

                if (n >= sizeof(number))
                        return -EINVAL;
                memcpy(number, word, n);
                number[n] = 0;
                if (str_to_int(number, &u) < 0 || u < 0 || u > 63)
                        return -EINVAL;
                *ret |= UINT64_C(1) << u;
        }
        return 0;
}

static int parse_one(struct world_task *t, char *text) {
        char *equal = strchr(text, '=');

        if (!equal)
                return -EINVAL;
        *equal = 0;
        for (size_t i = 0; i < t->spec->resources.n_leases; i++)
                if (strncmp(t->spec->resources.leases[i].name, text, 60) == 0)
                        return parse_units(equal + 1, &t->leases[i]);
        return -EINVAL;
}

int world_leases_parse(struct world_task *t, const char *text) {
        char copy[WORLD_LEASES_TEXT_SIZE], *save = NULL;

        if (str_copy(copy, sizeof(copy), text) < 0)
                return -EINVAL;
        for (char *p = strtok_r(copy, " ", &save); p; p = strtok_r(NULL, " ", &save))
                if (parse_one(t, p) < 0)
                        return -EINVAL;
        return 0;
}
