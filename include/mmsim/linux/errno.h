/* SPDX-License-Identifier: MIT */
/*
 * Error numbers. Also what <errno.h> of the C library includes when this folder is on the search path.
 */
#ifndef MMSIM_LINUX_ERRNO_H
#define MMSIM_LINUX_ERRNO_H

#include <asm/errno.h>

#ifndef ERESTARTSYS
#define ERESTARTSYS 512
#define ENOIOCTLCMD 515
#define EPROBE_DEFER 517
#define ENOTSUPP 524
#endif

#endif
