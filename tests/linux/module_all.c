/* SPDX-License-Identifier: MIT */
/*
 * A module that uses everything that the headers for modules promise, in the spellings of several kernels.
 *
 * init returns -EAGAIN when all is well; `wrong` makes one check fail, to see that it would be seen.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/vmalloc.h>

/* As modules do it that have many: a name, a type, what it is first, what it is for. */
#define PARAM(name, type, first, text)  \
	static type name = first;       \
	module_param(name, type, 0444); \
	MODULE_PARM_DESC(name, text)

PARAM(wrong, bool, false, "let one check fail");
PARAM(flag, bool, false, "y or n");
PARAM(number, int, -7, "any int");
PARAM(count, uint, 7, "any unsigned int");
PARAM(size, ulong, 1, "any unsigned long");
PARAM(huge, ullong, 1, "any unsigned long long");
PARAM(half, short, 2, "any short");
PARAM(uhalf, ushort, 2, "any unsigned short");
PARAM(wide, long, 2, "any long");

static unsigned char small = 1;
module_param(small, byte, 0644);
static char *text;
module_param(text, charp, 0);
static int inner;
module_param_named(outer, inner, int, 0);
MODULE_PARM_DESC(outer, "another name");

static int nr_failed;

#define CHECK(condition)                                               \
	do {                                                           \
		if (!(condition)) {                                    \
			pr_err("line %d: %s\n", __LINE__, #condition); \
			nr_failed++;                                   \
		}                                                      \
	} while (0)

struct object {
	int value;
	struct rcu_head rcu;
	char more[100];
};

static void __init check_params(void)
{
	CHECK(!wrong);
	pr_info("flag=%d small=%u number=%d count=%u size=%lu huge=%llu half=%d uhalf=%u wide=%ld",
		flag, small, number, count, size, huge, half, uhalf, wide);
	pr_cont(" text=%s outer=%d\n", text ? text : "-", inner);
}

static void __init check_arithmetic(void)
{
	static const int three[3] = { 1, 2, 3 };
	u64 sum = 1000000007ull * 10 + 3;
	struct object object;
	int a = 1, b = 2;

	CHECK(do_div(sum, 10) == 3 && sum == 1000000007);
	CHECK(fls(0) == 0 && fls(1) == 1 && fls(64) == 7 && fls(~0U) == 32);
	CHECK(clamp(0, 1, (int)USHRT_MAX) == 1 &&
	      clamp(99999U, 1U, (unsigned int)USHRT_MAX) == 65535);
	CHECK(clamp(5, 1, 9) == 5 && clamp_t(u8, 200, 1, 9) == 9 && min(3, 4) == 3 &&
	      max_t(long, 3, 4) == 4);
	swap(a, b);
	CHECK(a == 2 && b == 1);
	CHECK(ARRAY_SIZE(three) == 3 && three[2] == 3);
	CHECK(BITS_PER_LONG == 8 * sizeof(long) && BIT(3) == 8 && ilog2(4097) == 12);
	CHECK(ALIGN(4097, 4096) == 8192 && DIV_ROUND_UP(7, 2) == 4 && roundup_pow_of_two(5) == 8);
	CHECK(order_base_2(5) == 3 && get_order(PAGE_SIZE + 1) == 1);
	CHECK(IS_ERR(ERR_PTR(-ENOMEM)) && PTR_ERR(ERR_PTR(-ENOMEM)) == -ENOMEM && !IS_ERR(three));
	CHECK(container_of(&object.rcu, struct object, rcu) == &object);
}

#define CONFIG_HERE 1
#define CONFIG_AS_MODULE_MODULE 1

static void __init check_config(void)
{
	CHECK(IS_BUILTIN(CONFIG_HERE) && !IS_BUILTIN(CONFIG_NOWHERE) &&
	      !IS_BUILTIN(CONFIG_AS_MODULE));
	CHECK(IS_ENABLED(CONFIG_AS_MODULE) && IS_MODULE(CONFIG_AS_MODULE) &&
	      !IS_MODULE(CONFIG_HERE));
#if IS_ENABLED(CONFIG_NOWHERE) || !IS_BUILTIN(CONFIG_HERE)
	CHECK(0);
#endif
}

static bool is_filled(const u8 *bytes, size_t nr, u8 with)
{
	while (nr && bytes[nr - 1] == with)
		nr--;
	return !nr;
}

static void fill(u8 *bytes, size_t nr, u8 with)
{
	while (nr)
		bytes[--nr] = with;
}

static void __init check_slab(void)
{
	struct object *one = kzalloc_obj(*one), *many = kvzalloc_objs(*many, 1000, GFP_KERNEL);
	struct object *same = kzalloc_objs(struct object, 3),
		      *older = kzalloc(sizeof(*older), GFP_KERNEL);
	int *array = kvcalloc(100000, sizeof(*array), GFP_KERNEL);
	u8 *aligned = kmalloc_array(4, 512, GFP_NOWAIT);

	CHECK(one && many && same && older && array && aligned);
	CHECK(!one->value && !many[999].more[99] && !same[2].value && !older->value);
	CHECK(is_vmalloc_addr(many) && is_vmalloc_addr(array) && !is_vmalloc_addr(one));
	CHECK(is_filled((u8 *)array, 100000 * sizeof(*array), 0));
	CHECK(PAGE_ALIGNED(ALIGN_DOWN((unsigned long)aligned, PAGE_SIZE)) &&
	      IS_ALIGNED((unsigned long)aligned, 2048));
	CHECK(!kmalloc_array(SIZE_MAX / 2 + 2, 2, GFP_KERNEL) &&
	      !kvcalloc(2, SIZE_MAX / 2 + 2, GFP_KERNEL));
	CHECK(ZERO_OR_NULL_PTR(kmalloc(0, GFP_KERNEL)));
	kfree(one);
	kvfree(many);
	kvfree(same);
	kfree(older);
	kvfree(array);
	kfree(aligned);
	kfree(NULL);
	kvfree(NULL);
}

static void __init use(u8 *area, size_t nr)
{
	CHECK(area);
	if (area) {
		*((__u8 *)area) = 1;
		area[nr - 1] = 2;
		CHECK(area[0] + area[nr - 1] == (nr > 1 ? 3 : 4));
	}
	vfree(area);
}

static void __init check_vmalloc(void)
{
	u8 *area = __vmalloc_node(5 * PAGE_SIZE, THREAD_ALIGN << 1, GFP_KERNEL | __GFP_ZERO, 0,
				  __builtin_return_address(0));

	CHECK(IS_ALIGNED((unsigned long)area, 2 * THREAD_ALIGN));
	CHECK(area && is_filled(area, 5 * PAGE_SIZE, 0) && vmalloc_to_page(area));
	use(area, 5 * PAGE_SIZE);
	use(vmalloc(PAGE_SIZE), PAGE_SIZE);
	use(vzalloc(1), 1);
	use(vmalloc_huge(2 * PMD_SIZE, GFP_KERNEL), 2 * PMD_SIZE);
	use(__vmalloc(PAGE_SIZE, GFP_ATOMIC), PAGE_SIZE);
	use(__vmalloc(PAGE_SIZE, GFP_NOWAIT), PAGE_SIZE);
	use(__vmalloc_node_range(PAGE_SIZE, 1, VMALLOC_START, VMALLOC_END, GFP_KERNEL, PAGE_KERNEL,
				 0, NUMA_NO_NODE, __builtin_return_address(0)),
	    PAGE_SIZE);
	for (int i = 0; i < 20; i++) {
		area = __vmalloc_node_range(PAGE_SIZE, 1, VMALLOC_END - 8 * PAGE_SIZE, VMALLOC_END,
					    GFP_KERNEL | __GFP_ZERO, PAGE_KERNEL, 0, NUMA_NO_NODE,
					    NULL); /* so few that they are used again */
		CHECK(area && is_filled(area, PAGE_SIZE, 0));
		fill(area, PAGE_SIZE, 0xff);
		vfree(area);
	}
	CHECK(!vmalloc(0));
	area = vmalloc(PAGE_SIZE);
	vfree_atomic(area);
	vm_unmap_aliases();
	vfree(NULL);
}

#define NR_PAGES 100

static void __init check_pages(void)
{
	struct page **pages = kcalloc(NR_PAGES, sizeof(*pages), GFP_KERNEL),
		    *page = alloc_page(GFP_KERNEL);
	u8 *mapped;

	CHECK(pages && page && pfn_to_page(page_to_pfn(page)) == page);
	pages[3] = page;
	CHECK(alloc_pages_bulk(GFP_KERNEL, NR_PAGES / 2, pages) == NR_PAGES / 2 &&
	      pages[3] == page);
	CHECK(alloc_pages_bulk_array(GFP_KERNEL, NR_PAGES, pages) == NR_PAGES &&
	      pages[NR_PAGES - 1]);
	for (int nr = 1; nr <= NR_PAGES; nr += NR_PAGES - 1) {
		mapped = vm_map_ram(pages, nr, NUMA_NO_NODE);
		CHECK(mapped && vmalloc_to_page(mapped) == pages[0]);
		*mapped = 'a';
		CHECK(*mapped == 'a');
		vm_unmap_ram(mapped, nr);
	}
	mapped = vmap(pages, NR_PAGES, VM_MAP, PAGE_KERNEL);
	CHECK(mapped && vmalloc_to_page(mapped + PAGE_SIZE) == pages[1]);
	vunmap(mapped);
	for (int i = 0; i < NR_PAGES; i++)
		__free_page(pages[i]);
	kfree(pages);
}

#define NR_OBJECTS 200

/* Each its own bytes on each CPU: 1024 of a unit at most, more than a unit together. */
static void __init check_percpu_apart(void)
{
	static u8 __percpu *objects[NR_OBJECTS];
	static size_t sizes[NR_OBJECTS];
	unsigned int cpu;

	for (unsigned int i = 0; i < NR_OBJECTS; i++) {
		sizes[i] = get_random_u32_inclusive(1, 1024);
		objects[i] = __alloc_percpu(sizes[i], 1UL << (i % 12));
		CHECK(objects[i] && IS_ALIGNED((unsigned long)objects[i], 1UL << (i % 12)));
		for_each_possible_cpu(cpu)
		{
			CHECK(is_filled(per_cpu_ptr(objects[i], cpu), sizes[i], 0));
			fill(per_cpu_ptr(objects[i], cpu), sizes[i], (u8)(i ^ cpu));
		}
	}
	for (unsigned int i = 0; i < NR_OBJECTS; i++) {
		for_each_online_cpu(cpu)
			CHECK(is_filled(per_cpu_ptr(objects[i], cpu), sizes[i], (u8)(i ^ cpu)));
		free_percpu(objects[i]);
	}
}

static void __init check_percpu(void)
{
	u8 __percpu *odd = __alloc_percpu(1000, 2048);
	int __percpu *number_of = alloc_percpu(int);

	CHECK(odd && IS_ALIGNED((unsigned long)odd, 2048) && number_of);
	*this_cpu_ptr(number_of) = 3;
	CHECK(*per_cpu_ptr(number_of, smp_processor_id()) == 3);
	CHECK(!__alloc_percpu(PCPU_MIN_UNIT_SIZE + 1, 8) && !__alloc_percpu(8, 3));
	check_percpu_apart();
	check_percpu_apart();
	free_percpu(odd);
	free_percpu(odd);
	free_percpu(number_of);
	free_percpu(NULL);
}

static void __init check_random(void)
{
	u32 seen = 0;

	for (int i = 0; i < 1000; i++) {
		u32 n = get_random_u32_inclusive(3, 7);

		CHECK(n >= 3 && n <= 7);
		seen |= 1u << n;
		CHECK(get_random_u32_below(5) < 5 && prandom_u32_max(5) < 5);
	}
	CHECK(seen == 0xf8);
	CHECK(get_random_u32_inclusive(9, 9) == 9 && get_random_u32_below(1) == 0);
	CHECK(get_random_u64() != get_random_u64());
	CHECK((get_random_u8() | get_random_u16() | prandom_u32() | get_random_u32()) > 0);
}

static void __init check_time(void)
{
	ktime_t start = ktime_get();
	unsigned long cycles = get_cycles(), then = jiffies;
	u64 delta;

	msleep(3);
	usleep_range(100, 200);
	udelay(10);
	delta = (u64)ktime_us_delta(ktime_get(), start);
	CHECK(delta >= 3000 && get_cycles() > cycles && jiffies >= then + msecs_to_jiffies(3));
	CHECK(ktime_to_ns(ktime_sub(ktime_get(), start)) >= 3 * NSEC_PER_MSEC);
}

static atomic_t readers_gone = ATOMIC_INIT(0);

static int wait_for_readers(void *data)
{
	synchronize_rcu();
	atomic_set(&readers_gone, 1);
	kvfree_rcu_mightsleep(data);
	while (!kthread_should_stop())
		msleep(1);
	return 42;
}

/*
 * A grace period waits for the outermost read side; the end of a task frees what it left; what it returned.
 */
static void __init check_kthread(void)
{
	unsigned long pages = vmalloc_nr_pages();
	struct task_struct *k;

	rcu_read_lock();
	rcu_read_lock();
	k = kthread_run(wait_for_readers, vmalloc(1), "readers/%d", 1);
	CHECK(!IS_ERR(k));
	rcu_read_unlock();
	msleep(5);
	CHECK(!atomic_read(&readers_gone));
	rcu_read_unlock();
	synchronize_rcu();
	while (!atomic_read(&readers_gone))
		msleep(1);
	CHECK(kthread_stop(k) == 42 && vmalloc_nr_pages() == pages);
}

static void __init check_rcu(void)
{
	unsigned long pages = vmalloc_nr_pages();
	struct object *object;

	rcu_read_lock();
	for (int i = 0; i < 300; i++) {
		object = i % 2 ? vmalloc(sizeof(*object)) : kmalloc_obj(*object);
		object->value = i;
		kvfree_rcu(object, rcu);
	}
	CHECK(vmalloc_nr_pages() == pages + 150);
	rcu_read_unlock();
	kvfree_rcu_mightsleep(vmalloc(1));
	CHECK(vmalloc_nr_pages() == pages);
	kvfree_rcu(vmalloc(1));
	kvfree_rcu(NULL);
	object = kmalloc_obj(*object);
	kfree_rcu(object, rcu);
	kfree_rcu_mightsleep(kmalloc_obj(*object));
	CHECK(vmalloc_nr_pages() == pages + 1);
	rcu_barrier();
	CHECK(vmalloc_nr_pages() == pages);
}

static DECLARE_RWSEM(sem);

static void __init check_rwsem(void)
{
	down_read(&sem);
	CHECK(down_read_trylock(&sem) && !down_write_trylock(&sem));
	up_read(&sem);
	up_read(&sem);
	down_write(&sem);
	CHECK(!down_read_trylock(&sem) && !down_write_trylock(&sem));
	up_write(&sem);
}

static void __init check_atomics(void)
{
	atomic_t a = ATOMIC_INIT(2);
	atomic_long_t l = ATOMIC_LONG_INIT(-1);

	atomic_inc(&a);
	CHECK(atomic_read(&a) == 3 && !atomic_dec_and_test(&a) && atomic_dec_return(&a) == 1);
	CHECK(atomic_cmpxchg(&a, 1, 9) == 1 && atomic_cmpxchg(&a, 1, 8) == 9 &&
	      atomic_xchg(&a, 1) == 9);
	CHECK(atomic_dec_and_test(&a) && atomic_long_inc_and_test(&l));
	preempt_disable();
	WRITE_ONCE(nr_failed, nr_failed);
	CHECK(READ_ONCE(nr_failed) == nr_failed);
	preempt_enable();
}

static int __init module_all_init(void)
{
	check_params();
	check_arithmetic();
	check_config();
	check_kthread();
	check_rcu();
	check_rwsem();
	check_slab();
	check_vmalloc();
	check_pages();
	check_percpu();
	check_random();
	check_time();
	check_atomics();
	pr_info("failed: %d\n", nr_failed);
	return nr_failed ? -EIO : -EAGAIN;
}

#ifdef MODULE
module_init(module_all_init)
#else
late_initcall(module_all_init);
#endif

	MODULE_LICENSE("GPL");
MODULE_AUTHOR("libmmsim");
MODULE_DESCRIPTION("everything once");
