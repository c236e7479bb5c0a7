"""How the program is called: TAO's spellings, help, exit status, where it talks."""
import json
import pathlib
import subprocess

from program import IMAGES, MODEL, PROGRAM, SPEC, ProgramTest, data, main

INT8 = ("--data_type", "int8", "--cal_image_dir", IMAGES, "--batches", 1, "--batch_size", 2)


class Spellings(ProgramTest):
    def test_every_spelling_of_tao_reaches_the_same_code(self):
        for number, (link, words) in enumerate([(None, ["detectnet_v2"]), (None, ["model", "detectnet_v2"]), ("detectnet_v2", []),
                                                ("tao", ["detectnet_v2"]), ("tao", ["model", "detectnet_v2"])]):
            program = PROGRAM
            if link:
                program = self.folder / link
                if not program.exists():
                    program.symlink_to(PROGRAM)
            self.passes(*words, "export", "-m", MODEL, "-o", f"{number}.onnx", program=program)
        written = {(self.folder / f"{n}.onnx").read_bytes() for n in range(5)}
        self.assertEqual(len(written), 1)

    def test_prefixes_of_long_flags_and_flags_before_the_task(self):
        self.passes("detectnet_v2", "--gpu_index", 0, "export", "--mod", MODEL, "--outp", "a.onnx", "--log", "l.log")
        self.assertTrue((self.folder / "a.onnx").exists() and (self.folder / "l.log").exists())

    def test_what_means_nothing_here_is_accepted_with_one_line(self):
        done = self.export("-o", "a.onnx", "--gpu_index", 0, "--gpus", 1, "-np", 1, "--max_workspace_size", 1 << 20)
        for flag in ("--gpu_index", "--gpus", "--num_processes", "--max_workspace_size"):
            self.assertEqual(sum(flag in line for line in done.err.splitlines()), 1, done.err)

    def test_an_empty_key_is_no_key(self):
        self.export("-k", "", "-o", "a.onnx")


class WrongUsage(ProgramTest):
    def test_exits_with_2_and_says_what_is_known(self):
        export = ("detectnet_v2", "export", "-m", MODEL)
        self.refuses(*export, "--data_tipe", "int8", code=2, says=["--data_tipe", "did you mean --data_type?"])
        self.refuses(*export, "--batch", "1", code=2, says=["--batches", "--batch_size"])
        self.refuses(*export, "--data_type", "int4", code=2, says=["--data_type", "int4", "int8"])
        self.refuses(*export, "--batches", "0", code=2, says=["--batches"])
        self.refuses(*export, "--batches", "many", code=2, says=["--batches", "many"])
        self.refuses(*export, "-o", "m.bin", code=2, says=[".bin", ".onnx"])
        self.refuses(*export, "--gen_ds_config", code=2, says=["--experiment_spec"])
        self.refuses(*export, "--trt_version", "eight", code=2, says=["eight"])
        self.refuses("detectnet_v2", "export", code=2, says=["--model"])
        self.refuses("detectnet_v3", "export", code=2, says=["did you mean detectnet_v2?"])
        self.refuses("detectnet_v2", "exprot", code=2, says=["did you mean export?"])
        self.assertEqual(self.run_program().code, 2)

    def test_an_engine_that_nothing_here_can_build_says_what_to_install(self):
        export = ("detectnet_v2", "export", "-m", MODEL)
        self.refuses(*export, "--engine_file", "e.engine", code=1, says=["no Python has the package tensorrt", "ETALON_TENSORRT_PYTHON"],
                     env={"ETALON_TENSORRT_PYTHON": "", "PATH": "/nowhere", "HOME": "/nowhere"})

    def test_ranges_as_json_without_ranges_are_not_written(self):
        done = self.export("-o", "m.onnx", "--cal_json_file", "r.json")
        self.assertIn("--cal_json_file is not written", done.err)
        self.assertFalse((self.folder / "r.json").exists())

    def test_a_wrong_flag_with_json_gives_one_document(self):
        done = self.refuses("detectnet_v2", "export", "--nope", "--json", code=2, says=["--nope"])
        self.assertEqual(json.loads(done.out)["error"]["kind"], "wrong_usage")

    def test_a_misplaced_key_is_not_repeated(self):
        done = self.refuses("detectnet_v2", "export", "-m", MODEL, "-key", "s3cret", code=2, says=["belong to no flag"])
        self.assertNotIn("s3cret", done.text)

    def test_folders_and_batches_that_are_none(self):
        for name in ("sub/", ".", ".onnx"):
            self.refuses("detectnet_v2", "export", "-m", MODEL, "-o", name, code=2, says=["names a folder"])
        for size in (0, -2, 70000):
            self.refuses("detectnet_v2", "export", "-m", MODEL, "--static_batch_size", size, code=2, says=["--static_batch_size"])


