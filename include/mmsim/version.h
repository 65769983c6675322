/* SPDX-License-Identifier: MIT */
/* The one place where the version is written: meson.build, the .pc file and --version read it here. */
#ifndef MMSIM_VERSION_H
#define MMSIM_VERSION_H

#define MMSIM_VERSION_MAJOR 0
#define MMSIM_VERSION_MINOR 1
#define MMSIM_VERSION_PATCH 0

#endif
