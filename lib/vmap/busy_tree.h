/* SPDX-License-Identifier: MIT */
/* Areas in use, in a tree for each node: the kernel's way. What each call does says busy.h. */
#ifndef MM_VMAP_BUSY_TREE_H
#define MM_VMAP_BUSY_TREE_H

#include "busy.h"

/* b->nr_nodes and b->zone_size are set. 0 or -ENOMEM. */
int mm_vmap_trees_init(struct mm_busy *b, struct mm_lockset *locks);
void mm_vmap_trees_fini(struct mm_busy *b);
void mm_vmap_trees_insert(struct mm_busy *b, struct mm_vmap_area *va);
struct mm_vmap_area *mm_vmap_trees_unlink(struct mm_busy *b, uint64_t addr,
					  bool (*may)(const struct mm_vmap_area *va, void *ctx),
					  void *ctx);
bool mm_vmap_trees_find(struct mm_busy *b, uint64_t addr,
			void (*fn)(struct mm_vmap_area *va, void *ctx), void *ctx);
bool mm_vmap_trees_find_exceed(struct mm_busy *b, uint64_t addr,
			       void (*fn)(struct mm_vmap_area *va, void *ctx), void *ctx);
void mm_vmap_trees_each(struct mm_busy *b, void (*fn)(struct mm_vmap_area *va, void *ctx),
			void *ctx);
uint64_t mm_vmap_trees_count(const struct mm_busy *b);
uint64_t mm_vmap_trees_validate(struct mm_busy *b);

#endif
