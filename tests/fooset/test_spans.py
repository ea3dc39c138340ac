from datetime import timedelta

from foosets.planning.podspans import SLACK
from foosets.planning.setspans import microseconds
from foosets.planning.trace import Attribute, Hop, Span
from tests.builders import NOW, TRACEPARENT, fooset, template
from tests.fooset.world import COMPLETE, FAILED, READY, World, refined

SECOND = 1_000_000


def done() -> World:
    world = refined({"work": {}})
    world.after(2)
    world.report("demo-work", COMPLETE, closed=True)
    world.rest()
    return world


def named(world: World, hop: Hop) -> Span:
    (span,) = (span for span in world.spans if span.name == hop)
    return span


def test_a_first_trace_has_a_root_an_admission_and_a_refinement() -> None:
    world = done()
    root, admit, refine = world.spans
    assert [span.name for span in world.spans] == [Hop.FOOSET_ROLLOUT, Hop.FOOSET_ADMIT, Hop.FOOSET_REFINE]
    assert (root.parent, admit.parent, refine.parent) == (None, root.context.span_id, root.context.span_id)
    assert {span.context.trace_id for span in world.spans} == {world.status.trace_id}
    assert not any(span.error for span in world.spans)


def test_admission_ends_where_refinement_begins() -> None:
    world = done()
    root, admit, refine = world.spans
    assert root.start == admit.start <= admit.end == refine.start
    assert refine.end == root.end


def test_the_tree_ends_late_enough_for_what_hangs_below_it() -> None:
    world = done()
    assert named(world, Hop.FOOSET_ROLLOUT).end == microseconds(world.now - timedelta(milliseconds=1)) + SLACK


def test_creation_is_never_after_it_was_seen() -> None:
    later = (NOW + timedelta(hours=1)).isoformat()
    world = refined({}, creationTimestamp=later)
    root = named(world, Hop.FOOSET_ROLLOUT)
    assert root.start == named(world, Hop.FOOSET_REFINE).start


def test_only_the_first_generation_is_admitted() -> None:
    world = done()
    world.spans = []
    world.change(fooset({"work": {"template": template(hostname="h")}}))
    world.rest()
    world.report("demo-work", COMPLETE, closed=True)
    world.rest()
    assert [span.name for span in world.spans] == [Hop.FOOSET_ROLLOUT, Hop.FOOSET_REFINE]


def test_the_children_hang_below_the_refinement() -> None:
    world = done()
    context = named(world, Hop.FOOSET_REFINE).context
    assert world.children["demo-work"].metadata.annotations["tracing.k8s.io/traceparent"] == context.traceparent


def test_a_users_trace_is_linked_and_not_joined() -> None:
    world = refined({}, annotations={"tracing.k8s.io/traceparent": TRACEPARENT})
    root = named(world, Hop.FOOSET_ROLLOUT)
    assert [link.traceparent for link in root.links] == [TRACEPARENT]
    assert root.context.trace_id not in TRACEPARENT


def test_the_next_trace_is_linked_to_the_one_before() -> None:
    world = done()
    before, world.spans = named(world, Hop.FOOSET_REFINE), []
    world.change(fooset())
    world.rest()
    world.collect()
    world.rest()
    assert named(world, Hop.FOOSET_ROLLOUT).links[0] == before.context


def test_a_blocked_set_is_an_error_with_the_cause_that_its_status_shows() -> None:
    world = refined({"work": {}})
    world.block("demo-work", "NoFit", kind="BatchFooSet", name="demo-work")
    world.rest()
    world.after(41)
    world.rest()
    assert world.status.blocked_by is not None
    for hop in (Hop.FOOSET_ROLLOUT, Hop.FOOSET_REFINE):
        assert named(world, hop).error == "NoFit: why"
        assert named(world, hop).attributes[Attribute.REASON] == world.status.blocked_by.reason
    assert named(world, Hop.FOOSET_ADMIT).error == ""


def test_a_failed_set_is_an_error() -> None:
    world = refined({"work": {}})
    world.report("demo-work", FAILED, closed=True)
    world.rest()
    assert named(world, Hop.FOOSET_ROLLOUT).error
    assert named(world, Hop.FOOSET_ROLLOUT).attributes[Attribute.DECISION] == "Failed"


def test_a_batch_that_runs_on_is_no_error() -> None:
    world = refined({"work": {}})
    world.report("demo-work", READY)
    world.rest()
    world.after(41)
    world.rest()
    assert named(world, Hop.FOOSET_REFINE).attributes[Attribute.DECISION] == "Running"
    assert not any(span.error for span in world.spans)


def test_nothing_is_emitted_while_nothing_happens() -> None:
    world = done()
    world.spans = []
    for _ in range(5):
        world.after(3600)
        world.rest()
    assert world.spans == []


def test_spans_sent_again_after_a_restart_are_the_same_spans() -> None:
    world = refined({"work": {}})
    world.report("demo-work", COMPLETE, closed=True)
    while not world.plan().spans:
        world.look()
    first = world.plan().spans
    world.after(5)
    assert {span.context for span in world.plan().spans} == {span.context for span in first}
