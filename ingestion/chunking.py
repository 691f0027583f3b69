"""From a document's text to the chunks that are embedded and searched."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from semantic_text_splitter import MarkdownSplitter, TextSplitter

from ingestion.fences import FenceMender
from ingestion.hashes import text_sha
from ingestion.outline import Outline, outline_of
from ingestion.parsing import Parsed
from ingestion.regions import Span, is_prose, regions

Tokenizer = Literal["cl100k_base", "o200k_base"]
"""Vocabularies that come with the splitter, so that counting needs no network."""

_MODELS = {"cl100k_base": "text-embedding-3-small", "o200k_base": "gpt-4o"}
"""A model of each vocabulary: the splitter knows vocabularies by their models."""


@dataclass(frozen=True, slots=True)
class ChunkerSettings:
    """How long a chunk may be and by how much two that follow each other may overlap, in tokens of a vocabulary.

    Part of an index version: other settings make other chunks. Raises `ValueError` where the overlap is more than half.

    The defaults are measured on SciFact, nDCG@10 vector / text / hybrid: 256 tokens .517 / .637 / .669, 400 .529 / .654
    / .674, 512 .525 / .665 / .678, 800 .513 / .663 / .681. Overlaps up to half change it by less than .005 either way,
    and cost storage. Of the two best, 512 is the shorter to read and to cite.
    """

    tokens: int = 512
    overlap: int = 0
    tokenizer: Tokenizer = "cl100k_base"

    def __post_init__(self) -> None:
        if self.tokens < 1:
            raise ValueError("a chunk has at least one token")
        if not 0 <= self.overlap <= self.tokens // 2:
            raise ValueError("chunks overlap by no more than half of their tokens")
        if self.tokenizer not in _MODELS:
            raise ValueError(f"the tokenizer is one of {', '.join(_MODELS)}")


OPENAI_STATIC = ChunkerSettings(tokens=800, overlap=400)
"""What OpenAI's vector stores take by default: https://platform.openai.com/docs/assistants/tools/file-search."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """`text` is the document's text from `begin` to `end`, in characters.

    `heading` is the path of the heading that it begins under («A > B»), `page` the page that it begins on. `sha256` is
    of the text alone, so that a chunk which only moved is the same one.
    """

    ordinal: int
    text: str
    begin: int
    end: int
    sha256: str
    heading: str | None = None
    page: int | None = None


def chunk(parsed: Parsed, settings: ChunkerSettings) -> list[Chunk]:
    """Cut a document at its headings, blocks, sentences or words, whichever still fit. Equal texts give equal chunks.

    No chunk is longer than the settings say, every character but white space is in one, and a fence of code that fits
    into one chunk is not cut. Some 2 million characters a second; a worker calls it in a thread (the GIL is released).
    """
    outline = outline_of(parsed.text) if parsed.kind.is_markup else Outline()
    spans = _spans(parsed, outline, settings)
    return [_chunk(parsed, outline, ordinal, span) for ordinal, span in enumerate(spans)]


def _spans(parsed: Parsed, outline: Outline, settings: ChunkerSettings) -> Iterator[Span]:
    text = parsed.text
    fits = _fits(text, settings)
    for begin, end in regions(text, outline):
        as_markdown = parsed.kind.is_markup and is_prose(text[begin:end])
        split = _split(text, settings, as_markdown)
        for span in FenceMender(text, (begin, end), outline, split, fits).mend():
            if not text[slice(*span)].isspace():  # the splitter and Python don't agree on what is white space
                yield span


def _split(text: str, settings: ChunkerSettings, as_markdown: bool) -> Callable[[int, int], list[Span]]:
    splits = _splitter(as_markdown, settings.tokenizer, settings.tokens, settings.overlap).chunk_indices

    def split(begin: int, end: int) -> list[Span]:
        return [(begin + offset, begin + offset + len(piece)) for offset, piece in splits(text[begin:end])]

    return split


def _fits(text: str, settings: ChunkerSettings) -> Callable[[int, int], bool]:
    """Whether a part of the text is within the limit: the splitter leaves such a part whole."""
    counter = _splitter(False, settings.tokenizer, settings.tokens, 0)
    return lambda begin, end: len(counter.chunks(text[begin:end])) <= 1


@lru_cache(maxsize=32)
def _splitter(as_markdown: bool, tokenizer: Tokenizer, tokens: int, overlap: int) -> TextSplitter | MarkdownSplitter:
    """Made once: to make one takes as long as to cut a page. It keeps nothing of what it cuts, and threads share it."""
    kind = MarkdownSplitter if as_markdown else TextSplitter
    return kind.from_tiktoken_model(_MODELS[tokenizer], tokens, overlap)


def _chunk(parsed: Parsed, outline: Outline, ordinal: int, span: Span) -> Chunk:
    begin, end = span
    text = parsed.text[begin:end]
    return Chunk(ordinal, text, begin, end, text_sha(text), outline.path_at(begin), parsed.page_at(begin))
