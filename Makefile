# rung: every target is what CI and a person type; nothing is hidden behind it.
GO       ?= go
PREFIX   ?= /usr/local
VERSION  := $(shell cat VERSION)
# What git has told a hook of its repository isn't meant for this one: no command gets it, nor do the tests' repositories.
FOREIGN  := $(filter-out GIT_CONFIG%,$(shell git rev-parse --local-env-vars 2>/dev/null))
unexport $(FOREIGN)
# Also as root in somebody else's clone, whose files are being run already. A tree that lies in another project's
# clone has none; release tarballs bring a file of it. (Before make 4.4 unexport isn't for shell's commands.)
COMMIT   := $(shell unset $(FOREIGN); if [ "$$(git -c safe.directory='*' rev-parse --show-prefix 2>/dev/null)$$?" = 0 ]; then \
	git -c safe.directory='*' describe --always --dirty --abbrev=40 --exclude='*'; else cat COMMIT; fi 2>/dev/null)
# make TAGS=libseccomp: that compiles seccomp profiles, by cgo, in place of our own
# compiler. It takes libseccomp 2.6 or later with its headers, and pkg-config.
TAGS     :=
CGO      := $(if $(filter libseccomp,$(TAGS)),1,0)
GOSAYS   := $(shell $(GO) env GOARCH GOHOSTARCH GOFLAGS 2>/dev/null)
# The commit is COMMIT: go asks git by itself, which refuses in somebody else's clone.
export GOFLAGS := $(wordlist 3,99,$(GOSAYS)) -buildvcs=false
# cli's help needs no text/template; without it the binary is 1 MB smaller.
ALLTAGS  := urfave_cli_no_template $(TAGS)
# Where the program begins, on the architectures that have it: see cli/entry. With
# cgo that is the C library's business.
ENTRY    := $(if $(filter amd64-0 arm64-0,$(word 1,$(GOSAYS))-$(CGO)),-E github.com/rung-oci/rung/cli/entry.entry)
LDFLAGS  := -s -w $(ENTRY) -X main.version=$(VERSION) -X main.commit=$(COMMIT)
BUILD    := CGO_ENABLED=$(CGO) $(GO) build -trimpath -tags '$(ALLTAGS)' -ldflags '$(LDFLAGS)'
LINT     := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# `make TAGS=libseccomp` builds; `make` alone explains.
.DEFAULT_GOAL := $(if $(TAGS),build,help)

.PHONY: help build run test test-quick test-unit test-race test-race-life test-system test-views test-goplayer test-seccomp test-vm test-arm64 test-engines test-engines-vm conformance differ differ-known lint bench bench-smoke man pictures security faults dist dist-twice dist-check fresh sweep soak model isolation fuzz install uninstall clean generate

help: ## show this text
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Names of the caller's are in the shell's variables: in a recipe's text the shell would read what they have of its signs.
OUT      ?= build/rung
build run install: export OUT := $(OUT)
build: ## build the static binary build/rung
	$(BUILD) -o "$$OUT" .

run: build ## run a demo container that shows what it sees of itself (needs root)
	@tests/demo/run.sh "$$OUT"

# Minutes that the parts of make test may take on two quiet cores with an empty cache; make test says what they took. Of
# test-system's, differ may take two (in all views), engines two, smoke half a one. Beside them: lint, of CI alone, 4;
# test-quick 2; what takes longer says so in its line of make help.
BUDGETS := test-unit:3 test-race:3 test-system:15

test: ## install what the tests need (apt: tests/setup.sh -n says what) and run everything that belongs in CI (needs root)
	@tests/setup.sh
	@for part in $(BUDGETS); do begin=$$(date +%s); $(MAKE) "$${part%:*}" || exit 1; spent=$$(($$(date +%s) - begin)); \
		echo "$${part%:*}: $$((spent / 60))m$$((spent % 60))s of $${part#*:}m"; done

# For the inner loop of a change: a minute and a half once the caches are warm.
test-quick: build ## the tests of packages that have changed since they passed, and the life cycle in one view (needs root)
	$(GO) vet ./... && $(GO) test -short ./...
	cd tests && RUNG_VIEW=$(or $(VIEW),hybrid) $(GO) test -short -count=1 -run '^Test(Lifecycle|Run|Exec|Mounts|Scripts|UserNamespace|New|Join|Cgroup|Hooks|Kill|Swap|Mask)' ./lifecycle ./cli ./rootless ./security

