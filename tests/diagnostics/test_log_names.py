"""Which logs of a run are read first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from diagnostics.logs import is_user_log, prioritise

NAMES = [
    "user_logs/std_log.txt",
    "system_logs/metrics_capability/metrics-capability.log",
    "system_logs/hosttools_capability/hosttools-capability.log",
    "system_logs/data_capability/data-capability.log",
    "system_logs/data_capability/rslex.log.2026-01-01-00",
    "system_logs/cs_capability/cs-capability.log",
    "system_logs/lifecycler/vm-bootstrapper.log",
    "system_logs/lifecycler/execution-wrapper.log",
    "system_logs/lifecycler/lifecycler.log",
    "logs/azureml/executionlogs.txt",
    "azureml-logs/20_image_build_log.txt",
    "outputs/model.pkl",
    "something/else.log",
]
USERS = [
    "user_logs/std_log.txt",
    "retry_002/user_logs/std_log_0.txt",
    "azureml-logs/70_driver_log.txt",
    "logs/azureml/stdoutlogs.txt",
    "logs/user/stdout/10.0.0.4/process000.stdout.txt",
    "logs/user/lifecycler.log",
]


def test_telling_logs_come_first() -> None:
    """For an image failure the lifecycler speaks first, users' and housekeeping logs last, binaries never."""
    order = prioritise(NAMES)
    assert order[:3] == [NAMES[8], NAMES[7], NAMES[10]]
    assert order.index("something/else.log") < order.index("user_logs/std_log.txt")
    assert set(order[-3:]) == set(NAMES[1:4])
    assert NAMES[4] not in order
    assert NAMES[11] not in order


def test_newest_attempt_comes_first() -> None:
    """Of a retried run the last attempt is read before the earlier ones, and before any late log."""
    names = [
        "lifecycler.log",
        "retry_001/lifecycler.log",
        "retry_010/lifecycler.log",
        "retry_010/std_log.txt",
    ]
    assert prioritise(names) == [names[2], names[1], names[0], names[3]]


def test_number_is_capped_and_equals_keep_their_order() -> None:
    """Only so many logs are read; of equal ones the first named, each once."""
    names = [f"other/{number}.log" for number in range(99, 0, -1)]
    assert prioritise([*names, *names], most=5) == names[:5]


def test_what_the_user_s_code_printed_is_told_by_its_name() -> None:
    """Of commands, steps and workers of parallel steps; it is read late, whatever a worker calls its log."""
    assert [name for name in (*USERS, *NAMES[1:]) if is_user_log(name)] == USERS
    assert set(prioritise(["something/else.log", *USERS])[1:]) == set(USERS)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20)))
def test_prioritising_never_fails(names: list[str]) -> None:
    """Names are hostile too: any list gives a part of itself."""
    assert set(prioritise(names)) <= set(names)
