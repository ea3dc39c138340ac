from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foosets.api.names import (
    ASSIGNED_BY_POLICY,
    ATTEMPT,
    CHILD,
    INDEX,
    SCHEDULER_ASSIGNED_BY,
    SET_NAME,
    SET_UID,
    STAMPS,
    TRACEPARENT,
    UNASSIGNED_SCHEDULER,
    Kind,
    NodeName,
    Uid,
)
from foosets.api.pod import (
    Condition,
    ContainerState,
    ContainerStatus,
    Metadata,
    OwnerReference,
    Pod,
    PodSpec,
    PodStatus,
    StateDetail,
)
from foosets.planning.podspans import (
    CREATED,
    NO_ARRIVALS,
    RUNNING,
    SLACK,
    Arrivals,
    Closing,
    admit_span,
    bind_span,
    create_span,
    pod_context,
    pod_span,
    refusal,
    schedule_span,
)
from foosets.planning.stamps import SECOND, Stamps, format_second
from foosets.planning.trace import (
    BLOCKED_AFTER_SECONDS,
    Attribute,
    Context,
    Hop,
    Span,
    SpanId,
    pod_span_id,
    trace_id,
)

T = 1_795_402_565_000_000
TRACE = trace_id(Uid("root"), 1, 0)
PARENT = SpanId("1" * 16)
CONTEXT = Context(TRACE, pod_span_id(TRACE, Uid("owner"), 3, 1))
STAMPED = Stamps(create=T + 100_000, schedule=T + 150_000, scheduled=T + 160_000, bind=T + 170_000)


def a_pod(kind: Kind = Kind.SERVICEFOOSET, phase: str = "Running", **conditions: tuple[str, int]) -> Pod:
    """A pod whose conditions are given as (status, time); its stamps are STAMPED."""
    return Pod(
        metadata=Metadata(
            name="demo-server-x-3-1",
            namespace="default",
            uid=Uid("pod"),
            creation_timestamp=format_second(T),
            labels={SET_NAME: "demo", SET_UID: "root", CHILD: "server", INDEX: "3", ATTEMPT: "1"},
            annotations={
                TRACEPARENT: CONTEXT.traceparent,
                STAMPS: STAMPED.render(),
                SCHEDULER_ASSIGNED_BY: ASSIGNED_BY_POLICY,
            },
            owner_references=[OwnerReference(Uid("owner"), kind, "demo-server", controller=True)],
        ),
        spec=PodSpec(node_name=NodeName("node-4"), scheduler_name="foo-scheduler"),
        status=PodStatus(
            phase=phase,
            conditions=[
                Condition(kind, status, last_transition_time=format_second(at))
                for kind, (status, at) in conditions.items()
            ],
        ),
    )


def life(pod: Pod, **more: Any) -> Span:
    span = pod_span(pod, CONTEXT, PARENT, **more)
    assert span is not None
    return span


READY = a_pod(PodScheduled=("True", T), Ready=("True", T + 2 * SECOND))


# ---- the pod's own span


def test_a_service_pods_life_ends_at_ready() -> None:
    span = life(READY, arrivals={"Ready": T + 2_400_000})
    assert (span.context, span.parent, span.name) == (CONTEXT, PARENT, Hop.POD)
    assert (span.start, span.end) == (T + 100_000, T + 2_400_000)
    assert [(event.name, event.at) for event in span.events] == [
        ("PodScheduled", T + 100_000),
        ("Ready", T + 2_400_000),
    ]
    assert span.attributes == {
        Attribute.NAMESPACE: "default",
        Attribute.NAME: "demo",
        Attribute.UID: "root",
        Attribute.HOP: "pod",
        Attribute.CHILD: "server",
        Attribute.POD_NAME: "demo-server-x-3-1",
        Attribute.POD_UID: "pod",
        Attribute.NODE_NAME: "node-4",
        Attribute.INDEX: 3,
        Attribute.ATTEMPT: 1,
    }
    assert not span.error


def test_after_a_restart_the_second_stands_for_the_arrival() -> None:
    assert life(READY).end == T + 2 * SECOND


