/* SPDX-License-Identifier: MIT */
/* Compiled once per public header and language: it stands alone, and it may come twice. */
#include MMSIM_HEADER
#include MMSIM_HEADER

int main(void)
{
	return 0;
}
