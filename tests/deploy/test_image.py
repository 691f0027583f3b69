"""What the image leaves out of what libraries ask for is imported by nothing that Penstock does."""

import re
import subprocess
import sys
from pathlib import Path

from tests.support.compose import ROOT
from tests.support.files import docx, pptx

# Modules that work with documents or vectors, three converters, a vector, a measure: and nobody finds what is left out.
_CHECK = """
import importlib, pathlib, pkgutil, sys

class LeftOut:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1].split(","):
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, LeftOut)
for top in ("ingestion", "workers"):
    for found in pkgutil.walk_packages([top], f"{top}."):
        if not found.name.endswith("__main__") and ".migrations" not in found.name:
            importlib.import_module(found.name)

from ingestion.embedding.wordllama import WordLlamaModel
from ingestion.evaluation import evaluate
from ingestion.parsing.office import parse_docx, parse_pptx
from ingestion.parsing.web import parse_html

files = pathlib.Path(sys.argv[2])
print(parse_docx((files / "a.docx").read_bytes()).text, parse_pptx((files / "a.pptx").read_bytes()).text)
print(parse_html(b"<h1>Lock</h1>", None).text, WordLlamaModel().embed_now(["Lock"]).shape)
print(evaluate({"q": {"d": 1.0}}, {"q": {"d": 1}}).ndcg)
"""


def left_out() -> list[str]:
    """The distributions that the Dockerfile uninstalls, but those that install."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    (names,) = [
        found for found in re.findall(r"pip uninstall --quiet --yes (.+) \\", text) if "pip" not in found.split()
    ]
    return names.split()


def test_penstock_does_without_what_the_image_leaves_out(tmp_path: Path):
    assert {"onnxruntime", "scipy"} <= set(left_out())
    (tmp_path / "a.docx").write_bytes(docx([("Heading 1", "Weir")]))
    (tmp_path / "a.pptx").write_bytes(pptx([("Sluice", "text")]))
    modules = ",".join(name.replace("-", "_") for name in left_out())
    command = [sys.executable, "-P", "-c", _CHECK, modules, str(tmp_path)]
    environ = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, cwd=ROOT, env=environ)
    assert done.returncode == 0, done.stderr[-2000:]
    for said in ("Weir", "Sluice", "Lock", "(1, 256)", "1.0"):
        assert said in done.stdout
