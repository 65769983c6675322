/* SPDX-License-Identifier: MIT */
/* The program `jobs`. */
#include "jobs.h"

int main(int argc, char **argv)
{
	return bench_main(argc, argv, jobs_bench());
}
