"""Which kind of file this is: by its name, else by its media type, else by what it looks like."""

from pathlib import PurePosixPath

from ingestion.parsing.errors import UnparsableCode, UnparsableError
from ingestion.parsing.parsed import Kind

LANGUAGES = {
    "bash": "shell", "bat": "batch", "c": "c", "cc": "cpp", "cfg": "ini", "clj": "clojure", "cpp": "cpp",
    "cs": "csharp", "css": "css", "cxx": "cpp", "dart": "dart", "erl": "erlang", "ex": "elixir",
    "exs": "elixir", "fs": "fsharp", "go": "go", "gradle": "groovy", "groovy": "groovy", "h": "c", "hcl": "hcl",
    "hh": "cpp", "hpp": "cpp", "hs": "haskell", "ini": "ini", "java": "java", "jl": "julia", "js": "javascript",
    "json": "json", "jsonl": "json", "jsx": "javascript", "kt": "kotlin", "kts": "kotlin", "less": "less", "lua": "lua",
    "m": "objective-c", "mjs": "javascript", "ml": "ocaml", "mm": "objective-c", "nix": "nix",
    "php": "php", "pl": "perl", "pm": "perl", "proto": "protobuf", "ps1": "powershell", "py": "python",
    "pyi": "python", "r": "r", "rb": "ruby", "rs": "rust", "sass": "sass", "scala": "scala", "scss": "scss",
    "sh": "shell", "sql": "sql", "svelte": "svelte", "swift": "swift", "tex": "tex", "tf": "hcl", "toml": "toml",
    "ts": "typescript", "tsx": "typescript", "vue": "vue", "xml": "xml", "yaml": "yaml", "yml": "yaml", "zig": "zig",
    "zsh": "shell",
}  # fmt: skip
"""The language of code by the extension of its file."""

_WHOLE_NAMES = {"dockerfile": "dockerfile", "makefile": "make"}

_EXTENSIONS = {
    "txt": Kind.TEXT,
    "text": Kind.TEXT,
    "log": Kind.TEXT,
    "rst": Kind.TEXT,
    "adoc": Kind.TEXT,
    "csv": Kind.TEXT,
    "tsv": Kind.TEXT,
    "md": Kind.MARKDOWN,
    "markdown": Kind.MARKDOWN,
    "mdx": Kind.MARKDOWN,
    "html": Kind.HTML,
    "htm": Kind.HTML,
    "xhtml": Kind.HTML,
    "pdf": Kind.PDF,
    "docx": Kind.DOCX,
    "pptx": Kind.PPTX,
}
_OPEN_XML = "application/vnd.openxmlformats-officedocument."
_MEDIA_TYPES = {
    "text/markdown": Kind.MARKDOWN,
    "text/x-markdown": Kind.MARKDOWN,
    "text/html": Kind.HTML,
    "application/xhtml+xml": Kind.HTML,
    "application/pdf": Kind.PDF,
    _OPEN_XML + "wordprocessingml.document": Kind.DOCX,
    _OPEN_XML + "presentationml.presentation": Kind.PPTX,
    "application/json": Kind.CODE,
    "application/javascript": Kind.CODE,
    "application/typescript": Kind.CODE,
    "application/xml": Kind.CODE,
    "application/yaml": Kind.CODE,
    "application/x-sh": Kind.CODE,
    "text/javascript": Kind.CODE,
}


def kind_of(name: str, media_type: str | None, content: bytes) -> Kind:
    """Raises `UnparsableError` (`unsupported_type`) for what is none of the kinds.

    The name counts most: browsers and SDKs send whatever media type their machine has registered for it, or none.
    """
    known = Kind.CODE if language_of(name) else _EXTENSIONS.get(extension_of(name))
    return known or _kind_of_media_type(media_type) or _kind_of_content(name, content)


def language_of(name: str) -> str | None:
    """The programming language that the name of a file tells."""
    return LANGUAGES.get(extension_of(name)) or _WHOLE_NAMES.get(_path(name).name.lower())


def extension_of(name: str) -> str:
    """In lower case and without its dot; empty where there is none."""
    return _path(name).suffix.removeprefix(".").lower()


def _path(name: str) -> PurePosixPath:
    return PurePosixPath(name.replace("\\", "/"))


def _kind_of_media_type(media_type: str | None) -> Kind | None:
    essence = (media_type or "").split(";")[0].strip().lower()
    if essence.startswith("text/x-"):
        return _MEDIA_TYPES.get(essence, Kind.CODE)
    return _MEDIA_TYPES.get(essence, Kind.TEXT if essence.startswith("text/") else None)


def _kind_of_content(name: str, content: bytes) -> Kind:
    if content.startswith(b"%PDF-"):
        return Kind.PDF
    if b"\0" in content[:8192] and not content.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")):
        what = f"«.{extension_of(name)}»" if extension_of(name) else "this"
        message = f"{what} is no type of file that can be parsed"
        raise UnparsableError(UnparsableCode.UNSUPPORTED_TYPE, message)
    return Kind.TEXT
