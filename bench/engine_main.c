/* SPDX-License-Identifier: MIT */
/* The program `engine`. */
#include "engine.h"

int main(int argc, char **argv)
{
	return bench_main(argc, argv, &engine_bench);
}
