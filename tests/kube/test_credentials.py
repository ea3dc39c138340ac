import json
import ssl
import stat
import sys
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from kubernetes_asyncio.client import Configuration

from foosets.kube.credentials import (
    REFRESH_SECONDS,
    RENEWAL_PAUSE_SECONDS,
    Credentials,
    KubeconfigFile,
    ServiceAccount,
    find_origin,
)
from foosets.kube.errors import NotConfigured
from tests.kube.loopback import Authority, kubeconfig
from tests.virtualtime import in_virtual_time


def service_account(folder: Path) -> ServiceAccount:
    (folder / "token").write_text("first\n")
    (folder / "ca.crt").write_bytes(Authority(folder, "one").pem)
    environ = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    return ServiceAccount(str(folder / "token"), str(folder / "ca.crt"), environ)


def plugin(folder: Path, **credential: str) -> dict[str, object]:
    """Return a kubeconfig user whose exec plugin counts its calls and puts the count into the token."""
    script = folder / "plugin"
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": credential}
    script.write_text(
        f"#!{sys.executable}\n"
        "import json, pathlib\n"
        f"calls = pathlib.Path({str(folder / 'calls')!r})\n"
        "calls.write_text(str(int(calls.read_text() or 0) + 1) if calls.exists() else '1')\n"
        f"answer = json.loads({json.dumps(json.dumps(answer))})\n"
        "answer['status']['token'] = 'token-' + calls.read_text()\n"
        "print(json.dumps(answer))\n"
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(script)}}


def test_the_library_still_has_what_we_take_from_it() -> None:
    """The whole surface that `credentials` reads; a failure here means that the library has changed it."""
    expected = {"host", "api_key", "ssl_ca_cert", "cert_file", "key_file", "verify_ssl", "tls_server_name", "proxy"}
    missing = {name for name in expected if not hasattr(Configuration(), name)}
    assert not missing, f"kubernetes_asyncio.client.Configuration no longer has {missing}"


@pytest.mark.parametrize(
    ("named", "environ", "expected"),
    [
        ("/a", {"KUBECONFIG": "/b", "KUBERNETES_SERVICE_HOST": "h"}, "/a"),
        (None, {"KUBECONFIG": "/b", "KUBERNETES_SERVICE_HOST": "h"}, "/b"),
        (None, {}, str(Path.home() / ".kube" / "config")),
    ],
)
def test_the_kubeconfig_is_chosen_as_kubectl_chooses(named: str | None, environ: dict[str, str], expected: str) -> None:
    origin = find_origin(named, environ)
    assert isinstance(origin, KubeconfigFile)
    assert origin.path == expected


def test_in_a_pod_the_service_account_is_chosen() -> None:
    assert isinstance(find_origin(None, {"KUBERNETES_SERVICE_HOST": "h"}), ServiceAccount)


async def test_a_service_account_is_read(tmp_path: Path) -> None:
    credentials = await Credentials.load(service_account(tmp_path))
    assert credentials.server == "https://[fd00::1]:443"
    assert credentials.authorization == "Bearer first"
    assert isinstance(credentials.tls, ssl.SSLContext)
    assert len(credentials.tls.get_ca_certs()) == 1


@pytest.mark.parametrize(
    ("user", "authorization"),
    [
        ({"token": "t"}, "Bearer t"),
        ({"username": "u", "password": "p"}, "Basic dTpw"),
        ({"as": "nobody"}, ""),
    ],
)
async def test_a_kubeconfig_user_becomes_a_header(tmp_path: Path, user: dict[str, str], authorization: str) -> None:
    credentials = await Credentials.load(KubeconfigFile(kubeconfig(tmp_path, "http://127.0.0.1:1/", user=user)))
    assert (credentials.server, credentials.authorization) == ("http://127.0.0.1:1", authorization)


def two_contexts(folder: Path) -> str:
    """Return a kubeconfig of two clusters; the context that is not current has a namespace."""
    path = Path(kubeconfig(folder, "http://127.0.0.1:1"))
    content = json.loads(path.read_text())
    content["clusters"].append({"name": "other", "cluster": {"server": "http://127.0.0.1:2"}})
    content["contexts"].append({"name": "other", "context": {"cluster": "other", "user": "it", "namespace": "shop"}})
    path.write_text(json.dumps(content))
    return str(path)


@pytest.mark.parametrize(
    ("context", "server", "namespace"),
    [(None, "http://127.0.0.1:1", ""), ("other", "http://127.0.0.1:2", "shop")],
)
async def test_a_context_says_which_server_and_which_namespace(
    tmp_path: Path, context: str | None, server: str, namespace: str
) -> None:
    credentials = await Credentials.load(find_origin(two_contexts(tmp_path), {}, context))
    assert (credentials.server, credentials.namespace) == (server, namespace)


async def test_a_context_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match="third"):
        await Credentials.load(find_origin(two_contexts(tmp_path), {}, "third"))


def test_who_names_a_context_in_a_pod_means_a_file() -> None:
    origin = find_origin(None, {"KUBERNETES_SERVICE_HOST": "h"}, "other")
    assert origin == KubeconfigFile(str(Path.home() / ".kube" / "config"), "other")


async def test_a_pod_is_in_the_namespace_that_is_mounted_into_it(tmp_path: Path) -> None:
    account = replace(service_account(tmp_path), namespace_file=str(tmp_path / "namespace"))
    assert (await Credentials.load(account)).namespace == ""
    (tmp_path / "namespace").write_text("shop\n")
    assert (await Credentials.load(account)).namespace == "shop"


