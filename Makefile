# The one Makefile; `make help` prints the lines that begin with two "#".
#
## make            build the programs               make demo       see it work; the machine stays as it is
## make deb        build the Debian packages        make install    copy the files to PREFIX, under DESTDIR
## make deps       install what building needs      make uninstall, make dist (the source tarball of HEAD)
##
## make check      every test (without root some are skipped)       make lint       the rules of the style
## make check-all  what CI runs: check, the daemon in its unit's sandbox, the packages in fresh roots, libFuzzer
## make check-unit, -system, -sandbox, -deb, -flags, -real, -interop, sanitize, coverage, fuzz, soak, bench, bench-dns
##
## V=1 shows whole commands, WERROR=-Werror makes warnings errors, CC=clang SAN=address,undefined builds a variant.
## PREFIX, SYSCONFDIR, LIBDIR, UNITDIR, DESTDIR, CC, CFLAGS, CPPFLAGS, LDFLAGS mean what they usually do.

VERSION := $(shell sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)
PREFIX ?= /usr
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
DESTDIR ?=
CC = gcc
PKG_CONFIG ?= pkg-config
# Where the dynamic linker of this compiler's programs looks: lib/x86_64-linux-gnu with Debian, lib64 with Fedora, or lib.
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
LIBDIR ?= $(PREFIX)/$(or $(MULTIARCH:%=lib/%),$(patsubst ../%,%,$(filter ../%,$(shell $(CC) -print-multi-os-directory))),lib)
PYTHON ?= /usr/bin/python3

# SAN is a list for -fsanitize, or the word coverage. tests/system/build.py has the same rule for B.
B := build$(if $(SAN)$(filter-out gcc,$(CC)),/$(CC)$(if $(SAN),-$(SAN)))
INSTRUMENT = $(if $(filter coverage,$(SAN)),--coverage -fprofile-update=atomic,$(if $(SAN),-fsanitize=$(SAN)))

