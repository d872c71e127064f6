/* all_conf: every section of onebox.conf at once, for the command. */
#pragma once

#include "cli/cli.h"
#include "lib/base/conf.h"

#define CONF_KEY CONF_FIELD
struct all_conf {
        struct {
#include "config/bucketd.def"
        } bucketd;
        struct {
#include "config/gitsync.def"
        } gitsync;
        struct {
#include "config/launcher.def"
        } launcher;
        struct {
#include "config/logging.def"
        } logging;
        struct {
#include "config/night.def"
        } night;
        struct {
#include "config/notify.def"
        } notify;
        struct {
#include "config/scheduler.def"
        } scheduler;
        struct {
#include "config/serving.def"
        } serving;
        struct {
#include "config/tracking.def"
        } tracking;
        struct {
#include "config/web.def"
        } web;
};
#undef CONF_KEY

extern const struct conf_table all_conf_table;

/* The configuration in force, into c's own copy; it lives until the exit. 0, or negative with
 * c->em "file:line: …". */
int all_conf_load(struct cli *c, const struct all_conf **ret);
