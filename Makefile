# The one Makefile. What is built lands in $(B): build, or build/CC-SAN for a variant with sanitizers.
#
#   make                          the programs           make check      every test (as root: none is skipped)
#   make deps                     the Debian packages    make demo       see it work, the machine untouched
#   make install DESTDIR= PREFIX= the files              make lint       what a program can check of the style

VERSION = 0.1.0
PREFIX ?= /usr
SYSCONFDIR ?= /etc
DESTDIR ?=
CC = gcc
SAN ?=
PKG_CONFIG ?= pkg-config
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
LIBDIR ?= $(PREFIX)/lib/$(MULTIARCH)

B := build$(if $(SAN)$(filter-out gcc,$(CC)),/$(CC)$(if $(SAN),-$(SAN)))

WARNINGS = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wwrite-strings -Wvla -Wundef -Wformat=2 -Werror
CFLAGS ?= -O2 -g
BASE_CFLAGS = -std=gnu17 -D_GNU_SOURCE -fPIC -fvisibility=hidden -fstack-protector-strong $(WARNINGS) -Isrc \
	$(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
BASE_LDFLAGS = -Wl,-z,relro -Wl,-z,now $(if $(SAN),-fsanitize=$(SAN))
HARDEN = $(if $(SAN),,-D_FORTIFY_SOURCE=2)

# What each program is made of, and what it links. The module: libc alone.
CORE = $(addprefix src/, text.c name.c address.c bytes.c service.c record.c record_body.c place.c published.c \
	cache.c deadline.c lookup.c)
MODULE_SRC = nss_nomad.c src/answer.c src/helper.c $(CORE)
LOOKUP_SRC = src/nomad-lookup.c $(wildcard src/tool/*.c) $(CORE) $(addprefix src/, record_encode.c cache_write.c cache_prune.c \
	config.c config_keys.c) $(addprefix src/nomad/, agent.c agent_judge.c agent_get.c json.c registrations.c fetch.c hosts.c)
DAEMON_SRC = src/nomad-dns-srv.c $(CORE) $(addprefix src/, record_encode.c published_write.c config.c config_keys.c) \
	$(addprefix src/nomad/, agent.c agent_judge.c agent_get.c json.c registrations.c stream.c) $(wildcard src/watch/*.c src/dns/*.c)
LOOKUP_PKGS = libcurl jsmn inih
DAEMON_PKGS = libcurl jsmn inih libuv libsystemd

PROGRAMS = $(B)/libnss_nomad.so.2 $(B)/nomad-lookup $(if $(wildcard src/nomad-dns-srv.c),$(B)/nomad-dns-srv)

all: $(PROGRAMS)

objects = $(patsubst %.c,$(B)/%.o,$(1))
pkg_libs = $(shell $(PKG_CONFIG) --libs $(1))

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) $(HARDEN) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/nss_nomad.o: CPPFLAGS += -DHELPER_PROGRAM='"$(PREFIX)/bin/nomad-lookup"'
$(B)/src/nomad-lookup.o: CPPFLAGS += -DVERSION='"$(VERSION)"'

$(B)/libnss_nomad.so.2: $(call objects,$(MODULE_SRC)) src/nss_nomad.map
	$(CC) -shared $(BASE_LDFLAGS) $(LDFLAGS) -Wl,-z,nodelete $(if $(SAN),,-Wl,-z,defs) -Wl,-soname,libnss_nomad.so.2 \
		-Wl,--version-script=src/nss_nomad.map -o $@ $(filter %.o,$^)

$(B)/nomad-lookup: $(call objects,$(LOOKUP_SRC))
	$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(call pkg_libs,$(LOOKUP_PKGS)) -pthread

$(B)/nomad-dns-srv: $(call objects,$(DAEMON_SRC))
	$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(call pkg_libs,$(DAEMON_PKGS)) -pthread

# One program per tests/unit/test_NAME.c, linked with everything that has no main().
UNIT_TESTS = $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/test_*.c))
UNIT_SRC = $(sort $(filter-out nss_nomad.c src/nomad-lookup.c src/nomad-dns-srv.c,$(MODULE_SRC) $(LOOKUP_SRC) \
	$(if $(wildcard src/nomad-dns-srv.c),$(DAEMON_SRC))))

$(B)/tests/unit/%: $(B)/tests/unit/%.o $(B)/tests/unit/support.o $(call objects,$(UNIT_SRC))
	$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc -o $@ $^ $(call pkg_libs,$(DAEMON_PKGS) check) -pthread

# Programs that the system tests use: hosts of the module, and a writer of records. Without sanitizers: as anybody's.
TOOLS = $(patsubst tests/tools/%.c,$(B)/tests/tools/%,$(filter-out %_host.c,$(wildcard tests/tools/*.c))) \
	$(B)/tests/tools/resolve-static
TOOL_CC = $(CC) -std=gnu17 -D_GNU_SOURCE $(WARNINGS) -Isrc -O2 -g -MMD -MP -o $@ $(filter %.c,$^)

tools: $(TOOLS)

$(B)/tests/tools/%: tests/tools/%.c Makefile
	@mkdir -p $(@D)
	$(TOOL_CC) -pthread

$(B)/tests/tools/resolve-static: tests/tools/resolve.c Makefile
	@mkdir -p $(@D)
	$(TOOL_CC) -static -Wl,--no-warnings

$(B)/tests/tools/unseen: tests/tools/unseen_host.c

$(B)/tests/tools/publish: $(B)/tests/tools/publish.o $(call objects,$(CORE) src/record_encode.c)
	$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $^

clean:
	rm -rf build

-include $(shell find build -name '*.d' 2>/dev/null)
.SECONDARY:
.PHONY: all tools clean