async def test_a_client_certificate_is_presented_and_verification_follows_the_file(tmp_path: Path) -> None:
    chain = str(Authority(tmp_path, "one").chain)
    user = {"client-certificate": chain, "client-key": chain}
    path = kubeconfig(tmp_path, "https://127.0.0.1:1", user=user, cluster={"insecure-skip-tls-verify": True})
    credentials = await Credentials.load(KubeconfigFile(path))
    assert isinstance(credentials.tls, ssl.SSLContext)
    assert credentials.tls.verify_mode == ssl.CERT_NONE
    assert credentials.authorization == ""


@pytest.mark.parametrize("content", [None, "", "{}", "[: not yaml", '{"current-context": "x", "contexts": []}'])
async def test_without_a_usable_configuration_nothing_starts(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_text(content)
    with pytest.raises(NotConfigured, match="kubeconfig"):
        await Credentials.load(KubeconfigFile(str(path)))


def test_a_token_file_is_read_again_after_a_minute(tmp_path: Path) -> None:
    async def main() -> None:
        (tmp_path / "token").write_text("first")
        path = kubeconfig(tmp_path, "http://127.0.0.1:1", user={"tokenFile": str(tmp_path / "token")})
        credentials = await Credentials.load(KubeconfigFile(path))
        (tmp_path / "token").write_text("second")
        assert not credentials.stale()
        await anyio.sleep(REFRESH_SECONDS)
        assert credentials.stale()
        before = credentials.generation
        await credentials.refresh()
        assert (credentials.authorization, credentials.generation) == ("Bearer second", before + 1)

    in_virtual_time(main)


@pytest.mark.parametrize("rotating", ["", "\n", None])
async def test_a_token_file_that_is_being_rotated_keeps_the_old_token(tmp_path: Path, rotating: str | None) -> None:
    credentials = await Credentials.load(service_account(tmp_path))
    before = credentials.generation
    (tmp_path / "token").unlink() if rotating is None else (tmp_path / "token").write_text(rotating)
    await credentials.refresh()
    assert (credentials.authorization, credentials.generation) == ("Bearer first", before)
    (tmp_path / "token").write_text("second")
    await credentials.refresh()
    assert credentials.authorization == "Bearer second"


async def test_a_changed_ca_file_makes_a_new_context_and_an_unchanged_one_does_not(tmp_path: Path) -> None:
    credentials = await Credentials.load(service_account(tmp_path))
    first = credentials.tls
    await credentials.refresh()
    assert credentials.tls is first
    (tmp_path / "ca.crt").write_bytes(Authority(tmp_path, "two").pem + Authority(tmp_path, "three").pem)
    await credentials.refresh()
    assert isinstance(credentials.tls, ssl.SSLContext)
    assert len(credentials.tls.get_ca_certs()) == 2


async def test_half_a_ca_file_keeps_the_old_context(tmp_path: Path) -> None:
    credentials = await Credentials.load(service_account(tmp_path))
    first = credentials.tls
    (tmp_path / "ca.crt").write_text("-----BEGIN CERTIFICATE-----\nMIIB")
    await credentials.refresh()
    assert credentials.tls is first
    assert credentials.failures == 1


class Dispenser:
    """Gives out a new token at every reading."""

    def __init__(self) -> None:
        self.readings = 0

    async def read(self, *, afresh: bool) -> Configuration:
        assert afresh
        self.readings += 1
        configuration = Configuration()
        configuration.api_key["BearerToken"] = f"Bearer token-{self.readings}"
        return configuration

    def namespace(self) -> str:
        return ""


def test_a_refused_token_is_read_again_once_and_not_in_a_storm() -> None:
    async def main() -> None:
        dispenser = Dispenser()
        credentials = await Credentials.load(dispenser)
        refused = credentials.generation
        assert await credentials.renew(refused)
        assert await credentials.renew(refused)  # another request that was refused with the same old token
        assert credentials.authorization == "Bearer token-2"
        assert not await credentials.renew(credentials.generation)  # the new one is refused, too, at once
        await anyio.sleep(RENEWAL_PAUSE_SECONDS)
        assert await credentials.renew(credentials.generation)
        assert dispenser.readings == 3

    in_virtual_time(main)


async def test_a_plugin_is_not_asked_again_while_its_answer_is_good(tmp_path: Path) -> None:
    user = plugin(tmp_path, expirationTimestamp="2999-01-01T00:00:00Z")
    credentials = await Credentials.load(KubeconfigFile(kubeconfig(tmp_path, "http://127.0.0.1:1", user=user)))
    await credentials.refresh()
    assert (tmp_path / "calls").read_text() == "1"
    assert await credentials.renew(credentials.generation)
    assert (tmp_path / "calls").read_text() == "2"


async def test_a_plugin_that_fails_keeps_the_old_token(tmp_path: Path) -> None:
    user = plugin(tmp_path)
    credentials = await Credentials.load(KubeconfigFile(kubeconfig(tmp_path, "http://127.0.0.1:1", user=user)))
    (tmp_path / "plugin").write_text("#!/bin/sh\nexit 3\n")
    await credentials.refresh()
    assert (credentials.authorization, credentials.failures) == ("Bearer token-1", 1)
