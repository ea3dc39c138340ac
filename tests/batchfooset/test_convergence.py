"""Whatever happens, no bound is broken on the way, and a set that is given room and time comes to its end."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from foosets.api.names import ConditionType
from foosets.batchfooset.plan import BatchPlan
from foosets.planning.indexes import Attempts
from tests.batchfooset.world import DENIED, World, place_of
from tests.builders import batchfooset, template


class Life(RuleBasedStateMachine):
    """A set lives: plans are carried out, pods run and end, users change their minds, the controller restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(batchfooset(spec={"parallelism": 2, "completions": 3, "backoffLimit": 3}))
        self.failures: set[str] = set()
        self.attempts = Attempts()

    # the controller

    @rule(times=st.integers(1, 4))
    def look(self, times: int) -> None:
        for _ in range(times):
            self._look()

    def _look(self, *, crash: bool = False) -> None:
        held = {place_of(self.world.pods[name])[0] for name in self.world.live()}
        recorded, earlier = self._recorded(), len(self.world.created)
        self.world.look(crash_before_status=crash)
        made = [place_of(raw) for raw in self.world.created[earlier:]]
        for index, attempt in made:
            assert index not in held, "two live pods of one index"
            assert attempt == recorded[index], "an attempt that status did not show"
        assert not made or len(self.world.live()) <= self.world.batch.spec.parallelism

    @rule(crash=st.booleans())
    def restart(self, *, crash: bool) -> None:
        """Start anew, after a last look that may end before its status is written; it sees all that is there."""
        if not crash:
            self._look()
        elif self._crash_loses_nothing():
            self._look(crash=True)
        else:
            return
        self.world.restart()

    def _crash_loses_nothing(self) -> bool:
        """Whether all that memory knows can be seen again: what went uncounted is lost, as the API says."""
        seen = {place_of(raw) for raw in self.world.pods.values()}
        unrecorded = {
            (index, attempt)
            for index, attempt in self.world.members.retired.items()
            if attempt >= self._recorded()[index] and index not in self.world.members.completed
        }
        return unrecorded <= seen and set(self.world.members.completed) <= {index for index, _ in seen}

    # the cluster and the users

    @precondition(lambda self: self.world.live())
    @rule(data=st.data(), fate=st.sampled_from(["ready", "succeed", "fail", "reject", "delete"]))
    def a_pod(self, data: st.DataObject, fate: str) -> None:
        name = data.draw(st.sampled_from(self.world.live()))
        raw = self.world.pods[name]
        index = place_of(raw)[0]
        if fate == "delete":
            self.world.delete(name)
            return
        if fate == "fail" and not raw["metadata"].get("deletionTimestamp"):
            self.failures.add(raw["metadata"]["uid"])
        world = self.world
        {"ready": world.ready, "succeed": world.succeed, "fail": world.fail, "reject": world.reject}[fate](index)

    @rule()
    def finish_deletions(self) -> None:
        self.world.finish_deletions()

    @rule(data=st.data())
    def clean_up(self, data: st.DataObject) -> None:
        ended = sorted(set(self.world.pods) - set(self.world.live()))
        if ended:
            self.world.delete(data.draw(st.sampled_from(ended)))

    @rule(parallelism=st.integers(0, 4), completions=st.integers(0, 5))
    def scale(self, parallelism: int, completions: int) -> None:
        self.world.change(parallelism=parallelism, completions=completions)

    @rule(image=st.integers(1, 3))
    def change(self, image: int) -> None:
        self.world.change(template={"spec": {"containers": [{"name": "main", "image": f"main:{image}"}]}})

    @rule()
    def break_the_template(self) -> None:
        self.world.change(template=template(schedulerName="default-scheduler"))

    @rule(refused=st.booleans())
    def admission(self, *, refused: bool) -> None:
        self.world.refusal = DENIED if refused else None

    @rule(full=st.booleans())
    def room(self, *, full: bool) -> None:
        self.world.full = full

    @rule(seconds=st.sampled_from([1.0, 40.0, 70.0]))
    def time(self, seconds: float) -> None:
        self.world.after(seconds)

    # what always holds

    def _recorded(self) -> Attempts:
        return Attempts.from_groups(self.world.attempts())

    @invariant()
    def attempts_never_fall(self) -> None:
        now = self._recorded()
        assert all(now[index] >= attempt for index, attempt in self.attempts.items())
        self.attempts = now

    @invariant()
    def names_are_never_used_again(self) -> None:
        names = [raw["metadata"]["name"] for raw in self.world.created]
        assert len(set(names)) == len(names)

    @invariant()
    def no_failure_is_counted_that_was_none(self) -> None:
        assert self.world.status.failed <= len(self.failures)

    def teardown(self) -> None:
        """Give it room and time: it comes to an end and to rest, with every failure counted."""
        world = self.world
        world.full, world.refusal = False, None
        world.change(parallelism=2, template=template())
        for _ in range(15):
            world.after(61)
            world.rest()
            world.finish_deletions()
            world.succeed(*world.members.live)
        assert world.plan() == BatchPlan(context=world.plan().context)
        ends = {c.type for c in world.status.conditions if c.type in (ConditionType.COMPLETE, ConditionType.FAILED)}
        assert len(ends) == 1
        assert world.status.failed == len(self.failures)
        assert not world.live()
        assert not world.left()


Life.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestLife = Life.TestCase
