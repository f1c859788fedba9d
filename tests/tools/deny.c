/*
 * Runs a program under a filter of system calls, as a unit's settings, an emulator or a container put one on.
 *
 *     deny CALL ERROR COMMAND...    CALL: socket, connect, or clone, which are clones that suspend their parent; ERROR: errno
 *
 * SPDX-License-Identifier: MIT
 */
#include <err.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	const char *name;
	uint32_t number, flags; /* of the first argument, one of which must be set; 0: any will do */
} calls[] = {{"socket", SYS_socket, 0}, {"connect", SYS_connect, 0}, {"clone", SYS_clone, CLONE_VFORK}};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 3 && i < sizeof calls / sizeof *calls; i++) {
		if (strcmp(argv[1], calls[i].name) != 0)
			continue;
		uint32_t refuse = SECCOMP_RET_ERRNO | (uint32_t)atoi(argv[2]);
		struct sock_filter rules[] = {
			BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i].number, 0, 3),
			BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
			BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, calls[i].flags, 0, calls[i].flags == 0 ? 0 : 1),
			BPF_STMT(BPF_RET | BPF_K, refuse),
			BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		};
		struct sock_fprog filter = {.len = sizeof rules / sizeof *rules, .filter = rules};
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
			err(1, "seccomp");
		execvp(argv[3], argv + 3);
		err(1, "%s", argv[3]);
	}
	errx(1, "usage: deny socket|connect|clone ERROR COMMAND...");
}
