"""Freed memory is kept where the C library can be told to, and nobody has said otherwise."""

import os
import platform
import subprocess
import sys

import pytest

from stylehead_core.ops.freed_memory import USERS_SETTINGS, keep_freed_memory

FAULTS_OF_THE_SECOND_ROUND = """
import resource, sys, torch
from stylehead_core.ops.freed_memory import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
def fill():
    held = [torch.zeros(6 << 18) for _ in range(16)]  # 96 MiB in tensors of 6
fill()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
fill()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.fixture
def environment():
    return {name: value for name, value in os.environ.items() if name not in USERS_SETTINGS}


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="asks glibc")
def test_what_was_freed_is_used_again_without_new_pages(environment):
    def faults(word):
        command = [sys.executable, "-c", FAULTS_OF_THE_SECOND_ROUND, word]
        return int(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)

    left = faults("leave")
    if not left:
        pytest.skip("this system counts no page faults")
    assert faults("keep") < 0.5 * left


def test_what_the_user_has_set_stays(monkeypatch):
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1000")
    assert keep_freed_memory.__wrapped__() is False


def test_other_libraries_are_left_alone(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    for name in USERS_SETTINGS:
        monkeypatch.delenv(name, raising=False)
    assert keep_freed_memory.__wrapped__() is False
