/*
 * Lets no packet out of a control group, as IPAddressDeny=any does: whoever connects there waits in vain.
 *
 *     drop DIRECTORY    of a control group (version 2); it holds until the group is removed
 *
 * SPDX-License-Identifier: MIT
 */
#include <err.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static const struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0}, /* 0: drop it */
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr load = {.prog_type = BPF_PROG_TYPE_CGROUP_SKB,
	                       .insns = (uint64_t)(uintptr_t)program,
	                       .insn_cnt = sizeof program / sizeof *program,
	                       .license = (uint64_t)(uintptr_t) "MIT"};
	union bpf_attr attach = {.attach_type = BPF_CGROUP_INET_EGRESS};

	if (argc != 2)
		errx(1, "usage: drop DIRECTORY");
	int group = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (group < 0)
		err(1, "%s", argv[1]);
	long loaded = syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load);
	if (loaded < 0)
		err(1, "no program for packets");
	attach.target_fd = (uint32_t)group;
	attach.attach_bpf_fd = (uint32_t)loaded;
	if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach) < 0)
		err(1, "%s", argv[1]);
	return 0;
}
