"""markitdown's converters, without its guesser of file types.

markitdown imports magika, a neural network that guesses what a file is, and with it ONNX Runtime: 33 MB of memory in
each process that parses, and 80 MB of a container image. Each converter is told here what it gets, so nobody is asked;
while markitdown is imported, an empty module stands in the guesser's place.
"""

import sys
from types import ModuleType

_GUESSER = "magika"
_had = sys.modules.get(_GUESSER)
sys.modules[_GUESSER] = _had or ModuleType(_GUESSER)
try:
    from markitdown import StreamInfo
    from markitdown.converters import DocxConverter, HtmlConverter, PptxConverter
finally:
    if _had is None:
        del sys.modules[_GUESSER]

__all__ = ["DocxConverter", "HtmlConverter", "PptxConverter", "StreamInfo"]
