/* SPDX-License-Identifier: MIT */
/* The program `pageinit`. */
#include "pageinit.h"

int main(int argc, char **argv)
{
	return bench_main(argc, argv, &pageinit_bench);
}
