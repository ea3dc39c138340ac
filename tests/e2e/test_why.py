"""`kubectl foo why`, run by kubectl as the plugin that it is."""

import json
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from foosets.api import names
from foosets.cli.advice import ADVICE, BEING_DELETED, FOOQUOTA, FOOQUOTA_UNCLAIMED, POD_FAILED, UNKNOWN
from foosets.cli.descent import Descent
from foosets.cli.steps import Place, facts_of, filled
from tests.cli import world
from tests.e2e import manifests
from tests.e2e.story import Story

pytestmark = pytest.mark.cluster

TOO_MUCH = "100"
"""CPUs; a node has ten."""
Ran = subprocess.CompletedProcess[str]


def run(story: Story, *words: str, kubeconfig: Path | None = None) -> Ran:
    """Run a command as a person whose PATH has kubectl and its plugins, in the story's namespace."""
    return subprocess.run(words, env=_environment(story, kubeconfig), capture_output=True, text=True, check=False)


def _environment(story: Story, kubeconfig: Path | None) -> Mapping[str, str]:
    home = story.suite.state.root / "home"
    return {
        "KUBECONFIG": str(kubeconfig or story.suite.kubeconfig),
        "PATH": str(story.suite.state.bin),
        "HOME": str(home),
    }


def why(story: Story, *words: str, kubeconfig: Path | None = None) -> Ran:
    return run(story, "kubectl", "foo", "why", *words, "-n", story.namespace, kubeconfig=kubeconfig)


def blames(story: Story, name: str, reason: str) -> bool:
    """Whether a FooSet shows that reason as its cause."""
    return story.fooset(name)["status"].get("blockedBy", {}).get("reason") == reason


def test_a_healthy_set_is_0(story: Story) -> None:
    story.apply(manifests.small("app"))
    story.kubectl("wait", "--for=condition=Ready", "fooset/app", "--timeout=30s")
    done = why(story, "app")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("FooSet app is ready.\n")
    assert f"Trace  {story.fooset('app')['status']['traceID']}" in done.stdout


def test_a_set_that_fits_no_node_is_led_down_to_its_pod(story: Story) -> None:
    story.apply(manifests.fooset("app", service={"server": manifests.service(2, cpu=TOO_MUCH)}))
    story.until(lambda: blames(story, "app", "NoFit"))
    done = why(story, "fs/app")
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "FooSet app is blocked."
    pod = story.fooset("app")["status"]["blockedBy"]["name"]
    assert [line.split()[:-1] for line in lines[3:6]] == [
        ["fooset/app", "False", "NoFit"],
        ["└─", "servicefooset/app-server", "False", "NoFit"],
        ["└─", f"pod/{pod}", "False", "NoFit"],
    ]
    assert "10 Insufficient cpu" in done.stdout
    assert f"    kubectl edit fooset/app -n {story.namespace}" in lines


def test_a_pod_that_crashes_is_explained_by_its_name(story: Story) -> None:
    part = manifests.service(1)
    part["template"]["metadata"]["annotations"] = {names.FATE: "crash-loop"}
    story.apply(manifests.fooset("app", service={"server": part}))
    story.until(lambda: blames(story, "app", "CrashLoop"))
    (pod,) = (pod["metadata"]["name"] for pod in story.pods())
    done = why(story, "pod", pod, "-o", "json")
    assert (done.returncode, done.stderr) == (1, "")
    told = json.loads(done.stdout)
    assert [(one["kind"], one["name"]) for one in told["path"]] == [
        ("FooSet", "app"),
        ("ServiceFooSet", "app-server"),
        ("Pod", pod),
    ]
    assert (told["kind"], told["state"], told["cause"]["reason"]) == ("Pod", "Blocked", "CrashLoop")
    assert told["next"][0]["command"] == f"kubectl logs pod/{pod} -c main --previous -n {story.namespace}"


def test_the_role_view_is_enough(story: Story, tmp_path: Path) -> None:
    story.apply(manifests.small("app"))
    story.kubectl("wait", "--for=condition=Ready", "fooset/app", "--timeout=30s")
    story.kubectl("create", "serviceaccount", "viewer")
    kubeconfig = of_account(story, tmp_path, "viewer")
    refused = why(story, "fs/app", kubeconfig=kubeconfig)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("error: you lack a permission that the role view has: foosets.foo.example.com")
    story.kubectl("create", "rolebinding", "viewer", "--clusterrole=view", f"--serviceaccount={story.namespace}:viewer")
    story.until(lambda: why(story, "fs/app", kubeconfig=kubeconfig).returncode == 0)
    pod = story.pods()[0]["metadata"]["name"]
    assert why(story, pod, kubeconfig=kubeconfig).returncode == 0


def of_account(story: Story, folder: Path, name: str) -> Path:
    """The administrator's kubeconfig, as a ServiceAccount."""
    config = yaml.safe_load(story.suite.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": story.kubectl("create", "token", name).strip()}
    (folder / "kubeconfig").write_text(yaml.safe_dump(config))
    return folder / "kubeconfig"


def test_what_is_not_there_is_2_and_one_line(story: Story) -> None:
    done = why(story, "nothing")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.endswith(f"called nothing in namespace {story.namespace}\n")


def test_kubectl_understands_every_next_step(story: Story) -> None:
    facts = facts_of(Descent((world.fooset(), world.service(), world.pod())), "Pod", "work-x-0-0", "")
    others = (FOOQUOTA, FOOQUOTA_UNCLAIMED, POD_FAILED, BEING_DELETED, UNKNOWN)
    steps = [step for words in (*ADVICE.values(), *others) for step in words.steps]
    place = Place(story.namespace, context="any", kubeconfig="any")
    commands = sorted({step.command for step in filled(steps, facts, place)})
    assert len(commands) > 20
    refused = {
        command: done.stderr for command in commands if (done := run(story, *shlex.split(command), "--help")).returncode
    }
    assert refused == {}
