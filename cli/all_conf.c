/* all_conf: see all_conf.h. */
#include "cli/all_conf.h"

static const struct conf_key keys[] = {
#define CONF_KEY(section, key, type, def, help) \
        {#section, #key, CONF_##type, offsetof(struct all_conf, section.key), def, help},
#include "config/bucketd.def"
#include "config/gitsync.def"
#include "config/launcher.def"
#include "config/logging.def"
#include "config/night.def"
#include "config/notify.def"
#include "config/scheduler.def"
#include "config/serving.def"
#include "config/tracking.def"
#include "config/web.def"
#undef CONF_KEY
};

const struct conf_table all_conf_table = {keys, ARRAY_SIZE(keys)};

int all_conf_load(struct cli *c, const struct all_conf **ret) {
        static struct all_conf conf;
        int r = conf_load(&all_conf_table, c->paths.config, &conf, &c->em);

        *ret = &conf;
        return r;
}
