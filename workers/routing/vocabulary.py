"""Words and marks that tell kinds of text apart. They are the field's common ones; what they weigh is learnt."""

from enum import IntEnum


class Kind(IntEnum):
    """What a word counts as."""

    TERM = 0
    NUMBER = 1
    NUMBER_WORD = 2
    QUANTITY = 3
    MATHS = 4
    LOGIC = 5
    WRITING = 6
    OURS = 7
    MINE = 8
    IDENTIFIER = 9


_WORDS = {
    Kind.TERM: """
        python java javascript typescript golang rust haskell kotlin ruby php perl bash shell sql postgres postgresql
        mysql sqlite mongodb redis html css json yaml xml regex git github docker dockerfile kubernetes linux numpy
        pandas pytest npm pip api cli function functions method class classes array arrays string strings boolean tuple
        tuples dict hashmap struct pointer loop loops recursive recursion algorithm script query compile compiler debug
        refactor bug module framework runtime def import return lambda async await const elif none null true false
        std endl println printf typeerror valueerror keyerror exception traceback stacktrace""",
    Kind.NUMBER_WORD: """
        one two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty fifty hundred
        thousand dozen half third thirds quarter quarters fifth twice thrice double triple times""",
    Kind.QUANTITY: """
        many much total altogether each every per remaining remain left rest average more fewer less percent percentage
        ratio sum difference product equally least most combined probability""",
    Kind.MATHS: """
        prove proof theorem lemma equation equations integer integers integral derivative polynomial triangle circle
        radius perimeter matrix divisible prime primes solve evaluate compute determine derive converge converges
        sequence suppose frac sqrt cdot angle let""",
    Kind.LOGIC: """
        step steps reason reasoning conclude conclusion conclusions premise premises follows therefore constraint
        constraints optimal justify assumption assumptions plan schedule strategy weigh trade tradeoff logically""",
    Kind.WRITING: """
        write draft compose rewrite rephrase paraphrase summarise summarize summary translate essay poem story letter
        email article paragraph blog speech explain describe discuss compare imagine suggest brainstorm outline""",
    Kind.OURS: """
        our internal internally confidential company company's handbook memo minutes board policy contract contracts
        intranet guideline guidelines document documents attached department according""",
    Kind.MINE: "i i'm i've i'd i'll my me mine",
}
KINDS = {word: kind for kind, words in _WORDS.items() for word in words.split()}
"""A word in lower case to its kind; a word of two kinds is of the first."""

OPENERS = frozenset(
    "what what's how why who when where which is are do does can could will would".split()  # noqa: SIM905 - reads better
)
"""Words with which a question begins."""

CODE_MARKS = ("()", "->", "=>", "==", "!=", "&&", "||", "::", ") {", "){", "};", ";\n", ">>>", "'''", '"""', "Error:")
CODE_STARTS = (
    *(
        "def ",
        "async def ",
        "class ",
        "import ",
        "from __future__",
        "return ",
        "elif ",
        "else:",
        "try:",
        "except ",
        "@",
    ),
    *("fn ", "func ", "function ", "const ", "let ", "var ", "public ", "private ", "static ", "package ", "using "),
    *("namespace ", "template", "struct ", "interface ", "enum ", "#include", "#!", "//", "/*", "<?php", "$ "),
    *("SELECT ", "INSERT INTO", "UPDATE ", "DELETE FROM", "CREATE TABLE", "Traceback (most recent", "}", "# "),
)
"""How a line of code begins, without its indent."""
MATHS_MARKS = ("\\", "$", "=", "^", "≤", "≥", "≠", "∑", "∫", "√", "π")