test-unit: ## tests of the packages: tables, fuzz corpora, kernel tests in namespaces
	test -z "$$(gofmt -l $$(git ls-files '*.go'))"
	cd tests && $(GO) run ./ports arm64 386 arm loong64 mips64le ppc64le riscv64 s390x
	$(GO) test -short -timeout 10m ./...

# The packages that start goroutines, or whose tests do, and beside them, because it waits much, the Go API's. The
# detector is in C.
test-race: ## the tests of packages with goroutines under the race detector (needs gcc)
	(cd tests && CGO_ENABLED=1 $(GO) test -race -short -count=1 -timeout 15m -run 'TestHerd|TestCancel|TestProcess$$|TestStreams|TestTogether|TestExample' ./embed) & embed=$$!; \
		CGO_ENABLED=1 $(GO) test -race -short -timeout 10m $$(git grep -lE '^\s+go \w|\.Go\(' -- '*.go' ':!tests' ':!examples' | xargs -n1 dirname | sort -u | sed 's,^,./,'); status=$$?; \
		wait $$embed && exit $$status

# The player's processes have no detector: what they run isn't Go.
test-race-life: ## the life cycle on a binary with the race detector (needs root and gcc; 10 minutes)
	CGO_ENABLED=1 $(GO) build -race -trimpath -tags '$(ALLTAGS)' -o build/race/rung .
	export RUNTIME="$$PWD/build/race/rung" && cd tests && $(GO) test -short -count=1 -timeout 60m ./lifecycle

# Those that take longest begin first: else one of them ends alone. They wait more than they work, so there are more of
# them at once than processors.
LONGEST := ./lifecycle ./faults ./security ./engines
AT_ONCE := 4

test-system: build ## tests that run the binary, in all three cgroup views; what was skipped, and why, at the end
	cd tests && $(GO) run ./skips -p $(AT_ONCE) -short -timeout 60m $(LONGEST) ./...

test-views: build ## the same, but every test in each view (needs root; 15 minutes)
	cd tests && RUNG_ALL_VIEWS=1 $(GO) run ./skips -p $(AT_ONCE) -short -timeout 60m $(LONGEST) ./...

# As on an architecture without machine code of a player.
test-goplayer: ## the tests of containers, on a binary whose player is in Go (8 minutes)
	$(GO) vet -tags goplayer ./... && $(GO) test -short -tags goplayer ./nsenter ./libcontainer ./internal/...
	cd tests && RUNG_TAGS=goplayer $(GO) test -tags goplayer -short -count=1 -timeout 20m ./cli ./embed ./lifecycle ./rootless ./seccomp ./security

test-seccomp: ## compare our seccomp filters with libseccomp's, which is fetched into /var/tmp (needs gcc, curl, pkg-config)
	eval "$$(seccomp/gen/libseccomp.sh)" && $(GO) vet -tags libseccomp ./... && \
		$(GO) test -tags libseccomp -timeout 20m -v -run 'Libseccomp|Table' ./seccomp && \
		$(GO) generate ./seccomp && git diff --exit-code seccomp/zz_generated_syscalls.go

# PKG: packages by their directories (lifecycle, cgroups/choose); RUN: a regular
# expression of tests; VMFLAGS: see tests/vm.
test-vm: ## run tests in a virtual machine with systemd and all v2 controllers: make test-vm PKG=… RUN=…
	cd tests && $(GO) build -o ../build/vm ./vm && ../build/vm $(if $(RUN),-run '$(RUN)') $(VMFLAGS) $(PKG)

# Packages whose tests ask the kernel for what qemu-user doesn't have (clone3, openat2, the
# mount calls with descriptors, to execute the program once more), and tests that do of
# packages that otherwise only compute. The virtual machine runs them.
ARM64_KERNEL := nsenter cgroups cgroups/cgfile cgroups/choose cgroups/systemd $(addprefix internal/,calls doctor early hook idmap launch mount mount/option \
	proc rootfs seal source state step thread trap)
ARM64_TESTS  := libcontainer:TestOpenNamespaces,TestInnerNamespaces internal/inherited:TestCheckPreserved internal/spec:TestIsNetDeviceKernel \
	internal/plan:TestLabelsWritten,TestLabelsRefused,TestFindProgram,TestChdir,TestChdirOutside
