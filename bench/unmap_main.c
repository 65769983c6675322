/* SPDX-License-Identifier: MIT */
/* The program `unmap`. */
#include "unmap.h"

int main(int argc, char **argv)
{
	return bench_main(argc, argv, &unmap_bench);
}
