/* SPDX-License-Identifier: MIT */
#include "gfp_names.h"
#include "compiler.h"
#include "cursor.h"
#include "gfp.h"

#define NAME(name) #name, MMSIM_##name

static const struct {
	const char *name;
	mmsim_gfp_t gfp;
} flag_names[] = {
	{ NAME(__GFP_DMA) },
	{ NAME(__GFP_HIGHMEM) },
	{ NAME(__GFP_DMA32) },
	{ NAME(__GFP_MOVABLE) },
	{ NAME(__GFP_RECLAIMABLE) },
	{ NAME(__GFP_HIGH) },
	{ NAME(__GFP_IO) },
	{ NAME(__GFP_FS) },
	{ NAME(__GFP_ZERO) },
	{ NAME(__GFP_DIRECT_RECLAIM) },
	{ NAME(__GFP_KSWAPD_RECLAIM) },
	{ NAME(__GFP_RECLAIM) },
	{ NAME(__GFP_WRITE) },
	{ NAME(__GFP_NOWARN) },
	{ NAME(__GFP_RETRY_MAYFAIL) },
	{ NAME(__GFP_NOFAIL) },
	{ NAME(__GFP_NORETRY) },
	{ NAME(__GFP_MEMALLOC) },
	{ NAME(__GFP_COMP) },
	{ NAME(__GFP_NOMEMALLOC) },
	{ NAME(__GFP_HARDWALL) },
	{ NAME(__GFP_THISNODE) },
	{ NAME(__GFP_ACCOUNT) },
	{ NAME(__GFP_ZEROTAGS) },

	{ NAME(GFP_ATOMIC) },
	{ NAME(GFP_NOWAIT) },
	{ NAME(GFP_NOIO) },
	{ NAME(GFP_NOFS) },
	{ NAME(GFP_KERNEL) },
	{ NAME(GFP_KERNEL_ACCOUNT) },
	{ NAME(GFP_USER) },
	{ NAME(GFP_HIGHUSER) },
	{ NAME(GFP_HIGHUSER_MOVABLE) },
	{ NAME(GFP_TRANSHUGE) },
	{ NAME(GFP_TRANSHUGE_LIGHT) },

	/* Of older kernels. */
	{ "GFP_TEMPORARY", MMSIM_GFP_KERNEL | MMSIM___GFP_RECLAIMABLE },
	{ "GFP_IOFS", MMSIM___GFP_IO | MMSIM___GFP_FS },
	{ "__GFP_WAIT", MMSIM___GFP_RECLAIM },
	{ "__GFP_REPEAT", MMSIM___GFP_RETRY_MAYFAIL },
	{ "__GFP_ATOMIC", 0 },
	{ "__GFP_COLD", 0 },
	{ "__GFP_NOTRACK", 0 },
	{ "__GFP_NOTRACK_FALSE_POSITIVE", 0 },
	{ "__GFP_NO_KSWAPD", 0 },
	{ "__GFP_OTHER_NODE", 0 },

	/* Of what is not modelled. */
	{ "__GFP_NOLOCKDEP", 0 },
	{ "__GFP_NO_OBJ_EXT", 0 },
	{ "__GFP_SKIP_ZERO", 0 },
	{ "__GFP_SKIP_KASAN", 0 },
	{ "__GFP_SKIP_KASAN_POISON", 0 },
	{ "__GFP_SKIP_KASAN_UNPOISON", 0 },
	{ "none", 0 },
};

static bool look_up(const struct mm_replay_text *name, mmsim_gfp_t *gfp)
{
	for (size_t i = 0; i < mm_array_size(flag_names); i++) {
		if (mm_replay_text_is(name, flag_names[i].name)) {
			*gfp = flag_names[i].gfp;
			return true;
		}
	}
	return false;
}

/* Kernels before 4.6 printed __GFP_ZERO as GFP_ZERO. */
static bool look_up_old(const struct mm_replay_text *name, mmsim_gfp_t *gfp)
{
	for (size_t i = 0; i < mm_array_size(flag_names); i++) {
		const char *known = flag_names[i].name;

		if (known[0] == '_' && mm_replay_text_is(name, known + 2)) {
			*gfp = flag_names[i].gfp;
			return true;
		}
	}
	return false;
}

static bool is_name_byte(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static bool is_name(const struct mm_replay_text *text)
{
	for (const char *at = text->at; at < text->end; at++)
		if (!is_name_byte(*at))
			return false;
	return text->at < text->end && (*text->at < '0' || *text->at > '9');
}

/* One name or number. */
static bool add_flag(struct mm_replay_text flag, struct mm_gfp_word *word)
{
	mmsim_gfp_t gfp = 0;
	uint64_t number;

	if (mm_replay_take_number(&flag, &number)) {
		word->gfp |= (mmsim_gfp_t)number;
		return mm_replay_text_empty(&flag) && number <= UINT32_MAX;
	}
	if (!is_name(&flag))
		return false;
	if (!look_up(&flag, &gfp) && !look_up_old(&flag, &gfp))
		word->unknown++;
	word->gfp |= gfp;
	return true;
}

static bool parse(const char *text, size_t len, struct mm_gfp_word *word)
{
	struct mm_replay_text flag = { .at = text };
	const char *end = text + len;

	*word = (struct mm_gfp_word){ 0 };
	for (;;) {
		flag.end = memchr(flag.at, '|', (size_t)(end - flag.at));
		if (!flag.end)
			break;
		if (!add_flag(flag, word))
			return false;
		flag.at = flag.end + 1;
	}
	flag.end = end;
	return add_flag(flag, word);
}

static uint64_t eight_bytes(const char *text)
{
	uint64_t v;

	memcpy(&v, text, sizeof(v));
	return v;
}

/* Begins and ends are much alike; with the middle, what occurs together seldom shares a slot. */
static size_t slot_of(const char *text, size_t len)
{
	uint64_t v = len;

	if (len >= 8)
		v += eight_bytes(text) ^ eight_bytes(text + len / 2 - 4) * 3 ^
		     eight_bytes(text + len - 8) * 5;
	return (v * UINT64_C(0x9e3779b97f4a7c15)) >> 32 & (MM_GFP_MEMO_SLOTS - 1);
}

bool mm_replay_gfp_parse(struct mm_gfp_memo *memo, const char *text, size_t len,
			 struct mm_gfp_word *word)
{
	size_t slot = slot_of(text, len);

	if (memo->slot[slot].len == len && len && !memcmp(memo->slot[slot].text, text, len)) {
		*word = memo->slot[slot].word;
		return true;
	}
	if (!parse(text, len, word))
		return false;
	if (len <= MM_GFP_MEMO_TEXT) {
		memo->slot[slot].len = (uint32_t)len;
		memo->slot[slot].word = *word;
		memcpy(memo->slot[slot].text, text, len);
	}
	return true;
}

enum mmsim_migratetype mm_replay_gfp_migratetype(mmsim_gfp_t gfp)
{
	if ((gfp & MM_GFP_MOBILITY) == MM_GFP_MOBILITY)
		return MMSIM_MIGRATE_UNMOVABLE;
	return mm_gfp_migratetype(gfp);
}