arm64_skip   := ^($(shell echo '$(ARM64_TESTS)' | sed 's/[^ ]*://g; s/[ ,]/|/g'))$$
arm64_user    = $(shell $(GO) list ./... | grep -vxF "$$(printf 'github.com/rung-oci/rung/%s\n' $(ARM64_KERNEL))")

# VMFLAGS: see tests/vm.
test-arm64: ## run the tests of packages and of containers on arm64, emulated: by qemu-user or, where a kernel is asked, in a virtual machine (apt)
	command -v qemu-aarch64 >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends qemu-user >/dev/null; }
	cd tests && GOARCH=arm64 $(GO) vet ./... && $(GO) build -o ../build/skips ./skips && $(GO) build -o ../build/vm ./vm
	GOARCH=arm64 RUNG_EMULATED=1 build/skips -short -timeout 10m -exec qemu-aarch64 -skip '$(arm64_skip)' $(arm64_user)
	build/vm -arch arm64 -timeout 2h $(VMFLAGS) $(ARM64_KERNEL) $(ARM64_TESTS) lifecycle rootless seccomp security

# RUN: a regular expression of tests; RUNG_VIEW=hybrid,v1,v2 chooses views.
test-engines: build ## run Docker, containerd, CRI, Podman, buildah and a swarm on rung, runc and crun (needs root; installs the engines by apt)
	tests/engines/setup.sh
	tests/engines/containerd2.sh || echo "containerd 2 can't be built: its tests are skipped"
	cd tests && $(GO) test -count=1 -v -timeout 60m $(if $(RUN),-run '$(RUN)') ./engines

# RUN: a regular expression of tests; BESIDE: runc or crun, to run one beside rung, not both;
# UPDATE=1: write the tables in docs/engines.md, of all that ran; VMFLAGS: see tests/vm.
ENGINES_VM := (Docker|Podman|Containerd|CRI)Systemd|PodmanSession|(Podman|Docker|Containerd)Checkpoint|PodmanCheckpointCgroupfs|Docker|Podman|Containerd|CRI|Buildah|DockerUserNamespace|PodmanRootless
test-engines-vm: ## run the engines of Debian 13 in a virtual machine, with systemd's cgroups, their own and rootless, and checkpoints (two hours on two quiet cores; apt)
	cd tests && $(GO) build -o ../build/vm ./vm && $(GO) build -o ../build/tables ./engines/tables
	build/vm -image engines -long -v -timeout 4h $(if $(BESIDE),-env RUNG_BESIDE=$(BESIDE)) -run '$(or $(RUN),^Test($(ENGINES_VM))$$)' $(VMFLAGS) engines \
		>build/engines-vm.txt; status=$$?; build/tables $(if $(UPDATE),-write docs/engines.md) build/engines-vm.txt; \
		[ $$status = 0 ] || grep -vE ': (ok|FAIL), [0-9]+ s$$' build/engines-vm.txt; exit $$status

# SUITE: a checkout of the suite; RUNTIMES: runtimes beside rung; RUN: programs.
RUNTIMES ?= runc
conformance: build ## run the OCI's suite (runtime-tools) on rung and others, and write docs/conformance.md (needs root)
	suite="$${SUITE:+$$(realpath -m -- "$$SUITE")}" && cd tests/conformance && $(GO) vet . && $(GO) test . && $(GO) run . $(if $(SUITE),-suite "$$suite") \
		$(if $(RUN),-run '$(RUN)',-write ../../docs/conformance.md) $(or $(RUNTIME),../../build/rung) $(if $(RUNTIME),,$(RUNTIMES))

# N: how many configurations; SEED: of which sequence; FIRST: from which on; VIEW:
# hybrid, v1, v2; REPEAT: so often on rung, to find what isn't steady; RUNG, RUNC: other
# binaries. What differs is in build/differ, made small.
differ: build ## compare random configurations on rung and runc 1.4.0: make differ N=3000 SEED=7 VIEW=v2 (needs root)
	runc="$${RUNC:-$$(tests/differ/runc.sh)}" && rung="$$(realpath -m -- "$${RUNG:-build/rung}")" && cd tests && RUNC="$$runc" RUNG="$$rung" RUNG_VIEW="$(VIEW)" \
		$(GO) test -count=1 -v -timeout 12h -run 'TestDiffer$$' ./differ -cases $(or $(N),300) -seed $(or $(SEED),1) \
		-first $(or $(FIRST),0) -repeat $(or $(REPEAT),1) -save ../../build/differ

