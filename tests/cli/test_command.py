"""The program: its exit status, and one line for each way not to get an answer."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import anyio.to_thread
import pytest
from typer.testing import CliRunner

from foosets.cli.command import app, in_a_line
from foosets.kube.errors import Unauthorized
from tests.cli.world import World, batch, blocked, fooset, pod, refused, service, serving, waiting
from tests.kube.loopback import kubeconfig

NO_FIT = blocked("Pod", "work-x-0-0", "NoFit")
NO_ROOM = refused("Unschedulable", "0/3 nodes are available")
PROGRAM = Path(sys.executable).with_name("kubectl-foo")


async def run(folder: Path, world: World, *args: str) -> tuple[int, str, str]:
    """Exit status, output and errors of `kubectl foo why`, in a namespace and with a kubeconfig that are given."""
    async with serving(world) as url:
        words = ["why", *args, "-n", "ns", "--kubeconfig", kubeconfig(folder, url)]
        done = await anyio.to_thread.run_sync(lambda: CliRunner().invoke(app, words))
    return done.exit_code, done.stdout, done.stderr


async def test_a_set_that_is_well_is_0(tmp_path: Path) -> None:
    code, out, err = await run(tmp_path, World((fooset(),)), "demo")
    assert (code, out.splitlines()[0], err) == (0, "FooSet demo is ready.", "")


async def test_a_set_that_is_on_its_way_is_0(tmp_path: Path) -> None:
    code, out, _ = await run(tmp_path, World((fooset(stored=waiting("Placing")),)), "demo")
    assert (code, out.splitlines()[0]) == (0, "FooSet demo is on its way.")


async def test_a_set_that_is_blocked_is_1(tmp_path: Path) -> None:
    world = World((fooset(stored=NO_FIT), service(stored=NO_FIT), pod(node="", conditions=NO_ROOM)))
    code, out, err = await run(tmp_path, world, "fs", "demo")
    assert (code, out.splitlines()[0], err) == (1, "FooSet demo is blocked.", "")
    assert f"kubectl edit fooset/demo -n ns --kubeconfig {tmp_path}/kubeconfig" in out


def of_namespace(namespace: str, config: str) -> str:
    """Give the context of a kubeconfig a namespace."""
    content = json.loads(Path(config).read_text())
    content["contexts"][0]["context"]["namespace"] = namespace
    Path(config).write_text(json.dumps(content))
    return config


async def test_the_namespace_is_the_contexts_unless_it_is_named(tmp_path: Path) -> None:
    async with serving(World((fooset(),))) as url:
        words = ["why", "demo", "-o", "json", "--kubeconfig", of_namespace("ns", kubeconfig(tmp_path, url))]
        done = await anyio.to_thread.run_sync(lambda: CliRunner().invoke(app, words))
    assert json.loads(done.stdout)["namespace"] == "ns"


async def test_a_program_asks_for_json(tmp_path: Path) -> None:
    code, out, _ = await run(tmp_path, World((fooset(stored=NO_FIT), batch())), "fs/demo", "-o", "json")
    assert code == 1
    assert json.loads(out)["cause"]["reason"] == "NoFit"


@pytest.mark.parametrize(
    ("world", "args", "said"),
    [
        (World(), ["fs/demo"], "there is no FooSet called demo in namespace ns"),
        (World(), ["job/demo"], "'job' is none of the kinds fooset, batchfooset, servicefooset, fooquota, pod"),
        (World(), ["fs/demo", "--context", "other"], "no usable configuration from kubeconfig "),
        (World(forbidden="foosets"), ["demo"], "you lack a permission that the role view has: foosets is forbidden"),
        (World(unknown="foosets"), ["demo"], "this cluster knows no foosets: is the suite installed?"),
        (World(senseless="foosets"), ["demo"], "this version of kubectl-foo cannot read what the cluster has"),
    ],
)
async def test_no_answer_is_2_and_one_line(tmp_path: Path, world: World, args: list[str], said: str) -> None:
    code, out, err = await run(tmp_path, world, *args)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"error: {said}")


@pytest.mark.parametrize("args", [["-n", "../x"], ["--kubeconfig", "nowhere"]])
def test_the_program_itself_says_one_line_without_a_cluster(tmp_path: Path, args: list[str]) -> None:
    done = subprocess.run(
        [PROGRAM, "why", "demo", *args], cwd=tmp_path, env={"HOME": str(tmp_path)}, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"error: ")


async def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    config = kubeconfig(tmp_path, "http://127.0.0.1:1")
    done = await anyio.to_thread.run_sync(lambda: CliRunner().invoke(app, ["why", "demo", "--kubeconfig", config]))
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: GET /apis/foo.example.com/v1alpha1/namespaces/default/foosets/demo: ")


def test_what_a_server_does_not_say_well_is_said_for_it() -> None:
    assert in_a_line(Unauthorized(401, "Unauthorized", "Unauthorized")).startswith(
        "the API server does not know who you are"
    )
    assert in_a_line(TimeoutError()) == "the API server has not answered within 30 s"


def test_without_the_extra_packages_a_line_says_how_to_get_them() -> None:
    script = """
        import sys
        sys.modules["typer"] = None
        from foosets.cli.__main__ import main
        main()
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: kubectl-foo needs typer: install foosets[cli]\n"
