"""The catalogue's router section: what it may say, and in which line it is wrong."""

import pytest

from infra.catalog import CatalogError, parse_catalog
from infra.catalog.changes import changes
from infra.catalog.conditions import compiled

HEAD = """
providers: [{name: p, kind: openai, base_url: "http://127.0.0.1/"}]
models:
  - {name: m, deployments: [{name: p/m, provider: p, model: m}]}
  - {name: "g-*", deployments: [{name: p/g, provider: p, model: "{model}"}]}
router:
"""
LINE = HEAD.count("\n")


def loaded(section: str):
    return parse_catalog((HEAD + section).encode(), "here").catalog


def test_a_whole_section_is_read():
    catalog = loaded("""
  threshold: 0.5
  otherwise: chat
  classes:
    - {name: chat, examples: [hello you], models: [m, {model: g-1, canary: 0.05}], policy: cost}
    - {name: faq, examples: [where is it], instead: true, residency: local}
  aliases: [{name: cheap, policy: cost, models: [m]}]
  rules: [{name: long, when: "tokens > 10", class: chat}]
  confidential: [{tenant: acme, threshold: 0.8}]
  shadow: [m]
""")
    router = catalog.router
    assert [option.model for option in router.classes[0].models] == ["m", "g-1"]
    assert router.rules[0].to == "chat"
    assert (router.closeness("acme"), router.closeness("other")) == (0.8, None)
    assert catalog.knows("cheap")
    assert catalog.knows("auto:latency")
    assert not catalog.knows("autonomous")


def test_the_names_of_the_router_are_there_without_a_section_and_a_model_of_that_name_goes_first():
    plain = parse_catalog(HEAD.removesuffix("router:\n").encode(), "here").catalog
    assert plain.alias("auto") is not None
    taken = HEAD.removesuffix("router:\n").replace("name: m,", "name: auto,")
    assert parse_catalog(taken.encode(), "here").catalog.alias("auto") is None


@pytest.mark.parametrize(
    ("section", "line", "reason"),
    [
        ("  threshold: 2\n", 1, "less than or equal"),
        ("  classes:\n    - name: faq\n      models: [m, nobody]\n", 3, "nobody"),
        ("  classes:\n    - name: legal\n", 2, "needs examples"),
        ("  classes:\n    - name: faq\n      instead: true\n", 3, "no examples"),
        ("  rules:\n    - name: x\n      when: tokens >\n      class: faq\n", 3, "no condition"),
        ("  rules:\n    - name: x\n      when: __import__('os').system('ls')\n      class: faq\n", 3, "neither true"),
        ("  rules:\n    - name: x\n      when: 'true'\n      class: nobody\n", 4, "no class nobody"),
        ("  rules:\n    - name: x\n      when: 'true'\n", 2, "to one of them"),
        ("  rules:\n    - name: x\n      when: 'true'\n      models: [nobody]\n", 4, "nobody"),
        ("  aliases: [{name: m}]\n", 1, "a model already"),
        ("  aliases: [{name: a}, {name: a}]\n", 1, "twice"),
        ("  otherwise: nobody\n", 1, "no class nobody"),
        ("  classes:\n    - {name: faq, models: [{model: m, canary: 1.5}]}\n", 2, "less than 1"),
        ("  difficulty:\n    - tenant: a\n      weak: nobody\n      strong: m\n", 3, "nobody"),
        ("  difficulty: [{tenant: a, weak: m, strong: m, classes: [none]}]\n", 1, "no class none"),
        ("  confidential: [{tenant: acme, threshold: 0}]\n", 1, "greater than 0"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(section: str, line: int, reason: str):
    with pytest.raises(CatalogError, match=reason) as raised:
        loaded(section)
    assert raised.value.problems[0].line == LINE + line


def test_a_changed_section_is_told():
    before, after = loaded("  threshold: 0.5\n"), loaded("  threshold: 0.6\n")
    assert changes(before, after) == ["~ router section: threshold"]


FIELDS = {"tokens": 50, "has_code": True, "language": "de", "tools": 0, "tag.team": "x", "tenant": "acme"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("tokens > 49 and tokens <= 50", True),
        ("tokens > 50 or has_code", True),
        ("not has_code", False),
        ("has_code == false", False),
        ("language in ['de', 'fr']", True),
        ("language not in ('de',)", False),
        ("tag.team == 'x' and tag.other != 'x'", True),
        ("tag.other == 'x'", False),
        ("(tools > 0 or tenant == 'acme') and true", True),
        ("tokens > -1.5", True),
    ],
)
def test_a_condition_holds_or_not(text: str, holds: bool):
    assert compiled(text)(FIELDS) is holds


@pytest.mark.parametrize(
    "text",
    [
        *(
            "tokens",
            "1",
            "unknown > 1",
            "tokens > 'a'",
            "tokens > true",
            "has_code > 1",
            "language > 'a'",
            "1 < tokens < 3",
        ),
        *(
            "tokens + 1 > 2",
            "len(language) > 2",
            "lambda: true",
            "[x for x in 'a']",
            "tag['x'] == 'y'",
            "tag.a.b == 'c'",
        ),
        *("language in 'de'", "tokens.real > 1", "(" * 300, "not " * 120 + "has_code", "a" * 501, "\x00", "", "x := 1"),
        *(
            "tokens > 1 and " * 40 + "has_code",
            "has_code if has_code else has_code",
            "f'{tokens}' == '1'",
            "language is 'de'",
        ),
    ],
)
def test_what_is_no_condition_is_refused(text: str):
    with pytest.raises(ValueError, match=r"\w"):
        compiled(text)