def test_a_batch_pods_life_does_not_end_at_ready() -> None:
    assert pod_span(a_pod(Kind.BATCHFOOSET, Ready=("True", T)), CONTEXT, PARENT) is None


def test_a_batch_pods_life_ends_with_its_containers() -> None:
    done = a_pod(Kind.BATCHFOOSET, "Succeeded", PodScheduled=("True", T), Ready=("False", T + 9 * SECOND))
    assert life(done).end == T + 9 * SECOND
    assert not life(done).error


def test_a_pod_short_of_its_milestone_is_not_closed() -> None:
    assert pod_span(a_pod(Ready=("False", T)), CONTEXT, PARENT) is None


def terminated(code: int, reason: str = "") -> ContainerStatus:
    return ContainerStatus("c", 0, ContainerState(terminated=StateDetail(reason, "", code)))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (PodStatus("Failed"), "Failed"),
        (PodStatus("Failed", "OutOfcpu", "Pod was rejected"), "OutOfcpu: Pod was rejected"),
        (PodStatus("Failed", container_statuses=[terminated(0), terminated(3, "Error")]), "Error: exit code 3"),
        (PodStatus("Failed", container_statuses=[terminated(137, "OOMKilled")]), "OOMKilled: exit code 137"),
        (PodStatus("Failed", init_container_statuses=[terminated(1)]), "Error: exit code 1"),
    ],
)
def test_a_failed_pods_span_says_why(status: PodStatus, error: str) -> None:
    pod = a_pod(Kind.BATCHFOOSET)
    pod.status = status
    span = life(pod)
    assert span.error == error
    assert span.attributes[Attribute.REASON] == error.partition(":")[0]


def test_a_running_batch_closes_its_pods_without_error() -> None:
    span = life(a_pod(Kind.BATCHFOOSET), closing=Closing(T + 40 * SECOND, RUNNING, failed=False))
    assert (span.end, span.error, span.attributes[Attribute.DECISION]) == (T + 40 * SECOND, "", RUNNING)


def test_a_milestone_wins_over_a_closing() -> None:
    assert life(READY, closing=Closing(T + 40 * SECOND, "NoFit")) == life(READY)


# ---- create and admit


def test_a_create_runs_from_the_request_to_the_object() -> None:
    span = create_span(READY, CONTEXT, {CREATED: T + 130_000})
    assert (span.context, span.parent) == (CONTEXT.child(Hop.CREATE), CONTEXT.span_id)
    assert (span.start, span.end) == (T + 100_000, T + 130_000)


def test_admission_says_who_named_which_scheduler() -> None:
    span = admit_span(READY, CONTEXT, {CREATED: T + 130_000})
    assert span is not None
    assert (span.start, span.end, span.error) == (T + 100_000, T + 130_000, "")
    assert (span.attributes[Attribute.DECISION], span.attributes[Attribute.REASON]) == ("foo-scheduler", "policy")


def test_a_scheduler_that_nobody_named_is_an_error() -> None:
    pod = a_pod()
    pod.metadata.annotations.pop(SCHEDULER_ASSIGNED_BY)
    pod.spec.scheduler_name = UNASSIGNED_SCHEDULER
    span = admit_span(pod, CONTEXT)
    assert span is not None
    assert span.error == "SchedulerNotAssigned"


def test_a_scheduler_of_the_users_choice_was_not_assigned() -> None:
    pod = a_pod()
    pod.metadata.annotations.pop(SCHEDULER_ASSIGNED_BY)
    assert admit_span(pod, CONTEXT) is None


# ---- schedule and bind


def test_scheduling_and_binding_have_the_stamps_times() -> None:
    schedule, bind = schedule_span(READY, CONTEXT), bind_span(READY, CONTEXT, {"PodScheduled": T + 190_000})
    assert schedule is not None
    assert bind is not None
    assert (schedule.start, schedule.end) == (T + 150_000, T + 160_000)
    assert (bind.start, bind.end) == (T + 170_000, T + 190_000)
    assert schedule.attributes[Attribute.DECISION] == bind.attributes[Attribute.DECISION] == "node-4"


