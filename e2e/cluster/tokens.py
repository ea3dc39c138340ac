"""Tokens of ServiceAccounts, from the API server's TokenRequest: what a kubelet would mount into the pod."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio

LIFETIME_SECONDS: Final = 3600
"""As a kubelet asks for."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """Asks for tokens as the administrator."""

    kubectl: Path
    kubeconfig: Path

    async def issue(self, namespace: str, service_account: str) -> bytes:
        """Return a new token; a refusal raises CalledProcessError."""
        done = await anyio.run_process(
            [
                str(self.kubectl),
                f"--kubeconfig={self.kubeconfig}",
                f"--namespace={namespace}",
                "create",
                "token",
                service_account,
                f"--duration={LIFETIME_SECONDS}s",
            ]
        )
        return done.stdout.strip()
