# etalon's two commands for a newcomer: `make demo` and `make test`. `make help` lists the rest.
BUILD ?= build
JOBS ?= $(shell nproc)
DEPS := .deps
CMAKE_FLAGS ?=

.PHONY: always help build demo test benchmark benchmark-peers benchmark-quality benchmarks-built sanitize fuzz rooms clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo       install what is needed, build, export the sample to INT8 and show what that costs'
	@echo 'make test       install what is needed, build, run every test'
	@echo 'make build      install what is needed, build $(BUILD)/etalon'
	@echo 'make benchmark  measure; the table is in docs/benchmarks.md'
	@echo 'make benchmark-peers  calibration beside ONNX Runtime, NNCF and ModelOpt (installs 0.8 GB)'
	@echo 'make benchmark-quality  INT8 models beside theirs (data in ETALON_DATA); the table is in docs/quality.md'
	@echo 'make sanitize   the tests under ASan + UBSan, the calibration pipeline under TSan'
	@echo 'make fuzz       each fuzz target for FUZZ_SECONDS (10)'
	@echo 'make clean      remove what was built ($(DEPS)/ stays)'

# A stamp a set of packages: setup.sh runs again only when it or the list of versions changes.
$(DEPS)/build.done: tools/setup.sh
	tools/setup.sh build
$(DEPS)/test.done: tools/setup.sh tests/requirements.txt tests/requirements-rtx.txt $(DEPS)/build.done
	tools/setup.sh test
$(DEPS)/peers.done: tools/setup.sh benchmarks/requirements-peers.txt
	tools/setup.sh peers
$(DEPS)/fuzz.done: tools/setup.sh $(DEPS)/build.done
	tools/setup.sh fuzz

# The build always asks ninja, which does nothing when nothing changed. The tests' libraries are asked for only by `make test`.
$(BUILD)/program.configured: $(DEPS)/build.done $(BUILD)/flags
	cmake -S . -B $(BUILD) -G Ninja -DETALON_TESTS=OFF $(CMAKE_FLAGS)
	@touch $@
$(BUILD)/tests.configured: $(DEPS)/test.done $(BUILD)/program.configured
	cmake -S . -B $(BUILD) -DETALON_TESTS=ON $(CMAKE_FLAGS)
	@touch $@

# What the build folder was configured with: this folder (a clone that was moved starts anew) and CMAKE_FLAGS.
CONFIGURED := $(CURDIR) $(CMAKE_FLAGS)
$(BUILD)/flags: always
	@mkdir -p $(BUILD)
	@printf '%s\n' '$(CONFIGURED)' | cmp -s - $@ || { rm -rf $(BUILD)/CMakeCache.txt $(BUILD)/CMakeFiles; printf '%s\n' '$(CONFIGURED)' > $@; }
always:

build: $(BUILD)/program.configured
	@cmake --build $(BUILD) -j $(JOBS) --target etalon

demo: build
	examples/bccd/demo.sh $(BUILD)/etalon $(BUILD)/demo

test: $(BUILD)/tests.configured rooms
	@cmake --build $(BUILD) -j $(JOBS)
	ctest --test-dir $(BUILD) --output-on-failure -j $(JOBS)

rooms:
	python3 tools/check_rooms.py

benchmark: $(DEPS)/test.done benchmarks-built
	$(DEPS)/oracle/bin/python benchmarks/run.py --build $(BUILD)-benchmark

benchmark-peers: $(DEPS)/peers.done benchmarks-built
	$(DEPS)/peers/bin/python benchmarks/peers.py --build $(BUILD)-benchmark

# ETALON_DATA names the models and pictures; EVAL_AP a program for the column of average precision.
EVAL_AP ?=
benchmark-quality: $(DEPS)/peers.done build
	$(DEPS)/peers/bin/python benchmarks/quality.py --build $(BUILD) $(if $(EVAL_AP),--eval_ap $(EVAL_AP))

benchmarks-built: $(DEPS)/test.done
	cmake -S . -B $(BUILD)-benchmark -G Ninja -DETALON_TESTS=OFF -DETALON_BENCHMARKS=ON $(CMAKE_FLAGS)
	cmake --build $(BUILD)-benchmark -j $(JOBS)

sanitize: $(DEPS)/test.done $(DEPS)/build.done
	tools/sanitize.sh $(BUILD) $(JOBS)

FUZZ_SECONDS ?= 10
fuzz: $(DEPS)/fuzz.done
	tools/fuzz.sh $(BUILD)-fuzz $(JOBS) $(FUZZ_SECONDS)

clean:
	rm -rf $(BUILD) $(BUILD)-*
