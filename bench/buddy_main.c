/* SPDX-License-Identifier: MIT */
/* The program `buddy`. */
#include "buddy.h"

int main(int argc, char **argv)
{
	return bench_main(argc, argv, &buddy_bench);
}
