# The worker around TensorRT (8 to 11) and TensorRT for RTX. Request on standard input: a line of JSON, then the
# calibration cache, the timing cache and the ONNX; answers on standard output: lines of JSON, then the engine and the
# timing cache. See README.md.
import sys
sys.path = [entry for entry in sys.path if entry]  # not from the folder that etalon runs in
import importlib
import json
import os
import threading
import time

answers = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)  # whatever prints cannot get between
one_at_a_time = threading.RLock()  # builders log from threads of their own, and while anything is taken down
over = False


def answer(*parts, **line):
    """A line and what follows it. Nothing is said after the one with `ok`: it would be taken for the engine."""
    global over
    with one_at_a_time:
        if over:
            return
        over = "ok" in line
        answers.write(json.dumps(line).encode("ascii") + b"\n")
        for part in parts:
            answers.write(part)
        answers.flush()


def end_with(parent):
    """A build takes an hour, and etalon may be killed: nobody waits for the engine then."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


class Refused(Exception):
    """What is told to the user: a kind of Error and a reason."""

    def __init__(self, kind, reason):
        Exception.__init__(self, reason)
        self.kind = kind


def one_line(text):
    return "; ".join(line.strip() for line in str(text).splitlines() if line.strip())


def version_of(trt):
    return tuple(int(part) for part in trt.__version__.split(".")[:3] if part.isdigit())


def make_log(trt):
    class Log(trt.ILogger):
        def __init__(self):
            trt.ILogger.__init__(self)
            self.errors = []

        def log(self, severity, text):
            level = str(severity).rsplit(".", 1)[-1].lower()
            if level == "verbose":  # thousands of lines a network
                return
            text = one_line(text)[:2000]
            if level.endswith("error"):
                self.errors.append(text)
            answer(say=level, text=text)

        def reason(self, otherwise):
            return "; ".join(self.errors[:3]) or otherwise

    return Log()


class Job:
    """One build, with the differences between the versions."""

    def __init__(self, trt, request, cache, timings, onnx):
        self.trt, self.request, self.cache, self.timings, self.onnx = trt, request, cache, timings, onnx
        self.rtx = request["module"] == "tensorrt_rtx"
        self.major = version_of(trt)[0]
        if not self.rtx and self.major < 8:
            raise Refused("unsupported", "TensorRT %s is too old, expected 8 or later" % trt.__version__)
        explicit = request["quantized"] or request["half"]
        # From 11 on, and with RTX, there is no other way; 8 and 9 know none.
        self.typed = self.rtx or self.major >= 11 or (self.major == 10 and explicit)
        self.log = make_log(trt)

    def network_flags(self):
        known = self.trt.NetworkDefinitionCreationFlag.__members__
        flags = 0
        if not self.rtx and self.major < 10:  # every batch is explicit from 10 on
            flags |= 1 << int(known["EXPLICIT_BATCH"])
        if self.typed and "STRONGLY_TYPED" in known:
            flags |= 1 << int(known["STRONGLY_TYPED"])
        return flags

    def parse(self, network):
        parser = self.trt.OnnxParser(network, self.log)
        if parser.parse(self.onnx):
            return parser  # holds what the network refers to
        reasons, kind = [], "bad_input"
        for index in range(min(parser.num_errors, 3)):
            error = parser.get_error(index)
            place = " at node %d" % error.node()
            if hasattr(error, "node_name") and error.node_operator():
                place = " at %s '%s'" % (error.node_operator(), error.node_name())
            reasons.append(one_line(error.desc()) + place)
            if "UNSUPPORTED" in str(error.code()) or "Plugin not found" in reasons[-1]:
                kind = "unsupported"
        raise Refused(kind, "; ".join(reasons) or self.log.reason("the parser gives no reason"))

    def profile(self, builder, network, config):
        """Shapes for the inputs whose batch is open; None if none is."""
        batches = self.request["batches"]
        profile, needed = builder.create_optimization_profile(), False
        for index in range(network.num_inputs):
            tensor = network.get_input(index)
            shape = tuple(tensor.shape)
            if not shape or shape[0] >= 0:
                continue
            profile.set_shape(tensor.name, *[(batch,) + shape[1:] for batch in batches])
            needed = True
        if needed:
            config.add_optimization_profile(profile)
        return profile if needed else None

    def set_precision(self, config, profile):
        """Which precisions the builder may choose: of a network that is not strongly typed alone."""
        if self.typed:
            return None
        flags, wanted = self.trt.BuilderFlag, set()
        calibrator = None
        if self.request["quantized"]:
            wanted.add("INT8")
        if self.request["half"] or self.request["precision"] == "fp16":
            wanted.add("FP16")
        if self.request["precision"] == "int8" and not self.request["quantized"]:
            wanted.add("INT8")
            if not self.request["strict"]:
                wanted.add("FP16")  # what is slower in INT8 need not go back to FP32
            calibrator = self.cache_reader()
            config.int8_calibrator = calibrator
            if profile is not None:
                config.set_calibration_profile(profile)
        if self.request["strict"]:
            # What STRICT_TYPES was split into by TensorRT 8.2.
            wanted |= {"PREFER_PRECISION_CONSTRAINTS", "DIRECT_IO", "REJECT_EMPTY_ALGORITHMS"} & set(flags.__members__)
        for name in sorted(wanted):
            config.set_flag(flags.__members__[name])
        return calibrator

    def cache_reader(self):
        trt, cache = self.trt, self.cache

        class CacheReader(trt.IInt8EntropyCalibrator2):
            def __init__(self):
                trt.IInt8EntropyCalibrator2.__init__(self)
                self.asked_for_images = False

            def get_batch_size(self):
                return 1

            def get_batch(self, names):
                self.asked_for_images = True
                return None

            def read_calibration_cache(self):
                return cache

            def write_calibration_cache(self, written):
                pass

        return CacheReader()

    def set_limits(self, config):
        if hasattr(config, "set_memory_pool_limit"):
            config.set_memory_pool_limit(self.trt.MemoryPoolType.WORKSPACE, self.request["workspace"])
        else:  # before 8.4
            config.max_workspace_size = self.request["workspace"]
        if self.request["version_compatible"]:
            flags = self.trt.BuilderFlag.__members__
            if "VERSION_COMPATIBLE" not in flags:
                raise Refused("unsupported", "TensorRT %s builds no version compatible engines" % self.trt.__version__)
            config.set_flag(flags["VERSION_COMPATIBLE"])
        targets = self.request["capabilities"]
        if targets:
            config.num_compute_capabilities = len(targets)
            for index, target in enumerate(targets):
                member = self.trt.ComputeCapability.__members__["SM" + target.replace(".", "")]
                if not config.set_compute_capability(member, index):
                    raise Refused("unsupported", self.log.reason("compute capability %s is refused" % target))

    def set_timings(self, config):
        if not self.request["keep_timings"]:
            return
        cache = config.create_timing_cache(self.timings)
        if cache is None or not config.set_timing_cache(cache, ignore_mismatch=False):
            raise Refused("bad_input", self.log.reason("the timing cache is of another TensorRT or of another GPU"))

    def run(self):
        trt = self.trt
        if hasattr(trt, "init_libnvinfer_plugins"):
            trt.init_libnvinfer_plugins(self.log, "")
        try:
            builder = trt.Builder(self.log)
        except Exception as error:
            raise Refused("environment", self.log.reason("the builder cannot be made: %s" % error))
        network = builder.create_network(self.network_flags())
        parser = self.parse(network)
        config = builder.create_builder_config()
        profile = self.profile(builder, network, config)
        self.set_limits(config)
        self.set_timings(config)
        calibrator = self.set_precision(config, profile)
        engine = builder.build_serialized_network(network, config)
        if calibrator is not None and calibrator.asked_for_images:
            raise Refused("bad_input", "TensorRT %s does not take the calibration cache and asks for images: %s"
                          % (trt.__version__, self.log.reason("no reason given")))
        if engine is None:
            raise Refused("unsupported", self.log.reason("the builder gives no reason"))
        timings = memoryview(config.get_timing_cache().serialize()) if self.request["keep_timings"] else memoryview(b"")
        engine = memoryview(engine)
        answer(engine, timings, ok=True, engine=engine.nbytes, timings=timings.nbytes)
        del parser


def capabilities(trt):
    """"8.6" for each member SM86; RTX alone has them."""
    known = getattr(getattr(trt, "ComputeCapability", None), "__members__", {})
    numbers = sorted(int(name[2:]) for name in known if name[:2] == "SM" and name[2:].isdigit())
    return ["%d.%d" % divmod(number, 10) for number in numbers]


def run(request, parts):
    try:
        trt = importlib.import_module(request["module"])
    except ImportError as error:
        raise Refused("environment", "ImportError: %s" % error)
    if request["op"] == "probe":
        return answer(ok=True, engine=0, timings=0, version=trt.__version__, capabilities=capabilities(trt))
    Job(trt, request, *parts).run()


def main():
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    requests = sys.stdin.buffer
    request = json.loads(requests.readline())
    parts = [requests.read(size) for size in request["sizes"]]
    try:
        if [len(part) for part in parts] != request["sizes"]:
            raise Refused("internal", "the request is cut off")
        run(request, parts)
    except Refused as refused:
        answer(ok=False, kind=refused.kind, error=str(refused)[:2000])
    except MemoryError:
        answer(ok=False, kind="environment", error="not enough memory")
    except BaseException as error:
        answer(ok=False, kind="environment", error=("%s: %s" % (type(error).__name__, one_line(error)))[:2000])


main()
os._exit(0)  # all is said: libraries that crash while they are taken down must not spoil it
