#include "fuse-gcs/inode_number.h"

#include <errno.h>

#include "lib/base/mem.h"

#define INODE_NUMBER_SLOTS 64 /* at first */

static struct inode **inode_number_slot(const struct mnt *m, uint64_t number) {
        return &m->strangers[number & (m->n_stranger_slots - 1)];
}

static bool inode_number_is_taken(const struct mnt *m, uint64_t number) {
        const struct inode *i = *inode_number_slot(m, number);

        while (i && i->st_ino != number)
                i = i->next_stranger;
        return i;
}

static void inode_number_link(struct mnt *m, struct inode *i) {
        struct inode **slot = inode_number_slot(m, i->st_ino);

        i->next_stranger = *slot;
        *slot = i;
}

/* Without memory the chains get longer. */
static void inode_number_grow(struct mnt *m) {
        size_t n_old = m->n_stranger_slots;
        struct inode **old = m->strangers, **slots = mem_zalloc_array(n_old * 2, sizeof(*slots));

        if (!slots)
                return;
        m->strangers = slots;
        m->n_stranger_slots = n_old * 2;
        for (size_t s = 0; s < n_old; s++)
                for (struct inode *i = old[s], *next; i; i = next) {
                        next = i->next_stranger;
                        inode_number_link(m, i);
                }
        mem_free(old);
}

static void inode_number_add(struct mnt *m, struct inode *i) {
        if (m->n_strangers >= m->n_stranger_slots)
                inode_number_grow(m);
        inode_number_link(m, i);
        i->is_stranger = true;
        m->n_strangers++;
}

void inode_number_forget(struct mnt *m, struct inode *i) {
        struct inode **at;

        if (!i->is_stranger)
                return;
        at = inode_number_slot(m, i->st_ino);
        while (*at != i)
                at = &(*at)->next_stranger;
        *at = i->next_stranger;
        i->next_stranger = NULL;
        i->is_stranger = false;
        m->n_strangers--;
}

void inode_number_moved(struct mnt *m, struct inode *i) {
        bool is_stranger = i->is_unlinked || i->st_ino != mnt_ino(m, i->path);

        if (is_stranger && !i->is_stranger)
                inode_number_add(m, i);
        else if (!is_stranger)
                inode_number_forget(m, i);
}

void inode_number_choose(struct mnt *m, struct inode *i) {
        i->st_ino = mnt_ino(m, i->path);
        while (i->st_ino <= 1 || inode_number_is_taken(m, i->st_ino))
                i->st_ino = i->st_ino * UINT64_C(0xd1342543de82ef95) + 1;
        inode_number_moved(m, i);
}

uint64_t inode_number_of(struct mnt *m, const char *path) {
        const struct inode *i = m->n_strangers > 0 ? inode_find(m, path) : NULL;

        return i ? i->st_ino : mnt_ino(m, path);
}

int inode_number_init(struct mnt *m) {
        m->n_stranger_slots = INODE_NUMBER_SLOTS;
        m->strangers = mem_zalloc_array(m->n_stranger_slots, sizeof(struct inode *));
        return m->strangers ? 0 : -ENOMEM;
}

void inode_number_done(struct mnt *m) {
        m->strangers = mem_free(m->strangers);
}
