/* SPDX-License-Identifier: MIT */
/*
 * Synthetic strings: what is accepted must be a machine that can be built, what is refused must leave
 * the config alone and say why.
 */
#include <mmsim/config.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mmsim_config *cfg = calloc(2, sizeof(*cfg));
	char *text = malloc(size + 1);
	char msg[128] = "";

	require(cfg && text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	mmsim_config_defaults(&cfg[0]);
	mmsim_config_defaults(&cfg[1]);
	if (mmsim_config_from_synthetic(cfg, text, 0, msg, sizeof(msg)))
		require(msg[0] && memcmp(&cfg[0], &cfg[1], sizeof(*cfg)) == 0);
	else
		require(!msg[0] && mmsim_config_check(cfg, msg, sizeof(msg)) == 0);
	free(text);
	free(cfg);
	return 0;
}
