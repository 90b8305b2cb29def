"""A crash before every write and every sync of the log's own statements, on a disk that keeps synced bytes only."""

from __future__ import annotations

import pytest

from tests.faults.crash_steps import crash_at_each_step
from tests.faults.story import Story

pytestmark = pytest.mark.faults


def test_log_survives_each_step(story: Story) -> None:
    losses = crash_at_each_step(story)
    assert losses.steps > 50
    assert (losses.records, losses.damaged) == (0, 0)


def test_control_without_full_sync_loses(story: Story) -> None:
    """The positive control: the same statements with ``synchronous=NORMAL``."""
    assert crash_at_each_step(story, "NORMAL").records > 0, "this rig could not see a loss"