WARNINGS = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wwrite-strings -Wvla -Wundef -Wformat=2 $(WERROR)
# -Werror in our own builds and in CI alone: the next compiler knows warnings that this code has not met.
WERROR ?=
# What a packager gives replaces these, hardening included.
CFLAGS ?= -O2 -g -fstack-protector-strong $(if $(SAN),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
# The module is built for 32-bit programs too: they meet inode numbers and times of 64 bits as everybody does.
BASE_CFLAGS = -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -fPIC -fvisibility=hidden \
	$(WARNINGS) -Isrc $(INSTRUMENT) $(if $(SAN),-fno-omit-frame-pointer -fno-sanitize-recover=undefined)
BASE_LDFLAGS = -Wl,-z,relro -Wl,-z,now $(INSTRUMENT)
# One line for each step; V=1 shows the command itself, make -s neither.
V ?=
SILENT = $(findstring s,$(firstword -$(MAKEFLAGS)))
quiet = $(if $(V),,@$(if $(SILENT),,printf '  %-5s%s\n' $(1) $(2);))

# What each program is made of, and what it links. The module: libc alone. jsmn is a header without a .pc.
CORE = $(addprefix src/, text.c name.c address.c bytes.c service.c record.c record_body.c place.c beneath.c published.c \
	cache.c lock.c origin.c deadline.c environment.c url.c wall.c lookup.c lookup_places.c)
RUNNING = $(addprefix src/, helper.c helper_child.c program.c)
MODULE_SRC = nss_nomad.c src/answer.c $(RUNNING) $(CORE)
ASKING = $(filter-out src/nomad/stream%,$(wildcard $(addprefix src/,nomad/*.c config*.c prefix.c nearest.c file.c record_encode.c)))
LOOKUP_SRC = src/nomad-lookup.c $(wildcard src/tool/*.c src/cache_*.c) src/watch/status.c src/watch/running.c \
	$(RUNNING) $(CORE) $(ASKING)
DAEMON_SRC = src/nomad-dns-srv.c $(CORE) $(filter-out $(addprefix src/nomad/,fetch.c fetch_name.c hosts.c agent_get.c),$(ASKING)) \
	src/measures.c src/metrics.c src/scope.c src/uptime.c $(wildcard src/nomad/stream*.c src/published_*.c src/watch/*.c src/dns/*.c)
LOOKUP_PKGS = libcurl inih
DAEMON_PKGS = libcurl inih libmicrohttpd libuv libsystemd

PROGRAMS = $(B)/libnss_nomad.so.2 $(B)/nomad-lookup $(B)/nomad-dns-srv
all: $(PROGRAMS)
	@$(if $(SILENT),:,printf '%s\n') 'Built in $(B). Next: sudo make demo to see it work, sudo make install; make help.'

objects = $(patsubst %.c,$(B)/%.o,$(1))
pkg_libs = $(shell $(PKG_CONFIG) --libs $(1))

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call quiet,CC,$<)$(CC) $(BASE_CFLAGS) $(DEFINES) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# What is compiled in and may change from one run of make to the next.
$(B)/settings: FORCE
	@mkdir -p $(@D); echo '$(PREFIX) $(VERSION)' | cmp -s - $@ || echo '$(PREFIX) $(VERSION)' >$@
VERSIONED = $(addprefix $(B)/src/, tool/options.o nomad-dns-srv.o watch/daemon_report.o)
PLACED = $(B)/nss_nomad.o $(addprefix $(B)/src/tool/, doctor_daemon.o explain.o)
$(PLACED) $(VERSIONED): $(B)/settings
$(PLACED): DEFINES += -DHELPER_PROGRAM='"$(PREFIX)/bin/nomad-lookup"' \
	-DDAEMON_PROGRAM='"$(PREFIX)/sbin/nomad-dns-srv"'
$(VERSIONED): DEFINES += -DVERSION='"$(VERSION)"'

# noseparate-code: two mappings instead of four, which every program's first lookup would pay for.
$(B)/libnss_nomad.so.2: $(call objects,$(MODULE_SRC)) src/nss_nomad.map
	$(call quiet,LD,$@)$(CC) -shared $(BASE_LDFLAGS) $(LDFLAGS) -Wl,-z,nodelete -Wl,-z,noseparate-code $(if $(SAN),,-Wl,-z,defs) \
		-Wl,-soname,libnss_nomad.so.2 -Wl,--version-script=src/nss_nomad.map -o $@ $(filter %.o,$^)

LINK = $(call quiet,LD,$@)$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $^
$(B)/nomad-lookup: $(call objects,$(LOOKUP_SRC))
	$(LINK) $(call pkg_libs,$(LOOKUP_PKGS)) -pthread
$(B)/nomad-dns-srv: $(call objects,$(DAEMON_SRC))
	$(LINK) $(call pkg_libs,$(DAEMON_PKGS)) -pthread

# One program per tests/unit/test_NAME.c, linked with everything that has no main().
UNIT_TESTS = $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/test_*.c))
UNIT_SRC = $(sort $(filter-out nss_nomad.c src/nomad-%.c,$(MODULE_SRC) $(LOOKUP_SRC) $(DAEMON_SRC)))
$(UNIT_TESTS): $(B)/tests/unit/%: $(B)/tests/unit/%.o $(call objects,$(wildcard tests/unit/[sw]*.c) $(UNIT_SRC))
	$(LINK) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc $(call pkg_libs,$(DAEMON_PKGS) check) -lresolv -pthread

# Programs that the system tests use: hosts of the module, and a writer of records. Without sanitizers: as anybody's.
TOOLS = $(patsubst tests/tools/%.c,$(B)/tests/tools/%,$(filter-out %_host.c %_module.c,$(wildcard tests/tools/*.c))) \
	$(B)/tests/tools/resolve-static $(B)/tests/tools/hosts_module.so
TOOL_CC = $(call quiet,CC,$@)mkdir -p $(@D) && $(CC) -std=gnu17 -D_GNU_SOURCE $(WARNINGS) -Isrc -O2 -g -MMD -o $@ $(filter %.c,$^)

tools: $(TOOLS)
# By directory: a rule for all of tests/ would be preferred for the unit tests, whose .o is not there yet.
$(B)/tests/tools/%: tests/tools/%.c Makefile
	$(TOOL_CC) -pthread
$(B)/tests/bench/%: tests/bench/%.c Makefile
	$(TOOL_CC) -pthread
$(B)/tests/tools/resolve-static: tests/tools/resolve.c Makefile
	$(TOOL_CC) -static -Wl,--no-warnings
$(B)/tests/tools/unseen: tests/tools/unseen_host.c
$(B)/tests/tools/hosts-line: $(addprefix src/,tool/nsswitch.c tool/hosts_line.c nearest.c text.c)
$(B)/tests/tools/hosts_module.so: tests/tools/hosts_module.c Makefile
	$(TOOL_CC) -shared -fPIC
$(B)/tests/tools/dns-serve: $(B)/tests/tools/dns-serve.o $(call objects,$(CORE) $(wildcard src/dns/*.c) \
		$(filter-out src/nomad/%,$(ASKING)) $(addprefix src/, scope.c uptime.c) \
		$(addprefix src/watch/, catalogue.c catalogue_scope.c names.c table.c epoch.c log.c))
	$(LINK) $(call pkg_libs,$(DAEMON_PKGS)) -pthread
$(B)/tests/tools/publish: $(B)/tests/tools/publish.o $(call objects,$(CORE) src/record_encode.c)
	$(LINK)
# Fuzzing: each target with its inputs, without an engine for `make check`, and with those that tests/fuzz.sh builds it for.
FUZZ_TARGETS = $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

$(B)/tests/fuzz/replay_%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/replay.o $(call objects,$(UNIT_SRC))
	$(LINK) $(call pkg_libs,$(DAEMON_PKGS)) -pthread
$(B)/tests/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(call objects,$(UNIT_SRC))
	$(LINK) -fsanitize=fuzzer $(call pkg_libs,$(DAEMON_PKGS)) -pthread
fuzz check-fuzzing:
	+@tests/fuzz.sh $(if $(filter fuzz,$@),libfuzzer afl,libfuzzer)
fuzz-programs: $(FUZZ_TARGETS:%=$(B)/tests/fuzz/fuzz_%)
help:
	@sed -n 's/^## \{0,1\}//p' Makefile
# Tests. `check` sets up, builds, runs everything below it and counts. A test that runs make is told nothing of this one.
export CC SAN PYTHON
PYTEST = MAKEFLAGS= MFLAGS= MAKELEVEL= $(PYTHON) -B -m pytest -q --timeout=300 -p no:cacheprovider \
	-n $(or $(JOBS),$(shell echo $$((2 * $$(nproc)))))
check check-all:
	+@tests/check.sh $(if $(filter check-all,$@),sandbox deb fuzzing flags)
units: $(UNIT_TESTS)
check-unit: units
	@tests/run-units.sh $(UNIT_TESTS)
check-fuzz: $(FUZZ_TARGETS:%=$(B)/tests/fuzz/replay_%)
	@tests/run-replays.sh $(B)/tests/fuzz $(FUZZ_TARGETS)

check-system: all tools
	$(PYTEST) tests/system tests/standin $(PYTEST_ARGS)
check-sandbox: all tools
	tests/unpack.sh build/unpacked prometheus promtool
	CONFINE=1 $(PYTEST) tests/system -k 'sandbox or metrics or test_daemon_ or test_dns_' $(PYTEST_ARGS)
check-real: all tools
	@command -v nomad >/dev/null || { echo 'make check-real: there is no nomad on PATH'; exit 1; }
	NOMAD=real $(PYTEST) tests/system $(PYTEST_ARGS)
check-interop: all tools
	tests/setup.sh interop
	tests/unpack.sh build/unpacked systemd-resolved systemd-resolved
	$(PYTEST) tests/interop $(PYTEST_ARGS)
check-flags: ; @tests/flags.sh
lint: all
	@$(PYTHON) -B tests/lint.py $(B) $(MODULE_SRC)
sanitize coverage: deps deps-sanitize
	+tests/$@.sh $(MODULE_SRC)

soak: all tools
	SOAK_SECONDS=$${SOAK_SECONDS-600} $(PYTEST) -n 1 --timeout=0 tests/system -k soak $(PYTEST_ARGS)
bench: all tools $(B)/tests/bench/nss $(B)/tests/bench/libnss_nothing.so.2
	tests/setup.sh bench
	$(PYTHON) -B tests/bench/nss.py $(B)
	$(PYTHON) -B tests/bench/follow.py $(B)
bench-dns: $(B)/nomad-dns-srv $(B)/tests/tools/dns-serve $(addprefix $(B)/tests/bench/dns/, ceiling blast tcp cost)
	tests/setup.sh bench
	$(PYTHON) -B tests/bench/dns.py $(B)
	$(PYTHON) -B tests/bench/scrape.py $(B)
	$(PYTHON) -B tests/bench/attack.py $(B)

$(B)/tests/bench/dns/cost: $(B)/tests/bench/dns/cost.o $(call objects,$(UNIT_SRC))
	$(LINK) $(call pkg_libs,$(DAEMON_PKGS)) -pthread
$(B)/tests/bench/libnss_nothing.so.2: tests/bench/null_module.c Makefile
	$(TOOL_CC) -shared -fPIC -Wl,-z,now -Wl,-z,nodelete -Wl,-soname,libnss_nothing.so.2
demo:
	+@tests/demo.sh
deps: deps-build deps-test deps-demo
deps-%: ; @tests/setup.sh $*

# Installing: the list of files is in src/share/install.sh. Packages are built from a copy of the tree.
install: all
install uninstall:
	@B=$(B) DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) LIBDIR=$(LIBDIR) SYSCONFDIR=$(SYSCONFDIR) UNITDIR=$(UNITDIR) \
		src/share/install.sh $@
deb: deps-deb$(ARCH:%=-%)
	@tests/deb/build.sh build/deb$(ARCH:%=/%) && echo 'Next: sudo apt install ./build/deb$(ARCH:%=/%)/*.deb'
check-deb: tools
	@tests/setup.sh check-deb || echo 'make check-deb: goes on with what is installed'
	$(PYTHON) -B -m pytest -q -rs --timeout=600 -p no:cacheprovider tests/deb $(PYTEST_ARGS)

dist: ; @scripts/dist.sh build $(VERSION)
clean: ; rm -rf build
-include $(shell find build -name '*.d' 2>/dev/null)
.SECONDARY:
.PHONY: all help tools units check check-all check-unit check-fuzz check-system check-sandbox check-flags check-real lint dist \
	check-interop sanitize coverage fuzz fuzz-programs check-fuzzing soak bench demo deps deb check-deb install uninstall clean FORCE
