/*
 * A program in the place of nomad-lookup that says whatever is in a file, and then hangs for a while: /tmp/talk has the
 * seconds in its first line and what is said after it.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	FILE *file = fopen("/tmp/talk", "r");
	unsigned seconds = 0;

	if (file == NULL || fscanf(file, "%u", &seconds) != 1 || getc(file) != '\n')
		return 1;
	for (int octet; (octet = getc(file)) != EOF;)
		putchar(octet);
	fflush(stdout);
	sleep(seconds); /* not a wait: it hangs */
	return 0;
}
