/* move: starting onebox-move, which does the work of migrate and import. */
#pragma once

struct cli;

/* Runs it with these words (NULL-terminated) and waits: its exit status, or -errno with c->em. */
int move_run(struct cli *c, const char *const *words);
