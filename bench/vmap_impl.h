/* SPDX-License-Identifier: MIT */
/* The spaces that are compared: what a row's `impl` stands for. */
#ifndef BENCH_VMAP_IMPL_H
#define BENCH_VMAP_IMPL_H

#include <mmsim/vmap.h>
#include <stdbool.h>

/* X(tag, name, about); bit `tag` of the setting impls. */
#define VMAP_IMPLS(X)                                                            \
	X(DEFAULT, "mmsim", "natively local, in virtual time nodes")             \
	X(ONE_LOCK, "mmsim:one-lock", "as the kernel to 6.8")                    \
	X(ONE_NODE, "mmsim:one-node", "a single node: no pools")                 \
	X(LOCAL, "mmsim:local", "a node for each CPU, which flushes for itself") \
	X(TREE, "mmsim:tree", "nodes with busy trees natively, too")             \
	X(FREE_TABLES, "mmsim:free-tables", "page tables that are empty go")     \
	X(CAPPED, "mmsim:capped", "pools of limited length, urgent drains")      \
	X(NODES, "mmsim:nodes", "nodes, as the kernel since 6.9")

#define VMAP_IMPL_TAG(tag, name, about) VMAP_IMPL_##tag,
enum vmap_impl { VMAP_IMPLS(VMAP_IMPL_TAG) VMAP_NR_IMPLS };
#undef VMAP_IMPL_TAG

const char *vmap_impl_name(enum vmap_impl impl);

/*
 * What its space is made of. old_kernel: by the other rules of the kernels whose figures were published,
 * 6.3 to 6.7: memory in bulk only, pools that decay to nothing.
 */
struct mmsim_vmap_params vmap_impl_params(enum vmap_impl impl, unsigned nr_cpus, bool old_kernel);

#endif
