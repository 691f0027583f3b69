"""Rules that take keys and personal text out of what is written down.

Those for secrets apply to every log line. All of them, and those that an operator adds, apply to captured prompts and
answers. A rule can't know every secret: not to write content down at all is the safe setting, and the default.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from infra.settings import SettingsError

_CUT = 1000
"""Characters beyond what is kept that are read as well, so that no secret is cut in two and then not known as one."""

SECRETS = {
    "key": r"psk_[0-9a-zA-Z]+_[0-9a-zA-Z_-]{8,}|\b(?:sk|rk|pk)-[0-9a-zA-Z_-]{12,}|\bgsk_[0-9a-zA-Z]{20,}"
    r"|\bAIza[0-9a-zA-Z_-]{30,}|\b(?:AKIA|ASIA)[0-9A-Z]{16}|\bgh[pousr]_[0-9a-zA-Z]{30,}|\bhf_[0-9a-zA-Z]{30,}"
    r"|\bxox[abeprs]-[0-9a-zA-Z-]{10,}",
    "seed": r"S[UAOCNX][A-Z2-7]{56}",
    "token": r"\beyJ[0-9a-zA-Z_-]{8,}\.[0-9a-zA-Z_-]{8,}(?:\.[0-9a-zA-Z_-]*)?"
    r"|\b(?i:bearer|basic)\s+[0-9a-zA-Z._~+/=-]{8,}",
    "private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    "password": r"(?<=://)[^/\s:@\"]*:[^/\s@\"]+(?=@)"
    r"|\b(?i:password|passwd|secret|api[_-]?key|access[_-]?token)\b\\?[\"']?\s*[:=]\s*\\?[\"']?[^\s\"'\\,;}]{4,}",
}
_MARKS = {
    "key": [
        "psk_",
        "sk-",
        "rk-",
        "pk-",
        "gsk_",
        "aiza",
        "akia",
        "asia",
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
        "hf_",
        "xox",
    ],
    "token": ["eyj", "bearer", "basic"],
    "private key": ["private key"],
    "password": [
        "@",
        "password",
        "passwd",
        "secret",
        "api_key",
        "api-key",
        "apikey",
        "access_token",
        "access-token",
        "accesstoken",
    ],
}
"""In lower case, what a find has at least one of: to look for these costs a log line 30 µs, the expressions 470 µs."""
PERSONAL = {
    "e-mail": r"[0-9a-zA-Z._%+-]+@[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)+",
    "iban": r"\b[A-Z]{2}\d{2}(?: ?[0-9A-Z]{4}){2,7}(?: ?[0-9A-Z]{1,3})?\b",
    "card": r"\b\d(?:[ -]?\d){12,18}\b",
    "social security number": r"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)",
    "phone": r"(?<![0-9a-zA-Z])(?:\+|00)\d(?:[ ()./-]{0,2}\d){6,14}(?!\d)"
    r"|(?<!\d)\(?0\d{1,4}\)?[ /-]\d(?:[ -]?\d){4,9}(?!\d)"
    r"|(?<!\d)\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?!\d)",
}


def luhn(text: str) -> bool:
    """Whether the digits have the check digit of a payment card (ISO/IEC 7812-1)."""
    digits = [int(each) for each in text if each.isdigit()][::-1]
    return (sum(digits[::2]) + sum(sum(divmod(2 * each, 10)) for each in digits[1::2])) % 10 == 0


def iban(text: str) -> bool:
    """Whether the check digits are an IBAN's (ISO 13616: the rearranged number leaves 1 when divided by 97)."""
    compact = text.replace(" ", "")
    return int("".join(str(int(each, 36)) for each in compact[4:] + compact[:4])) % 97 == 1


_CHECKS: dict[str, Callable[[str], bool]] = {"card": luhn, "iban": iban}


@dataclass(frozen=True, slots=True)
class Rule:
    """What is taken out, by the name that takes its place."""

    name: str
    pattern: re.Pattern[str]
    marks: tuple[str, ...] = ()

    def apply(self, text: str) -> str:
        """The text with `[name]` for each find."""
        if self.marks and not _has_any(text.lower(), self.marks):
            return text
        check = _CHECKS.get(self.name)
        return self.pattern.sub(lambda found: f"[{self.name}]" if not check or check(found[0]) else found[0], text)


def _has_any(text: str, marks: tuple[str, ...]) -> bool:
    return any(mark in text for mark in marks)


def _rules(patterns: dict[str, str]) -> tuple[Rule, ...]:
    return tuple(
        Rule(name, re.compile(pattern, re.DOTALL), tuple(_MARKS.get(name, ()))) for name, pattern in patterns.items()
    )


_SECRET_RULES, _PERSONAL_RULES = _rules(SECRETS), _rules(PERSONAL)


class Redactor:
    """All built-in rules and those of an operator."""

    def __init__(self, more: Iterable[Rule] = ()) -> None:
        self._rules = (*more, *_SECRET_RULES, *_PERSONAL_RULES)

    def redact(self, text: str, most: int) -> str:
        """At most `most` characters of a text, and `…` where it goes on."""
        found = text[: most + _CUT]
        for rule in self._rules:
            found = rule.apply(found)
        return found if len(found) <= most and len(text) <= most + _CUT else f"{found[:most]}…"


def without_secrets(text: str) -> str:
    """The same with the names of what keys, tokens and passwords it had."""
    for rule in _SECRET_RULES:
        text = rule.apply(text)
    return text


def read_rules(path: Path) -> tuple[Rule, ...]:
    """Rules out of a YAML file, a name and a regular expression each. Raises `SettingsError` where it has others."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"PENSTOCK_REDACTION_RULES is not usable: {path} can't be read: {error}.") from None
    if not isinstance(found, dict):
        raise SettingsError(f"PENSTOCK_REDACTION_RULES is not usable: {path} holds no names with expressions.")
    rules = []
    for name, pattern in found.items():
        try:
            rules.append(Rule(str(name), re.compile(str(pattern), re.DOTALL)))
        except re.error as error:
            message = f"PENSTOCK_REDACTION_RULES is not usable: the expression of {name} is none: {error}."
            raise SettingsError(message) from None
    return tuple(rules)
