"""Where the secrets of NATS lie, each in a file that only its owner may read."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class NatsAuthFiles:
    """One directory. `accounts` is the server's own: what it has been told of tenants, revocations included."""

    path: Path

    @property
    def operator_seed(self) -> Path:
        """The secret that everything else is made from; the server never sees it."""
        return self.path / "operator.seed"

    @property
    def service_creds(self) -> Path:
        """For Penstock's own processes."""
        return self.path / "service.creds"

    @property
    def server_config(self) -> Path:
        """What the server's configuration includes."""
        return self.path / "server.conf"

    @property
    def account(self) -> Path:
        """The public key of Penstock's account: the server's name for it."""
        return self.path / "penstock.account"

    @property
    def accounts(self) -> Path:
        return self.path / "accounts"

    def tenant_creds(self, tenant: str) -> Path:
        """For one tenant's producers."""
        return self.path / f"{tenant}.creds"