differ-known: ## write docs/differences.md, the table of known differences that make differ uses
	cd tests && $(GO) test -c -o ../build/differ.test ./differ && ../build/differ.test -known > ../docs/differences.md

# VIEWS: hybrid,v1,v2; RUN: rows of the table; OTHERS: runtimes to look at besides, by path[:view].
security: ## run the tests of docs/threat-model.md, attack by attack, in all views, and print the table (needs root; 10 minutes)
	cd tests && $(GO) run ./threats $(if $(VIEWS),-views '$(VIEWS)') $(if $(RUN),-run '$(RUN)') $(OTHERS)

faults: ## run the tests of docs/faults.md in the same way (needs root; 30 minutes)
	cd tests && $(GO) run ./threats -page ../docs/faults.md $(if $(VIEWS),-views '$(VIEWS)') $(if $(RUN),-run '$(RUN)') $(OTHERS)

# go vet is one of the rules; golangci-lint has one architecture. What go test vets is in make test too.
lint: ## golangci-lint with the rules of .golangci.yml, on every module (a gate of CI)
	GOARCH=arm64 $(GO) vet ./... && cd tests && GOARCH=arm64 $(GO) vet ./...
	for dir in . tests tests/conformance tests/dist tests/dist/apk examples/*/; do (cd $$dir && $(GO) run $(LINT) run --allow-parallel-runners ./...) || exit 1; done

bench-smoke: ## count system calls, page faults and allocations of each verb, and compare with the recorded ones (part of make test)
	cd tests && RUNG_VIEW=hybrid $(GO) test -short -count=1 -v ./smoke

bench: build ## measure beside Debian's crun and runc (needs root)
	@tests/setup.sh
	cd tests && $(GO) run ./bench -rung ../build/rung

generate: ## make the generated files anew
	$(GO) generate ./...

man: ## write the manual pages anew, from what --help says
	$(GO) test -count=1 -run 'TestMan$$' ./cli -update

install uninstall: export TO := $(DESTDIR)$(PREFIX)
# Completions are asked of another binary, when rung is built for another architecture.
FOR_HERE = $(filter $(word 2,$(GOSAYS)),$(word 1,$(GOSAYS)))
install: build ## install to $(PREFIX), with manual pages and completions of shells
	$(if $(FOR_HERE),,GOARCH=$(word 2,$(GOSAYS)) $(BUILD) -o build/native/rung .)
	native="$$(realpath -- $(if $(FOR_HERE),"$$OUT",build/native/rung))" && for shell in bash zsh fish; do \
		"$$native" completion $$shell >build/completion.$$shell || exit 1; done
	install -D -m 0755 "$$OUT" "$$TO/bin/rung"
	cd "$$TO/" && install -d share/man/man1 share/bash-completion/completions share/zsh/site-functions share/fish/vendor_completions.d
	install -m 0644 docs/man/*.1 "$$TO/share/man/man1"
	install -m 0644 build/completion.bash "$$TO/share/bash-completion/completions/rung"
	install -m 0644 build/completion.zsh "$$TO/share/zsh/site-functions/_rung"
	install -m 0644 build/completion.fish "$$TO/share/fish/vendor_completions.d/rung.fish"

uninstall: ## remove what install installed
	rm -f "$$TO/bin/rung"
	for page in $(notdir $(wildcard docs/man/*.1)); do rm -f "$$TO/share/man/man1/$$page"; done
	rm -f "$$TO/share/bash-completion/completions/rung" "$$TO/share/zsh/site-functions/_rung" "$$TO/share/fish/vendor_completions.d/rung.fish"

pictures: build ## draw docs/pictures anew: what commands say (needs root and jq)
	cd tests && $(GO) run ./pictures

# ARCH: some architectures instead of all, with commas; DIST: another directory than build/dist, a new or an empty one, or one that
# this made before, which is emptied; SOURCE_DATE_EPOCH: another time than the commit's, or the time in a tree without git that
# isn't our tarball. It is made by the Go that go.mod names, which go fetches, of the commit: the shell's variables and files
# that aren't in the commit play no part.
dist: ## make tarballs, packages, lists of contents and checksums for eight architectures, in build/dist
	dist="$$(realpath -m -- "$${DIST:-build/dist}")" && cd tests/dist && unset GOOS GOARCH GOAMD64 GOEXPERIMENT && \
		export GOTOOLCHAIN="$$(sed -n 's/^toolchain //p' ../../go.mod)" && \
		$(GO) vet . && $(GO) test . && $(GO) run . -out "$$dist" $(if $(ARCH),-arch '$(ARCH)')

dist-twice: dist ## make dist, and again in another directory, by another user's environment: the same bytes
	tests/dist/twice.sh "$${DIST:-build/dist}" '$(ARCH)'

dist-check: ## run what make dist has made: each binary, by qemu-user, and the packages, in roots like those of Debian, Fedora and Alpine (needs root; apt)
	command -v qemu-riscv64 >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends qemu-user >/dev/null; }
	command -v mmdebstrap >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends mmdebstrap >/dev/null; }
	tests/dist/emulate.sh "$${DIST:-build/dist}"
	tests/dist/roots.sh "$${DIST:-build/dist}"

# RUNG_FRESH: seconds after which make test is ended there.
fresh: ## the README's two commands in a fresh Debian 12 with nothing but Go, make and git; their output is in build/fresh.txt (needs root; debootstrap)
	command -v debootstrap >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends debootstrap >/dev/null; }
	tests/dist/fresh.sh build/fresh.txt

# VIEW: hybrid, v1, v2; VERB, KIND: some of it, with commas; N: so many faults of each verb and kind, by chance (SEED), not all;
# FAULT: a regular expression of faults; SHARDS: so many at once, whose words are in build/sweep-VIEW-SHARD.txt. A sample is
# part of make test. The kind systemd takes the virtual machine: make test-vm PKG=sweep VMFLAGS='-long -v -env RUNG_SWEEP=kind=systemd:sample=3'.
SHARDS ?= 1
sweep: ## have every system call of every verb fail once, and kill at each (needs root; hours)
	cd tests && $(GO) test -c -o ../build/sweep.test ./sweep && rm -f ../build/sweep-$(or $(VIEW),hybrid)-*.txt && cd sweep && for i in $$(seq $(SHARDS)); do \
		RUNG_VIEW=$(or $(VIEW),hybrid) ../../build/sweep.test -test.v -test.run '^TestSweep$$$$' -test.timeout 48h $(if $(N),-sample $(N) -seed $(or $(SEED),1),-whole) -shard $$i/$(SHARDS) \
			$(if $(VERB),-verb '$(VERB)') $(if $(KIND),-kind '$(KIND)') $(if $(FAULT),-fault '$(FAULT)') >../../build/sweep-$(or $(VIEW),hybrid)-$$i.txt 2>&1 & pids="$$pids $$!"; done; \
		status=0; for pid in $$pids; do wait $$pid || status=1; done; \
		grep -hvE 'residue 0$$|^=== |^ *--- PASS' ../../build/sweep-$(or $(VIEW),hybrid)-*.txt; exit $$status

# M: minutes; N: containers; VIEW: hybrid, v1, v2. A quarter of a minute of it is part of make test.
soak: ## all verbs on many containers for a while, with random kills: nothing grows (needs root): make soak M=30
	cd tests && RUNG_VIEW=$(or $(VIEW),hybrid) $(GO) test -count=1 -v -timeout 24h ./soak -minutes $(or $(M),30) -containers $(or $(N),200)

model: ## explore all states that three callers of one id can come to, and hold the code against them (needs root; 5 minutes)
	cd tests && RUNG_VIEW=hybrid $(GO) test -count=1 -v -timeout 1h ./model

isolation: ## write docs/isolation.md: what containers of rung, runc and crun can see and do (needs root)
	cd tests && RUNG_VIEW=v1 $(GO) test -count=1 -v ./isolation -args -update

# T: how long each.
fuzz: ## run every fuzz target for a while: make fuzz T=60s
	@git grep -nE '^func Fuzz' -- '*_test.go' ':!tests' | sed -E 's,^([^:]*)/[^/:]*:[0-9]+:func (Fuzz[A-Za-z0-9]*).*,\1 \2,' | while read -r dir name; do \
		echo "$$dir $$name"; $(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(or $(T),60s) ./$$dir || exit 1; done

clean: ## remove what was built
	rm -rf build
