"""Makes what a NATS server and Penstock's processes need: safe to run again, and to be run again by a later version."""

import json
from pathlib import Path

from infra.embedded.datadir import write_private
from infra.nats_auth.files import NatsAuthFiles
from infra.nats_auth.nkeys import KeyPair, Kind, NKeyError
from infra.nats_auth.operator import Operator
from infra.nats_auth.tokens import CredsError, claims_of, read_creds
from infra.settings import SettingsError

_CONFIG = """\
# Written by penstock nats-auth: include it in the configuration of every server. There is no secret in it.
operator: {operator}
system_account: {system}
resolver {{
  type: full
  dir: {accounts}
}}
resolver_preload {{
  {system}: {system_token}
  {penstock}: {penstock_token}
}}
"""


def generate(files: NatsAuthFiles, accounts: Path | None = None) -> Operator:
    """Write what is missing, and what this version says otherwise. Raises `SettingsError`, `OSError`.

    `accounts` is the directory in which the server keeps the accounts, as the server sees it.
    """
    files.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not files.operator_seed.exists():
        write_private(files.operator_seed, KeyPair.new(Kind.OPERATOR).seed + "\n")
    operator = read_operator(files.operator_seed)
    if not _is_ours(files.service_creds, operator):
        write_private(files.service_creds, operator.service_creds().text())
    write_private(files.account, operator.penstock.public + "\n")
    text = _CONFIG.format(
        operator=operator.operator_token(),
        accounts=json.dumps(str(accounts or files.accounts.absolute())),
        system=operator.system.public,
        system_token=operator.system_token(),
        penstock=operator.penstock.public,
        penstock_token=operator.penstock_token(),
    )
    write_private(files.server_config, text)
    return operator


def read_operator(path: Path) -> Operator:
    """The operator whose seed lies there. Raises `SettingsError`, `OSError`."""
    try:
        key = KeyPair.from_seed(path.read_text(encoding="ascii", errors="replace"))
    except NKeyError as error:
        raise SettingsError(f"{path} holds no operator's seed: {error}.") from None
    if key.kind is not Kind.OPERATOR:
        raise SettingsError(f"{path} holds the seed of something other than an operator.")
    return Operator(key)


def _is_ours(creds: Path, operator: Operator) -> bool:
    try:
        claims = claims_of(read_creds(creds.read_text(encoding="ascii")).token)
    except (FileNotFoundError, CredsError, ValueError):
        return False
    return bool(claims.get("iss") == operator.penstock.public)
