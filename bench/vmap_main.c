/* SPDX-License-Identifier: MIT */
/* The program `vmap`. */
#include "vmap.h"

int main(int argc, char **argv)
{
	return bench_main(argc, argv, &vmap_bench);
}