class AsArgparse(ProgramTest):
    def test_the_last_of_a_flag_counts_and_an_empty_value_is_none(self):
        self.passes("detectnet_v2", "export", "-m", "absent.hdf5", "-m", MODEL, "-o", "a.onnx", "--results_dir=", "--cal_data_file=", "--log_file", "",
                    "--mpirun-arg", "x", "--multi-node")
        self.assertEqual([p.name for p in self.folder.iterdir()], ["a.onnx"])


class Talk(ProgramTest):
    def test_the_last_line_says_pass_or_fail(self):
        self.assertEqual(self.export("-o", "a.onnx").out, "Execution status: PASS\n")
        self.assertEqual(self.run_program("detectnet_v2", "export", "-m", "absent.hdf5").out, "Execution status: FAIL\n")

    def test_help_names_every_flag_and_shows_examples(self):
        text = self.passes("detectnet_v2", "export", "--help").out
        for flag in ("--model", "--key", "--experiment_spec", "--output_file", "--data_type", "--strict_type_constraints", "--gen_ds_config",
                     "--cal_data_file", "--cal_image_dir", "--cal_cache_file", "--cal_json_file", "--batches", "--batch_size", "--max_batch_size",
                     "--min_batch_size", "--opt_batch_size", "--max_workspace_size", "--engine_file", "--force_ptq", "--verbose", "--onnx_route",
                     "--target_opset", "--static_batch_size", "--results_dir", "--log_file", "--gpu_index", "--seed", "--threads", "--force"):
            self.assertIn(flag, text)
        self.assertGreaterEqual(text.count("  etalon detectnet_v2 export"), 3)
        for verb in ("inspect", "doctor"):
            self.assertIn("Examples:", self.passes(verb, "--help").out)
        self.assertIn("etalon inspect", self.passes("--help").out)

    def test_json_is_one_document_for_success_and_failure(self):
        done = self.export("-o", "a.onnx", "--json")
        document = json.loads(done.out)
        self.assertEqual((document["version"], document["status"], document["written"][0]["path"]), (1, "PASS", "a.onnx"))
        self.assertTrue(done.err.endswith("Execution status: PASS\n"))
        failed = self.run_program("detectnet_v2", "export", "-m", MODEL, "-o", "a.onnx", "--json")
        document = json.loads(failed.out)
        self.assertEqual((failed.code, document["status"], document["error"]["kind"]), (1, "FAIL", "bad_input"))

    def test_a_log_file_takes_all_talk(self):
        done = self.export("-o", "a.onnx", "--log_file", "deep/run.log")
        self.assertEqual(done.text, "Execution status: PASS\n")
        self.assertIn("wrote 'a.onnx'", (self.folder / "deep/run.log").read_text())

    def test_status_json_is_taos(self):
        self.export("-o", "a.onnx", "--results_dir", "results")
        rows = [json.loads(line) for line in (self.folder / "results/status.json").read_text().splitlines()]
        self.assertEqual([row["message"] for row in rows],
                         ["Building exporter object.", "Exporting the model.", "Using input nodes: ['input_1']",
                          "Using output nodes: ['output_cov/Sigmoid', 'output_bbox/BiasAdd']", "Export complete.", "Export finished successfully."])
        self.assertEqual(rows[4]["param_count"], 3.416543)
        self.assertEqual(rows[4]["size"], (self.folder / "a.onnx").stat().st_size / 2**20)
        self.assertEqual(list(rows[4]), ["param_count", "size", "date", "time", "status", "verbosity", "message"])
        self.run_program("detectnet_v2", "export", "-m", MODEL, "-o", "a.onnx", "--results_dir", "results")
        self.assertEqual(json.loads((self.folder / "results/status.json").read_text().splitlines()[-1])["status"], "FAILURE")

    def test_lost_output_is_a_failure(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([PROGRAM, "inspect", MODEL], stdout=full, stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"standard output", done.stderr)

    def test_closed_streams_do_not_take_part_in_the_work(self):
        done = subprocess.run(["/bin/sh", "-c", 'exec "$0" detectnet_v2 export -m "$1" -o a.onnx >&- 2>&-', PROGRAM, MODEL], cwd=self.folder, check=False)
        self.assertEqual((done.returncode, [p.name for p in self.folder.iterdir()]), (0, ["a.onnx"]))

    def test_no_progress_and_no_colour_without_a_terminal(self):
        text = self.export("-o", "a.onnx", *INT8).text
        self.assertNotIn("\r", text)
        self.assertNotIn("\x1b", text)

    def test_progress_on_a_terminal_has_count_and_rate(self):
        shown = pathlib.Path(self.folder / "typescript")
        command = " ".join(map(str, [PROGRAM, "detectnet_v2", "export", "-m", MODEL, "-o", "a.onnx", *INT8]))
        self.run_program("-qec", command, shown, program="/usr/bin/script")
        self.assertRegex(shown.read_bytes().decode(), r"\r\S.* 2/2, \d+\.\d/s")

    def test_verbose_lists_the_images_and_never_the_key(self):
        done = self.export("-o", "a.onnx", "-k", "s3cret-key", "-v", *INT8)
        self.assertRegex(done.err, r"the images: BloodImage_\d+\.jpg, BloodImage_\d+\.jpg\n")
        self.assertNotIn("s3cret-key", done.text)


class InspectAndDoctor(ProgramTest):
    def test_inspect_knows_each_kind(self):
        self.export("-o", "m.onnx", *INT8)
        for path, kind in ((MODEL, "Keras model"), ("m.onnx", "ONNX model"), ("cal.bin", "calibration cache"), (SPEC, "experiment specification of DetectNet_v2")):
            seen = json.loads(self.passes("inspect", path, "--json").out)
            self.assertEqual((seen["version"], seen["kind"]), (1, kind))
            self.assertIn(f"kind: {kind}", self.passes("inspect", path).out)
        self.assertEqual(json.loads(self.passes("inspect", MODEL, "--json").out)["parameters"], 3416543)
        self.assertNotIn("padding_faults", json.loads(self.passes("inspect", "m.onnx", "--json").out))
        (self.folder / "e.etlt").write_bytes(b"\0\0\0\0" + bytes(range(256)))
        self.assertEqual(json.loads(self.passes("inspect", "e.etlt", "--json").out)["payload_size_bytes"], 240)

    def test_the_padding_fault_of_nvidias_route_is_told(self):
        model = data("models/detectnet_v2/bccd_resnet18.nvidia.onnx")
        seen = json.loads(self.passes("inspect", model, "--json").out)
        self.assertEqual([(row["has"], row["trained with"]) for row in seen["padding_faults"]][0], ("pads [2,2,3,3]", "pads [3,3,3,3]"))
        self.assertEqual(len(seen["padding_faults"]), 4)
        self.assertIn("padding fault", self.passes("inspect", model).out)
        told = self.run_program("doctor", "-m", model)
        self.assertEqual(told.code, 1)
        self.assertIn("padding fault", told.out)

    def test_inspect_refuses_what_it_does_not_know(self):
        (self.folder / "junk").write_bytes(bytes(range(256)) * 4)
        self.refuses("inspect", "junk", code=1, says=["junk"])
        self.refuses("inspect", "absent", code=1, says=["absent"])

    def test_doctor_says_whether_things_fit(self):
        seen = json.loads(self.passes("doctor", "-m", MODEL, "-e", SPEC, "--cal_image_dir", IMAGES, "--json").out)
        self.assertIn("openvino", seen["runtime"])
        self.assertEqual([row["result"] for row in seen["checks"] if row["what"] in ("model", "spec", "images", "input size")], ["ok"] * 4)
        wrong = self.folder / "two.txt"
        wrong.write_text(SPEC.read_text().replace('name: "platelets"', 'name: "rbc2"', 1).replace("target_classes {\n    name: \"wbc\"", "unknown_thing {\n name: \"wbc\"", 1))
        self.assertEqual(self.run_program("doctor", "-m", MODEL, "-e", wrong, "--json").code, 1)


if __name__ == "__main__":
    main()
