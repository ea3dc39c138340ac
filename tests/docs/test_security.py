"""The page's table of attempts is the one that is tried."""

from chart.attempts import ATTEMPTS, COMPONENTS, Attempt, of_any_component

from e2e.cluster.supervision import REPOSITORY

PAGE = REPOSITORY / "docs" / "security.md"
HEAD = "| who | tries | refused by |\n|---|---|---|\n"
OF_ANY = {str(attempt) for component in COMPONENTS for attempt in of_any_component(component)}


def told(attempts: tuple[Attempt, ...]) -> str:
    """A row for each person and guard, in the order of the table."""
    rows: dict[tuple[str, str], list[str]] = {}
    for attempt in attempts:
        who = "any component" if str(attempt) in OF_ANY else attempt.who
        does = rows.setdefault((who, attempt.guard), [])
        if attempt.does not in does:
            does.append(attempt.does)
    return HEAD + "".join(f"| {who} | {'; '.join(does)} | {guard} |\n" for (who, guard), does in rows.items())


def test_the_page_tells_every_attempt() -> None:
    assert told(ATTEMPTS) in PAGE.read_text(encoding="utf-8")