def refused() -> Pod:
    pod = a_pod(PodScheduled=("False", T + SECOND))
    pod.spec.node_name = NodeName("")
    pod.metadata.annotations[STAMPS] = Stamps(create=T).render()
    pod.status.conditions[0].reason, pod.status.conditions[0].message = "Unschedulable", "0 of 10 nodes fit: cpu 10"
    return pod


def test_a_pod_that_waits_has_no_schedule_span_yet() -> None:
    assert schedule_span(refused(), CONTEXT) is None
    assert bind_span(refused(), CONTEXT) is None


def test_what_no_node_takes_closes_with_the_reason_at_the_same_moment_in_both_spans() -> None:
    closing = refusal(refused())
    assert closing == Closing(T + (1 + BLOCKED_AFTER_SECONDS) * SECOND, "NoFit", "0 of 10 nodes fit: cpu 10")
    schedule, pod = schedule_span(refused(), CONTEXT, closing), life(refused(), closing=closing)
    assert schedule is not None
    assert schedule.error == pod.error == "NoFit: 0 of 10 nodes fit: cpu 10"
    assert schedule.attributes[Attribute.REASON] == "NoFit"
    assert schedule.end == pod.end


def test_a_pod_that_was_not_refused_has_no_refusal() -> None:
    assert refusal(READY) is None
    assert refusal(a_pod()) is None


# ---- what others may have written


def test_a_pods_context_is_its_annotation() -> None:
    assert pod_context(READY) == CONTEXT
    assert pod_context(Pod()) is None


def test_hostile_labels_and_stamps_leave_a_plain_span() -> None:
    pod = a_pod(Ready=("True", T + SECOND))
    pod.metadata.labels |= {INDEX: "9" * 1000, ATTEMPT: "٣"}
    pod.metadata.annotations[STAMPS] = "{"
    span = life(pod)
    assert (span.start, span.end) == (T, T + SECOND)
    assert not {Attribute.INDEX, Attribute.ATTEMPT} & set(span.attributes)


moments = st.integers(T - 2 * SECOND, T + 3 * SECOND)
arrivals = st.dictionaries(st.sampled_from([CREATED, "PodScheduled", "Ready"]), moments)
all_stamps = st.builds(
    Stamps,
    create=moments | st.none(),
    schedule=moments | st.none(),
    scheduled=moments | st.none(),
    bind=moments | st.none(),
)


def a_pod_of_any_times(stamps: Stamps, created: int, scheduled: int, ready: int) -> Pod:
    pod = a_pod(PodScheduled=("True", scheduled), Ready=("True", ready))
    pod.metadata.creation_timestamp = format_second(created)
    pod.metadata.annotations[STAMPS] = stamps.render()
    return pod


@given(pod=st.builds(a_pod_of_any_times, all_stamps, moments, moments, moments), owners=arrivals, schedulers=arrivals)
def test_children_lie_inside_the_pod_whatever_each_controller_measured(
    pod: Pod, owners: Arrivals, schedulers: Arrivals
) -> None:
    parent = life(pod, arrivals=owners)
    children = [
        create_span(pod, CONTEXT, schedulers),
        admit_span(pod, CONTEXT, schedulers),
        schedule_span(pod, CONTEXT),
        bind_span(pod, CONTEXT, schedulers),
    ]
    for child in filter(None, children):
        assert parent.start <= child.start <= child.end <= parent.end, child.name
        assert {Attribute.NAME, Attribute.UID, Attribute.HOP} <= set(child.attributes)
    assert all(parent.start <= event.at <= parent.end for event in parent.events)


@given(arrival=moments)
def test_a_create_or_binding_is_never_stretched_beyond_the_slack(arrival: int) -> None:
    late = {CREATED: arrival, "PodScheduled": arrival}
    create, bind = create_span(READY, CONTEXT, late), bind_span(READY, CONTEXT, late)
    assert bind is not None
    assert create.end - create.start <= SLACK
    assert bind.end - bind.start <= SLACK
    assert create_span(READY, CONTEXT, NO_ARRIVALS).end == create.start
