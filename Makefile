# The front door; Meson does the work. `make help` lists what there is.
SHELL = /bin/bash
BUILD ?= build
FUZZ_SECONDS ?= 60
T ?=
JOBS ?= $(shell nproc)
PROVIDER ?= engine
RECORDER ?= engine

MESON_SETUP = meson setup -Dwerror=true
export PYTHONDONTWRITEBYTECODE = 1

.PHONY: all run test check format sanitize fuzz screenshots clean help
.DEFAULT_GOAL := all

all: ## build build/vigia; installs what is missing
	@echo "1/2 packages"
	@tools/packages.sh build
	@echo "2/2 building"
	@$(MAKE) --no-print-directory ninja TARGETS=vigia
	@echo "    $(BUILD)/vigia"

run: ## Vigia with eight simulated cameras in three cities; Ctrl-C ends it all; PROVIDER=mediamtx: through a MediaMTX; RECORDER=ffmpeg: ffmpeg records
	@echo "1/5 packages"
	@tools/packages.sh build demo
	@echo "2/5 building"
	@$(MAKE) --no-print-directory ninja KNOWS=demo-cais.h264 TARGETS="vigia tools/camsim/camsim tools/clips/demo-cais.h264"
	@PROVIDER=$(PROVIDER) RECORDER=$(RECORDER) exec tools/run.sh $(BUILD)

test: ## every test; T=name only those with this in their name
	@echo "1/4 packages"
	@tools/packages.sh build test
	@echo "2/4 building"
	@$(MAKE) --no-print-directory ninja-tests
	@echo "3/4 what the page's tests need"
	@$(MAKE) --no-print-directory node_modules
	@echo "4/4 testing"
	@tests/run.py --build $(BUILD) $(T)

check: ## formatting, clang-tidy, include layers, headers, sizes
	@tools/packages.sh build test check
	@$(MAKE) --no-print-directory ninja-tests
	@BUILD=$(BUILD) tests/check/all.sh

format: ## clang-format over every source file
	@git ls-files -z '*.c' '*.h' | xargs -0 -n 16 -P $(JOBS) clang-format -i

sanitize: ## the tests under ASan and UBSan, then the unit tests and a hundred cameras with all at work under TSan
	@tools/packages.sh build test
	@$(MAKE) --no-print-directory node_modules
	@$(MAKE) --no-print-directory ninja-tests BUILD=$(BUILD)-asan MESON_SETUP="$(MESON_SETUP) -Db_sanitize=address,undefined -Db_lundef=false"
	@$(SANITIZE_ENV) tests/run.py --build $(BUILD)-asan $(T)
	@$(MAKE) --no-print-directory ninja-tests BUILD=$(BUILD)-tsan MESON_SETUP="$(MESON_SETUP) -Db_sanitize=thread -Db_lundef=false"
	@$(SANITIZE_ENV) setarch -R tests/run.py --build $(BUILD)-tsan --unit-only $(T)
	@$(SANITIZE_ENV) setarch -R tests/run.py --build $(BUILD)-tsan --no-unit --scripts tests/torture all_at_work

SANITIZE_ENV = VIGIA_SANITIZE=1 ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
	TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=$(CURDIR)/tests/support/tsan.supp

ifneq ($(wildcard tests/torture/*.py),)
.PHONY: torture
torture: ## the long runs: many cameras, for minutes; T=name
	@tools/packages.sh build test
	@$(MAKE) --no-print-directory ninja-tests
	@$(MAKE) --no-print-directory node_modules
	@tests/run.py --build $(BUILD) --no-unit --scripts tests/torture $(T)
endif

ifneq ($(wildcard bench/run.sh),)
.PHONY: bench
bench: ## a short run of every benchmark of bench/README.md, some ten minutes; T=name
	@tools/packages.sh build bench
	@$(MAKE) --no-print-directory ninja-all
	@PATH=$$PATH:/usr/sbin bench/run.sh $(BUILD) $(T)
endif

fuzz: ## libFuzzer on every parser of foreign bytes, FUZZ_SECONDS (60) each; T=name
	@tools/packages.sh build test fuzz
	@$(MAKE) --no-print-directory ninja-all BUILD=$(BUILD)-fuzz MESON_SETUP="CC=clang meson setup -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false"
	@for f in $(BUILD)-fuzz/tests/fuzz/fuzz_*$(T)*; do \
		[ -x $$f ] && [ ! -d $$f ] || continue; name=$${f##*/fuzz_}; echo "--- $$name"; mkdir -p $(BUILD)-fuzz/corpus/$$name; \
		$$f -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 $(BUILD)-fuzz/corpus/$$name tests/fuzz/corpus/$$name 2>&1 | tail -n 6; \
		[ $${PIPESTATUS[0]:-0} = 0 ] || exit 1; done

screenshots: ## the page's tour, with the demonstration's cameras: docs/images/*.png
	@tools/packages.sh build demo test
	@$(MAKE) --no-print-directory ninja KNOWS=demo-cais.h264 TARGETS="vigia tools/camsim/camsim tools/clips/demo-cais.h264"
	@$(MAKE) --no-print-directory node_modules
	@VIGIA_BUILD=$(BUILD) node tools/screenshots.mjs

clean: ## remove the build directories
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-tsan $(BUILD)-fuzz

help: ## this list
	@printf '%-15s %s\n' make "$$(sed -n 's/^all: ## //p' $(firstword $(MAKEFILE_LIST)))"
	@sed -n 's/^\([a-z]*\): ## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | while IFS="$$(printf '\t')" read -r target text; do \
		case "all $(MISSING)" in *$$target*) ;; *) printf '%-15s %s\n' "make $$target" "$$text" ;; esac; \
	done

# Targets whose scripts are not there.
MISSING = $(if $(wildcard tests/torture/*.py),,torture) $(if $(wildcard bench/run.sh),,bench)

# --- inside ---
.PHONY: ninja ninja-all ninja-tests node_modules web_modules

$(BUILD)/build.ninja: | web_modules
	@$(MESON_SETUP) $(BUILD) >$(BUILD)-setup.log 2>&1 || { cat $(BUILD)-setup.log; rm -rf $(BUILD); exit 1; }
	@mv $(BUILD)-setup.log $(BUILD)/setup.log

# A build directory made before ffmpeg or the tests' packages were there knows no clips and no tests: it is asked to look again.
KNOWS ?= vigia
LOOK_AGAIN = meson setup --reconfigure $(BUILD) >$(BUILD)/setup.log || { cat $(BUILD)/setup.log; exit 1; }

ninja: web_modules $(BUILD)/build.ninja
	@grep -q '$(KNOWS)' $(BUILD)/build.ninja || $(LOOK_AGAIN)
	@ninja -C $(BUILD) --quiet $(TARGETS)

ninja-all: web_modules $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

ninja-tests: web_modules $(BUILD)/build.ninja
	@grep -q 'test_base' $(BUILD)/build.ninja && grep -q 'demo-cais.h264' $(BUILD)/build.ninja || $(LOOK_AGAIN)
	@ninja -C $(BUILD) --quiet

# npm's own lock decides what is installed; the copy in node_modules says what is there.
NPM_CI = if ! cmp -s package-lock.json node_modules/.vigia-lock; then \
	npm ci --silent --no-audit --no-fund --ignore-scripts && cp package-lock.json node_modules/.vigia-lock; fi
web_modules:
	@cd web && $(NPM_CI)

node_modules: web_modules
	@cd tests/system && $(NPM_CI)
