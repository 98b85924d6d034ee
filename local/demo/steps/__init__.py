"""The steps of the day, in their order. Each is a function that acts, waits and says what it expected."""

from collections.abc import Callable

from local.demo.day import Day
from local.demo.steps.contested import a_pipeline_fights_back
from local.demo.steps.evening import nothing_is_left_over
from local.demo.steps.opened import a_key_is_created_open, an_enclosed_key_is_opened
from local.demo.steps.quiet import the_guards_own_event_comes_round
from local.demo.steps.refused import kms_refuses_bad_policies
from local.demo.steps.swept import a_sweep_finds_a_silent_key

STEPS: tuple[tuple[str, Callable[[Day], None]], ...] = (
    ("A key is created open", a_key_is_created_open),
    ("An enclosed key is opened", an_enclosed_key_is_opened),
    ("The guard's own events come round", the_guards_own_event_comes_round),
    ("A pipeline fights back", a_pipeline_fights_back),
    ("A sweep finds a key that no event told about", a_sweep_finds_a_silent_key),
    ("KMS refuses bad policies", kms_refuses_bad_policies),
    ("At the end of the day", nothing_is_left_over),
)
"""Title and function of each step."""
