"""The HTML report: what a strict parser, NumPy and a real browser make of it.

A headless Chromium is used where there is one (`ETALON_TEST_BROWSER`, else `chromium` on PATH); without it the tests that look
at the page are skipped.
"""
import html.parser
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest
import xml.etree.ElementTree as ElementTree

import numpy as np
import onnx
import onnxruntime
from PIL import Image

from program import IMAGES, ProgramTest, main, needs_real_numbers

WRITER = pathlib.Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else None
BROWSER = os.environ.get("ETALON_TEST_BROWSER") or shutil.which("chromium") or shutil.which("chromium-browser")
PICTURES = sorted(IMAGES.glob("*.jpg"))


class Tags(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs


class ReportTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.export("-o", "m.onnx", "--data_type", "int8", "--cal_image_dir", IMAGES, "--batches", len(PICTURES), "--batch_size", 1,
                    "--cal_cache_file", "c.bin", "--statistics", "s.stats")
        for name, colour in (("fp32.png", (0, 160, 80)), ("int8.png", (160, 0, 80))):
            Image.new("RGB", (320, 240), colour).save(self.folder / name)
        self.page = self.write("r.html")

    def write(self, name):
        self.passes("m.onnx", "s.stats", "percentile", name, "fp32.png", "int8.png", program=WRITER)
        return (self.folder / name).read_text()

    def cards(self):
        """{tensor: {figure: text}}"""
        root = ElementTree.fromstring(self.page.split("\n", 1)[1])
        return {card.find("h3").findtext("code"): {d.findtext("dt"): d.findtext("dd") for d in card.find("dl")}
                for card in root.iter("section") if "tensor" in card.get("class", "").split()}


class Page(ReportTest):
    def test_a_strict_parser_reads_it_and_it_asks_for_nothing(self):
        self.assertTrue(self.page.startswith("<!DOCTYPE html>\n"))
        self.assertGreater(len(self.cards()), 30)
        seen = Tags(self.page)
        self.assertFalse(seen.tags & {"script", "link", "iframe", "object", "b>"})
        for name, value in seen.attributes:
            self.assertFalse(name.startswith("on"), name)
            if name in ("src", "href"):
                self.assertRegex(value, "^(data:image/png;base64,|#)")

    def test_the_same_statistics_make_the_same_bytes(self):
        self.assertEqual(self.write("again.html"), self.page)

    @needs_real_numbers
    def test_its_numbers_are_those_of_the_tensors(self):
        name = "activation_1/Relu"
        model = onnx.load(self.folder / "m.onnx")
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        height, width = session.get_inputs()[0].shape[2:]
        batch = np.stack([np.asarray(Image.open(p).resize((width, height), Image.LANCZOS).convert("RGB"), np.float32) for p in PICTURES]) / 255
        values = np.abs(session.run([name], {"input_1": np.ascontiguousarray(batch.transpose(0, 3, 1, 2))})[0])
        card = self.cards()[name]

        def number(figure):
            return float(re.match(r"[\d.e+-]+", card[figure])[0])
        self.assertAlmostEqual(number("largest |x|") / values.max(), 1, delta=1e-4)
        self.assertAlmostEqual(number("zero") / 100, (values == 0).mean(), delta=1e-3)
        clipped = (values > number("range")).mean()
        self.assertGreater(clipped, 0)
        self.assertAlmostEqual(number("clipped") / 100, clipped, delta=0.3 * clipped + 2 / values.size)


@unittest.skipUnless(BROWSER, "no Chromium: the report is not looked at (apt-get install chromium, or ETALON_TEST_BROWSER)")
class Browser(ReportTest):
    def browse(self, *words):
        done = subprocess.run([BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={self.folder / 'profile'}",
                               "--window-size=1280,3000", *words, f"file://{self.folder / 'r.html'}"], capture_output=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr.decode(errors="replace"))
        return done.stdout.decode()

    def test_shows_the_page(self):
        dom = self.browse("--dump-dom")
        self.assertIn("<title>m.onnx - etalon report</title>", dom)
        self.assertNotIn("<script", dom)
        self.browse(f"--screenshot={self.folder / 'page.png'}")
        picture = np.asarray(Image.open(self.folder / "page.png").convert("RGB"))
        self.assertEqual(picture.shape[1], 1280)

        def share(colour, near=8):
            return (np.abs(picture.astype(int) - colour).max(axis=-1) <= near).mean()
        self.assertGreater(share((0x2f, 0x74, 0xc0)), 0.002, "no bars")  # the colour of what is told apart
        self.assertGreater(share((0, 160, 80)), 0.02, "no FP32 picture")
        self.assertGreater(share((160, 0, 80)), 0.02, "no INT8 picture")
        self.assertLess(share((0xf6, 0xf7, 0xf8)) + share((255, 255, 255)), 0.95, "blank")


if __name__ == "__main__":
    main()
