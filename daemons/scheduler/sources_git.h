/* sources_git: what onebox-gitsync says of itself in STATE/gitsync/status.json: a report for
 * people, passed on as it is, and how deep to look. Nobody needs it to be there. */
#pragma once

struct arena;
struct json;
struct scheduler;

/* [gitsync] scan_depth of the last look; 0 when nothing is known. */
unsigned sources_git_depth(const struct scheduler *s);

/* The report; NULL when there is none (or no memory). Lives in the arena. */
const struct json *sources_git_report(const struct scheduler *s, struct arena *a);
