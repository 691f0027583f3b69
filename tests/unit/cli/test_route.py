"""`penstock route`: without a platform, on files of any origin."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.failures import CommandError
from cli.main import app
from cli.route.labelled import read_labelled
from workers.routing.confusion import Confusion

RUN = CliRunner()
PROMPTS = [("where is my order", "faq"), ("Write a Python function that adds two numbers", "code")]


def jsonl(folder: Path, prompts: list[tuple[str, str]] = PROMPTS) -> Path:
    file = folder / "prompts.jsonl"
    file.write_text("".join(json.dumps({"prompt": prompt, "label": label}) + "\n" for prompt, label in prompts))
    return file


def test_the_confusion_matrix_of_a_file_has_a_row_a_label(tmp_path: Path):
    ran = RUN.invoke(app, ["route", "eval", str(jsonl(tmp_path)), "--json", "--min", "1"])
    found = json.loads(ran.stdout)
    assert (ran.exit_code, found["accuracy"], found["prompts"]) == (0, 1, 2)
    assert found["matrix"] == {"faq": {"faq": 1, "code": 0}, "code": {"faq": 0, "code": 1}}
    assert found["classes"]["code"] == {"prompts": 1, "recall": 1, "precision": 1}


def test_less_than_is_asked_for_is_an_exit_status(tmp_path: Path):
    wrong = jsonl(tmp_path, [*PROMPTS, ("where is my parcel", "no-such-class")])
    ran = RUN.invoke(app, ["route", "eval", str(wrong), "--min", "0.7"])
    assert ran.exit_code == 1
    assert "accuracy 0.6667 of 3 prompts" in ran.stdout


def test_csv_with_other_names_is_read_too(tmp_path: Path):
    file = tmp_path / "mine.csv"
    file.write_text('utterance,kind\n"one, with\na line break",faq\n"two",code\n')
    assert read_labelled(file, "utterance", "kind") == [("one, with\na line break", "faq"), ("two", "code")]


@pytest.mark.parametrize("text", ['{"prompt": 1}', "[1]", "{", '{"label": "faq"}'])
def test_a_record_without_a_text_is_refused_by_its_place(tmp_path: Path, text: str):
    file = tmp_path / "wrong.jsonl"
    file.write_text(f'{{"prompt": "fine"}}\n{text}\n')
    with pytest.raises(CommandError, match=r"record 2|can't be read"):
        read_labelled(file)


def test_precision_and_recall_of_a_class_are_shares_of_what_was_taken_and_of_what_is():
    confusion = Confusion.of([("a", "a"), ("a", "a"), ("a", "b"), ("b", "b"), ("c", "b")])
    assert confusion.accuracy == pytest.approx(0.6)
    assert confusion.figures("a") == (3, pytest.approx(2 / 3), 1)
    assert confusion.figures("b") == (1, 1, pytest.approx(1 / 3))
    assert confusion.figures("c") == (1, 0, None)
    assert confusion.labels(["c", "a"]) == ["c", "a", "b"]


CATALOG = """
providers:
  - {name: p, kind: openai, base_url: "http://127.0.0.1/"}
  - {name: h, kind: openai, base_url: "http://127.0.0.1/", residency: local}
models:
  - {name: big, deployments: [{name: p/big, provider: p, model: m, prices: {input: 5, output: 10}}]}
  - {name: small, deployments: [{name: p/small, provider: p, model: m, prices: {input: 1, output: 1}}]}
  - {name: house, deployments: [{name: h/house, provider: h, model: m, prices: {input: 9, output: 9}}]}
router:
  rules: [{name: team, when: "tag.team == 'a'", models: [house, big]}]
"""


def explained(folder: Path, *arguments: str) -> dict[str, Any]:
    file = folder / "catalog.yaml"
    file.write_text(CATALOG)
    ran = RUN.invoke(app, ["route", "explain", *arguments, "--catalog", str(file), "--json"])
    assert ran.exit_code == 0, ran.output
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_a_decision_is_explained_without_a_platform(tmp_path: Path):
    found = explained(tmp_path, "where is my parcel")
    assert (found["route"], found["class"], found["models"]) == ("auto/faq/small", "faq", ["small", "big", "house"])
    assert found["confidence"] == max(found["probabilities"].values())
    local = explained(tmp_path, "where is my parcel", "--local")
    assert local["passed_over"] == [{"model": name, "reason": "residency"} for name in ("small", "big")]
    by_rule = explained(tmp_path, "where is my parcel", "--tags", "team=a")
    assert (by_rule["route"], by_rule["confidence"]) == ("auto/rule:team/house", None)


def test_training_tells_how_many_held_out_examples_are_right(tmp_path: Path):
    file = tmp_path / "examples.yaml"
    file.write_text("one: [red apple, red pear, red plum, red fig]\ntwo: [run fast, run far, run home, run now]\n")
    ran = RUN.invoke(app, ["route", "train", str(file), "--instead", "--dry-run"])
    assert (ran.exit_code, "of 8 prompts" in ran.stdout) == (0, True)


def test_training_wants_examples_or_a_reset():
    assert isinstance(RUN.invoke(app, ["route", "train"]).exception, CommandError)


def test_two_catalogues_are_compared_on_recorded_prompts(tmp_path: Path):
    one, other, traffic = (tmp_path / name for name in ("a.yaml", "b.yaml", "prompts.jsonl"))
    one.write_text(CATALOG)
    other.write_text(CATALOG + "  classes: [{name: code, models: [small]}]\n")
    prompts = ["where is my parcel", "Write a Python function that reverses a list", "Write a Rust function that sorts"]
    traffic.write_text("".join(json.dumps({"prompt": prompt}) + "\n" for prompt in prompts))
    ran = RUN.invoke(app, ["route", "compare", str(one), str(other), "--traffic", str(traffic), "--json"])
    found = json.loads(ran.stdout)
    assert (found["prompts"], found["moved"]) == (3, 2)
    assert found["a"]["shares"] == {"house": pytest.approx(0.6667), "small": pytest.approx(0.3333)}
    assert found["b"]["shares"] == {"small": 1}
    assert Decimal(found["difference_usd"]) < 0
    shown = RUN.invoke(app, ["route", "compare", str(one), str(other), "--traffic", str(traffic)])
    assert "2 of 3 prompts go to another model" in shown.stdout


def test_the_curve_of_judged_pairs_is_shown(tmp_path: Path):
    easy = [{"prompt": f"where is parcel number {n}", "weak": 1, "strong": True} for n in range(12)]
    hard = [{"prompt": f"Prove that {n} x + 1 has an inverse modulo 7.", "weak": False, "strong": 1} for n in range(12)]
    file = tmp_path / "pairs.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in (*easy, *hard)))
    ran = RUN.invoke(app, ["route", "eval", str(file), "--difficulty", "--json"])
    found = json.loads(ran.stdout)
    assert found["curve"][0]["quality"] == 0.5
    assert found["needs"]["95%"]["strong_calls"] < found["needs"]["95%"]["by_chance"]
    file.write_text('{"prompt": "x", "weak": 2, "strong": 1}\n')
    assert "line 1" in str(RUN.invoke(app, ["route", "train", str(file), "--difficulty"]).exception)
