/* SPDX-License-Identifier: MIT */
/*
 * How many CPUs the machine has, and which one the caller is on. All of them are there all the time.
 */
#ifndef MMSIM_LINUX_CPUMASK_H
#define MMSIM_LINUX_CPUMASK_H

#include <linux/types.h>

unsigned int num_online_cpus(void);
unsigned int smp_processor_id(void);

#define num_possible_cpus() num_online_cpus()
#define num_present_cpus() num_online_cpus()
#define nr_cpu_ids num_online_cpus()
#define raw_smp_processor_id() smp_processor_id()
#define get_cpu() smp_processor_id()
#define put_cpu() \
	do {      \
	} while (0)
#define cpu_online(cpu) ((unsigned int)(cpu) < num_online_cpus())

#define for_each_possible_cpu(cpu) for ((cpu) = 0; (unsigned int)(cpu) < num_online_cpus(); (cpu)++)
#define for_each_online_cpu(cpu) for_each_possible_cpu(cpu)

#endif
