/* SPDX-License-Identifier: MIT */
/*
 * Parameters of a module: variables that the command line sets, as name=value, before its init function runs.
 *
 * Types: bool, byte, short, ushort, int, uint, long, ulong, ullong, charp. A bool alone means true.
 */
#ifndef MMSIM_LINUX_MODULEPARAM_H
#define MMSIM_LINUX_MODULEPARAM_H

#include <linux/compiler.h>
#include <linux/types.h>

enum mm_linux_param_type {
	MM_LINUX_PARAM_bool,
	MM_LINUX_PARAM__Bool = MM_LINUX_PARAM_bool, /* where bool is a macro */
	MM_LINUX_PARAM_byte,
	MM_LINUX_PARAM_short,
	MM_LINUX_PARAM_ushort,
	MM_LINUX_PARAM_int,
	MM_LINUX_PARAM_uint,
	MM_LINUX_PARAM_long,
	MM_LINUX_PARAM_ulong,
	MM_LINUX_PARAM_ullong,
	MM_LINUX_PARAM_charp,
};

typedef unsigned char mm_linux_byte;
typedef char *mm_linux_charp;

/* That a variable is of the type that its parameter says. */
#define MM_LINUX_VAR_bool _Bool
#define MM_LINUX_VAR__Bool _Bool
#define MM_LINUX_VAR_byte mm_linux_byte
#define MM_LINUX_VAR_short short
#define MM_LINUX_VAR_ushort unsigned short
#define MM_LINUX_VAR_int int
#define MM_LINUX_VAR_uint unsigned int
#define MM_LINUX_VAR_long long
#define MM_LINUX_VAR_ulong unsigned long
#define MM_LINUX_VAR_ullong unsigned long long
#define MM_LINUX_VAR_charp mm_linux_charp

struct mm_linux_param {
	const char *name;
	void *var; /* NULL: only what it is for */
	const char *desc; /* or NULL */
	enum mm_linux_param_type type;
	struct mm_linux_param *next;
};

void mm_linux_param_add(struct mm_linux_param *param);

#define module_param_named(name_, variable, type_, perm)                                      \
	_Static_assert(((perm) & ~0777) == 0, "permissions of a parameter");                  \
	static void __attribute__((constructor)) mm_linux_param_of_##name_(void)              \
	{                                                                                     \
		MM_LINUX_VAR_##type_ *mm_linux_var = &(variable);                             \
		static struct mm_linux_param mm_linux_param = { #name_, (void *)0, (void *)0, \
								MM_LINUX_PARAM_##type_,       \
								(void *)0 };                  \
		mm_linux_param.var = mm_linux_var;                                            \
		mm_linux_param_add(&mm_linux_param);                                          \
	}

#define module_param(name, type, perm) module_param_named(name, name, type, perm)

#define MODULE_PARM_DESC(name_, text)                                                            \
	static void __attribute__((constructor)) mm_linux_desc_of_##name_(void)                  \
	{                                                                                        \
		static struct mm_linux_param mm_linux_param = { #name_, (void *)0, text,         \
								MM_LINUX_PARAM_int, (void *)0 }; \
		mm_linux_param_add(&mm_linux_param);                                             \
	}

#endif
