"""A catalogue that is wrong is refused with each line that is; and no text, however mean, does more than that."""

import pytest

from infra.catalog import CatalogError, EntryError, parse_catalog
from infra.settings import SettingsError

GOOD = """\
providers:
  - name: one
    kind: openai
    base_url: http://127.0.0.1:1/v1
models:
  - name: first
    deployments:
      - {name: one/first, provider: one, model: real,
         weight: 2}
      - name: one/second
        provider: one
        model: real
        prices:
          input: "1"
          output: "2"
  - name: second
    deployments: [{name: one/third, provider: one, model: real}]
    fallbacks:
      - first
"""
ALIASES = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{of}'] * 10)}]\n" for of, name in zip("abcdef", "bcdefg", strict=True)
)


def problems(text: str | bytes) -> list[tuple[int, str]]:
    with pytest.raises(CatalogError) as caught:
        parse_catalog(text if isinstance(text, bytes) else text.encode(), "models.yaml")
    return [(problem.line, problem.place) for problem in caught.value.problems]


def test_the_text_that_the_others_spoil_is_good():
    assert [model.name for model in parse_catalog(GOOD.encode(), "models.yaml").catalog.models] == ["first", "second"]


@pytest.mark.parametrize(
    ("old", "new", "line", "place"),
    [
        ("kind: openai", "kind: telepathy", 3, "providers.0.kind"),
        ("    kind: openai\n", "", 2, "providers.0.kind"),
        ("http://127.0.0.1:1/v1", "\n      nowhere", 5, "providers.0.base_url"),
        ("weight: 2", "weight: 0", 9, "models.0.deployments.0.weight"),
        ("weight: 2", "weight: .inf", 9, "models.0.deployments.0.weight"),
        ("weight: 2", "weight: .nan", 9, "models.0.deployments.0.weight"),
        ("weight: 2", "wieght: 2", 9, "models.0.deployments.0.wieght"),
        ('output: "2"', 'output: "-2"', 15, "models.0.deployments.1.prices.output"),
        ("        provider: one", "        provider: two", 11, "models.0.deployments.1.provider"),
        ("one/third", "one/first", 17, "models.1.deployments.0.name"),
        ("  - name: second", "  - name: first", 16, "models.1.name"),
        ("      - first", "      - nobody", 19, "models.1.fallbacks.0"),
        ("models:\n", "models: []\nmore:\n", 5, "models"),
        ("    kind: openai", "    kind: openai\n    api_key_env: PENSTOCK_DATABASE_URL", 4, "providers.0.api_key_env"),
        ("    kind: openai", "    kind: openai\n    name: again", 4, "name"),
    ],
)
def test_a_wrong_entry_is_told_with_its_line(old: str, new: str, line: int, place: str):
    assert GOOD.count(old) == 1
    assert (line, place) in problems(GOOD.replace(old, new))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("providers: {", 1),
        ("providers:\n  - name: 'one\n", 3),
        ("providers:\n\t- name: one\n", 2),
        ("providers: *nobody\n", 1),
        ("providers: []\n---\nmodels: []\n", 2),
        ("providers: []\nmodels: \x01\n", 2),
        (b"providers: []\nmodels: \xff\n", 2),
        ("providers: []\nmodels: 2025-13-41\n", 2),
        ("providers: []\nmodels: !!bool perhaps\n", 2),
        ("providers: []\nmodels: !!python/name:os.system\n", 2),
        ("? [a]\n: b\n", 1),
    ],
)
def test_what_is_no_yaml_is_told_with_its_line(text: str | bytes, line: int):
    assert problems(text) == [(line, "")]


@pytest.mark.parametrize("text", ["", "# nothing\n", "- one\n", "one\n", "[" * 100_000, "a: &a [*a]\n", ALIASES])
def test_what_is_no_catalogue_at_all_is_refused_too(text: str):
    assert problems(text) == [(1, "the file")] or text == ALIASES
    with pytest.raises(CatalogError):
        parse_catalog(text.encode(), "models.yaml")


def test_every_wrong_line_is_told_and_the_first_one_first():
    with pytest.raises(CatalogError) as caught:
        parse_catalog(GOOD.replace("weight: 2", "weight: 0").replace("kind: openai", "kind: x").encode(), "models.yaml")
    assert [problem.line for problem in caught.value.problems] == [3, 9]
    sentence = str(caught.value)
    assert sentence.startswith("the model catalogue models.yaml is wrong in line 3 (providers.0.kind): ")
    assert sentence.endswith(" It is wrong in 2 places.")


def test_what_is_merged_in_has_the_line_on_which_it_stands():
    merged = GOOD.replace("one/third, provider: one, model: real", "one/third, <<: *shared").replace(
        "      - name: one/second\n        provider: one",
        "      - &shared\n        name: one/second\n        provider: two",
    )
    assert problems(merged) == [(12, "models.0.deployments.1.provider")]


def test_a_catalogue_of_more_than_a_mebibyte_is_refused():
    with pytest.raises(SettingsError, match="too large"):
        parse_catalog(GOOD.encode() + b"#" * 1024 * 1024, "models.yaml")


def test_a_later_refusal_finds_its_line_too():
    loaded = parse_catalog(GOOD.encode(), "models.yaml")
    refused = loaded.refused(EntryError("no key", ("providers", 0, "api_key_env")))
    assert str(refused) == "the model catalogue models.yaml is wrong in line 2 (providers.0.api_key_env): no key."


SECOND = "models.0.deployments.1.prices.1"
TIER = f"{SECOND}.tiers.0.above"
DATED = GOOD.replace(
    '        prices:\n          input: "1"\n          output: "2"\n',
    '        prices:\n          - {input: "1", output: "2"}\n'
    '          - from: 2026-09-01T12:00:00Z\n            input: "3"\n',
)


@pytest.mark.parametrize(
    ("old", "new", "line", "place"),
    [
        ('            input: "3"', '            input: "-3"', 16, f"{SECOND}.input"),
        (
            '            input: "3"',
            '            input: "3"\n            inptu: "3"',
            17,
            "models.0.deployments.1.prices.1.inptu",
        ),
        ("2026-09-01T12:00:00Z", "2026-09-01T12:00:00", 15, f"{SECOND}.from"),
        ("2026-09-01T12:00:00Z", "tomorrow", 15, f"{SECOND}.from"),
        ("from: 2026-09-01T12:00:00Z", 'output: "2"', 13, "models.0.deployments.1.prices"),
        (
            '            input: "3"',
            '            input: "3"\n            tiers: [{above: 0, input: "1"}]',
            17,
            f"{SECOND}.tiers.0.above",
        ),
    ],
)
def test_a_wrong_price_is_told_with_its_line(old: str, new: str, line: int, place: str):
    assert problems(DATED.replace(old, new))[0] == (line, place)


def test_prices_that_hold_from_a_day_on_are_good():
    deployment = parse_catalog(DATED.encode(), "models.yaml").catalog.deployments()["one/second"]
    assert isinstance(deployment.prices, tuple)
    assert [str(prices.since) for prices in deployment.prices] == ["None", "2026-09-01 12:00:00+00:00"]
