"""A stand-in for NVIDIA's Python package `tensorrt`, which needs a GPU and can be installed here from nowhere.

It has the part of the interface that etalon's worker uses, as the versions differ by it, and refuses what a version has
not; every call is appended as a line of JSON to the file that STAND_IN_RECORD names. STAND_IN_TENSORRT is the version,
STAND_IN_DOES what to misbehave in. Its engine is the text "ftrt" and the calls' number. What it takes its shape from:
NVIDIA's API documentation of 8.6, 10.3 and 11.0 (docs/engines.md).
"""
import atexit
import enum
import json
import os
import time

__version__ = os.environ["STAND_IN_TENSORRT"]
MAJOR = int(__version__.split(".")[0])
DOES = os.environ.get("STAND_IN_DOES", "")
CALLS = []
with open(os.environ["STAND_IN_RECORD"] + ".pid", "w") as file:
    file.write(str(os.getpid()))


def record(call, *values):
    CALLS.append([call, *values])
    with open(os.environ["STAND_IN_RECORD"], "a") as file:
        file.write(json.dumps([call, *values]) + "\n")


def members(name, *names):
    made = enum.IntEnum(name, {n: i for i, n in enumerate(names)})
    made.__str__ = enum.Enum.__str__  # "Severity.INFO", as pybind11 prints it
    return made


if MAJOR >= 11:  # every network is strongly typed; the flag is accepted and ignored
    BuilderFlag = members("BuilderFlag", "DEBUG", "REFIT", "TF32", "VERSION_COMPATIBLE")
    NetworkDefinitionCreationFlag = members("NetworkDefinitionCreationFlag", "STRONGLY_TYPED")
else:
    BuilderFlag = members("BuilderFlag", "FP16", "INT8", "DEBUG", "GPU_FALLBACK", "REFIT", "TF32", "PREFER_PRECISION_CONSTRAINTS", "DIRECT_IO",
                          "REJECT_EMPTY_ALGORITHMS", "VERSION_COMPATIBLE")
    NetworkDefinitionCreationFlag = members("NetworkDefinitionCreationFlag", "EXPLICIT_BATCH", *(["STRONGLY_TYPED"] if MAJOR >= 10 else []))

    class IInt8EntropyCalibrator2:
        def __init__(self):
            self.made = True

MemoryPoolType = members("MemoryPoolType", "WORKSPACE")
Severity = members("Severity", "INTERNAL_ERROR", "ERROR", "WARNING", "INFO", "VERBOSE")


class ILogger:
    def __init__(self):
        self.made = True


def init_libnvinfer_plugins(log, namespace):
    assert log.made
    record("init_libnvinfer_plugins", namespace)
    return True


class Tensor:
    name, shape = "input_1", (-1, 3, 8, 8)


class Network:
    num_inputs = 1

    def get_input(self, index):
        return Tensor


class ParserError:
    def desc(self):
        return "No importer registered for op: Strange"

    def node(self):
        return 7

    def code(self):
        return "ErrorCode.UNSUPPORTED_NODE"

    if MAJOR >= 10:
        def node_name(self):
            return "the_node"

        def node_operator(self):
            return "Strange"


class OnnxParser:
    def __init__(self, network, log):
        self.num_errors = 1 if DOES == "not parse" else 0

    def parse(self, model):
        record("parse", len(model))
        return self.num_errors == 0

    def get_error(self, index):
        return ParserError()


class TimingCache:
    def __init__(self, content):
        self.content = content

    def serialize(self):
        return self.content + b"+timings"


class Profile:
    def set_shape(self, name, least, usual, most):
        record("set_shape", name, least, usual, most)


class Config:
    __slots__ = ("cache",) + (("_calibrator",) if MAJOR < 11 else ())

    def set_flag(self, flag):
        record("set_flag", BuilderFlag(flag).name)

    def set_memory_pool_limit(self, pool, size):
        record("set_memory_pool_limit", pool.name, size)

    def add_optimization_profile(self, profile):
        record("add_optimization_profile")
        return 0

    def create_timing_cache(self, content):
        record("create_timing_cache", content.decode())
        return TimingCache(content)

    def set_timing_cache(self, cache, ignore_mismatch):
        self.cache = cache
        return DOES != "not take timings"

    def get_timing_cache(self):
        return self.cache

    if MAJOR < 11:
        @property
        def int8_calibrator(self):
            return self._calibrator

        @int8_calibrator.setter
        def int8_calibrator(self, calibrator):
            assert isinstance(calibrator, IInt8EntropyCalibrator2) and calibrator.made
            self._calibrator = calibrator
            record("int8_calibrator", calibrator.get_batch_size())

        def set_calibration_profile(self, profile):
            record("set_calibration_profile")
            return True


class Builder:
    def __init__(self, log):
        if DOES == "have no GPU":
            log.log(Severity.ERROR, "CUDA initialization failure with error: 35")
            raise TypeError("pybind11::init(): factory function returned nullptr")
        self.log = log

    def __del__(self):
        if DOES == "end badly" and hasattr(self, "log"):
            self.log.log(Severity.INFO, "a last word")
            atexit.register(os.abort)

    def create_network(self, flags):
        known = NetworkDefinitionCreationFlag.__members__.items()
        record("create_network", [name for name, bit in known if flags >> bit & 1])
        return Network()

    def create_builder_config(self):
        return Config()

    def create_optimization_profile(self):
        return Profile()

    def build_serialized_network(self, network, config):
        self.log.log(Severity.INFO, "an informal word")
        self.log.log(Severity.VERBOSE, "a verbose word")
        self.log.log(Severity.WARNING, "a word of warning")
        if DOES == "sleep":
            time.sleep(100)
        if DOES == "crash":
            os.kill(os.getpid(), 11)
        if DOES == "end":
            os._exit(3)
        if DOES == "fail":
            self.log.log(Severity.ERROR, "Could not find any implementation\n  for node conv1\n")
            return None
        if MAJOR < 11 and hasattr(config, "_calibrator"):
            table = config.int8_calibrator.read_calibration_cache().decode()
            record("read_calibration_cache", table)
            if DOES == "not take cache":
                self.log.log(Severity.ERROR, "Calibration table does not match calibrator algorithm type.")
                config.int8_calibrator.get_batch(["input_1"])
                return None
        record("build_serialized_network")
        return b"ftrt stand-in" + bytes(int(os.environ.get("STAND_IN_MORE_BYTES", "0")))
