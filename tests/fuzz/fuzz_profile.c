/* SPDX-License-Identifier: MIT */
/*
 * Machine profiles, and the same bytes as an assignment to a figure: what is accepted must be a machine
 * that can be built, what is refused must leave the config alone and say why, in one line.
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

static void judge(struct mmsim_config *cfg, int err, char *msg, size_t len)
{
	if (!err) {
		require(!msg[0]);
		require(mmsim_config_check(cfg, msg, len) == 0);
		return;
	}
	require(err < 0 && msg[0]);
	for (const char *at = msg; *at; at++)
		require((unsigned char)*at >= ' ' || *at == '\t');
	require(memcmp(&cfg[0], &cfg[1], sizeof(*cfg)) == 0);
}

static void parse_profile(struct mmsim_config *cfg, const uint8_t *data, size_t size)
{
	char msg[256] = "";
	int err;

	mmsim_config_defaults(&cfg[0]);
	mmsim_config_defaults(&cfg[1]);
	err = mmsim_config_from_profile(cfg, (const char *)data, size, msg, sizeof(msg));
	judge(cfg, err, msg, sizeof(msg));
}

static void set_figure(struct mmsim_config *cfg, const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	char msg[256] = "";
	int err;

	require(text != NULL);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	mmsim_config_defaults(&cfg[0]);
	mmsim_config_defaults(&cfg[1]);
	err = mmsim_config_set_figure(cfg, text, msg, sizeof(msg));
	judge(cfg, err, msg, sizeof(msg));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t none;
	struct mmsim_config *cfg = calloc(2, sizeof(*cfg));

	require(cfg != NULL);
	parse_profile(cfg, size ? data : &none, size);
	set_figure(cfg, data, size);
	free(cfg);
	return 0;
}
