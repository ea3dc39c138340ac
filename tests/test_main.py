"""What the process does before it is a component."""

import subprocess
import sys
import textwrap

STARTS = """
    import os, signal, sys, types
    from foosets.__main__ import main

    assert "foosets.runtime.manager" not in sys.modules, "something slow is imported before anybody listens"
    slow = types.ModuleType("foosets.runtime.manager")
    slow.run = lambda *_: os.kill(os.getpid(), signal.SIGTERM) or print("lives on")
    sys.modules[slow.__name__] = slow
    sys.modules["foosets.fooset.controller"] = types.SimpleNamespace(assemble=None)
    main(["run", "fooset"])
"""


def test_who_is_told_to_end_while_it_starts_ends() -> None:
    """The default would be 0 minus SIGTERM, which the first process of a container does not have: it would live on."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(STARTS)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
