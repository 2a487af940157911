"""The command line: one table, commands that are imported only when asked for, refusals without a traceback."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

from stylehead_core import InputError, cli


@pytest.fixture
def command(monkeypatch):
    """Put a command of our own in the table."""

    def put(run):
        module = SimpleNamespace(
            add_arguments=lambda parser: parser.add_argument("--loud", action="store_true"), run=run
        )
        monkeypatch.setattr(cli, "COMMANDS", {"greet": (".errors", "say hello"), "gone": (".no.where", "-")})
        monkeypatch.setattr(cli, "import_module", lambda where, package: module)

    return put


def test_a_command_gets_its_arguments(command):
    seen = []
    command(lambda args: seen.append(args.loud))
    assert cli.main(["greet", "--loud"]) == 0
    assert seen == [True]


def test_the_number_of_a_command_is_handed_on(command):
    command(lambda args: 3)
    assert cli.main(["greet"]) == 3


def test_a_refusal_is_a_message_and_no_traceback(command, capsys):
    def refuse(args):
        raise InputError("The picture is upside down.")

    command(refuse)
    assert cli.main(["greet"]) == 1
    assert capsys.readouterr().err == "stylehead greet: The picture is upside down.\n"


def test_a_stopped_run_ends_quietly(command, capsys):
    def stop(args):
        raise KeyboardInterrupt

    command(stop)
    assert cli.main(["greet"]) == 130
    assert capsys.readouterr().err == "stopped\n"


def test_rooms_that_are_not_there_are_not_listed(command, capsys):
    command(lambda args: 0)
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    shown = capsys.readouterr().out
    assert "say hello" in shown
    assert "gone" not in shown


def test_listing_the_commands_imports_none_of_their_rooms():
    rooms = ["benchmark", "datasets", "evaluation", "synthetic", "training"]
    code = f"""
import sys
from stylehead_core import cli
try:
    cli.main(["--help"])
except SystemExit:
    print([room for room in {rooms} if f"stylehead_core.{{room}}" in sys.modules])
"""
    root = Path(__file__).parent.parent
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert "animate" in found.stdout
    assert found.stdout.splitlines()[-1] == "[]"


def test_an_unknown_command_is_refused(capsys):
    with pytest.raises(SystemExit):
        cli.main(["dance"])
    assert "convert" in capsys.readouterr().err


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_explains_itself(name, capsys):
    if find_spec(cli.COMMANDS[name][0], "stylehead_core") is None:
        pytest.skip("not built yet")
    with pytest.raises(SystemExit) as caught:
        cli.main([name, "--help"])
    assert caught.value.code == 0
    assert f"usage: stylehead {name}" in capsys.readouterr().out


def test_convert_refuses_an_empty_folder(tmp_path, capsys):
    assert cli.main(["convert", str(tmp_path), "-o", str(tmp_path / "out.safetensors")]) == 1
    shown = capsys.readouterr()
    assert "no commercial use" in shown.out
    assert "missing  StyleGAN_e4e.pth, Encoder_e4e.pth, hfgi.pth, StyleHEAT_visual.pt" in shown.err


def test_importing_the_core_is_light():
    """No library of a single stage, no media, no network, no host."""
    heavy = ["librosa", "cv2", "av", "scipy", "huggingface_hub", "comfy", "moderngl"]
    code = f"import sys, stylehead_core; print([name for name in {heavy} if name in sys.modules])"
    root = Path(__file__).parent.parent
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert found.stdout.strip() == "[]"
