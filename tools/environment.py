"""The checkout's `.venv`, which `demo.py` and `test.py` make and keep up to date.

These three files parse on Python 3.6, so that an old Python prints a sentence instead of a
SyntaxError; hence the annotations in quotes and the plain syntax. The tools in the folders check
by `require` whether they run in that environment.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
import typing

OLDEST_PYTHON = (3, 11)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FAILED = 2
INTERRUPTED = 130
IN_THE_ENVIRONMENT = (
    "run this with .venv/bin/python, which `python3 tools/test.py --install-only` makes"
)

# Set for another Python, these would replace what `.venv` holds by other packages.
_OTHER_PYTHONS = ("PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__")
_ASK_IDENTITY = "import json, sys, pip; print(json.dumps([sys.version, sys.base_prefix]))"


class SetupError(Exception):
    """What a tool needs is missing; the message is one sentence with the remedy."""


class Environment:
    """The `.venv` of one checkout.

    A stamp inside it records what was installed, so that nothing is installed twice.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self.folder = os.path.join(root, ".venv")
        below = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
        self.python = os.path.join(self.folder, *below)
        self._stamp_file = os.path.join(self.folder, "npfacenet-installed.json")

    def prepare(self, extras: "tuple[str, ...]") -> None:
        """Install this checkout with these extras into `.venv`, unless that was done before."""
        check_python(sys.version_info[:3])
        try:
            reason = self._reason_to_make()
            if reason:
                self._make(reason)
            if not self._is_installed(extras):
                self._install(extras)
        except OSError as error:
            raise SetupError(f"cannot make {self.folder}: {error}.") from error

    def run(self, arguments: "list[str]", folder: "str | None" = None) -> int:
        """Print the command that runs `.venv`'s Python with these arguments, and run it."""
        command = [self.python, *arguments]
        say("$ " + " ".join([self._short(self.python)] + [_quoted(word) for word in arguments]))
        process = subprocess.Popen(command, cwd=folder, env=clean_variables())
        try:
            return process.wait()
        except KeyboardInterrupt:
            # The command received Ctrl-C as well; let it finish what it prints about that.
            process.wait()
            raise

    def _reason_to_make(self) -> str:
        """Return in words why `.venv` has to be made anew; an empty text if it need not."""
        if not os.path.lexists(self.folder):
            return "there is none yet"
        identity = self._identity()
        if not identity:
            return "its Python does not run or has no pip"
        if identity != [sys.version, sys.base_prefix]:
            return "another Python made it"
        stamp = self._stamp()
        if stamp.get("root", self.root) != self.root:
            return "the checkout was moved"
        if stamp.get("finished", True) is not True:
            return "its installation was cut short"
        return ""

    def _identity(self) -> "list[str]":
        command = [self.python, "-c", _ASK_IDENTITY]
        try:
            answer = subprocess.check_output(
                command, stderr=subprocess.DEVNULL, cwd=self.folder, env=clean_variables()
            )
            return [str(part) for part in json.loads(answer.decode())]
        except (OSError, ValueError, subprocess.CalledProcessError):
            return []

    def _make(self, reason: str) -> None:
        check_venv()
        say(f"Making {self._short(self.folder)}: {reason}.")
        if os.path.islink(self.folder) or os.path.isfile(self.folder):
            os.remove(self.folder)
        elif os.path.isdir(self.folder):
            shutil.rmtree(self.folder)
        os.mkdir(self.folder)
        self._write_stamp((), finished=False)
        # Run from inside a `.venv` that was just removed, sys.executable is gone.
        python = str(getattr(sys, "_base_executable", None) or sys.executable)
        code, output = _captured([python, "-m", "venv", self.folder], self.root)
        if code:
            raise SetupError(f"{python} -m venv failed: {last_error(output)}")

    def _is_installed(self, extras: "tuple[str, ...]") -> bool:
        stamp = self._stamp()
        held = stamp.get("extras")
        return (
            stamp.get("finished") is True
            and stamp.get("pyproject") == self._pyproject()
            and isinstance(held, list)
            and set(extras) <= set(held)
        )

    def _install(self, extras: "tuple[str, ...]") -> None:
        target = ".[{}]".format(",".join(extras)) if extras else "."
        command = ["-m", "pip", "install", "-e", target]
        say(
            "$ {} {}   (a minute or so)".format(
                self._short(self.python), " ".join(_quoted(word) for word in command)
            )
        )
        start = time.time()
        self._write_stamp((), finished=False)
        quiet = ["--quiet", "--no-input", "--disable-pip-version-check"]
        code, output = _captured([self.python, *command, *quiet], self.root)
        if code:
            # pip fails before it changes anything; only an interrupted one leaves half a package.
            os.remove(self._stamp_file)
            raise SetupError(
                f"pip could not install npfacenet (is there a network? run the command above to "
                f"see its full output): {last_error(output)}"
            )
        self._write_stamp(extras, finished=True)
        say(f"Installed in {time.time() - start:.1f} s.")

    def _stamp(self) -> "dict[str, object]":
        try:
            with open(self._stamp_file, encoding="utf-8") as file:
                content = json.load(file)
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def _write_stamp(self, extras: "tuple[str, ...]", finished: bool) -> None:
        content = {
            "finished": finished,
            "root": self.root,
            "pyproject": self._pyproject(),
            "extras": sorted(extras),
        }
        with open(self._stamp_file, "w", encoding="utf-8") as file:
            json.dump(content, file)

    def _pyproject(self) -> str:
        with open(os.path.join(self.root, "pyproject.toml"), "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()

    def _short(self, path: str) -> str:
        return os.path.relpath(path) if os.getcwd() == self.root else path


def check_python(version: "tuple[int, ...]") -> None:
    """Raise SetupError when this version of Python is too old for npfacenet."""
    if tuple(version[:2]) < OLDEST_PYTHON:
        needed = ".".join(str(part) for part in OLDEST_PYTHON)
        found = ".".join(str(part) for part in version)
        raise SetupError(
            f"npfacenet needs Python {needed} or newer, and {sys.executable} is {found}: "
            f"run this with a newer one, for example python{needed}."
        )


def check_venv() -> None:
    """Raise SetupError when this Python cannot make environments, as Debian's without a package."""
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        raise SetupError(
            f"{sys.executable} cannot make environments, since its module {missing[0]} is missing: "
            f"on Debian and Ubuntu run 'apt install {package}', elsewhere use another Python."
        )


def require(modules: "typing.Sequence[str]", remedy: str) -> None:
    """Raise SetupError with this remedy unless all of these top-level modules are installed."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        names = " and ".join(missing)
        raise SetupError(f"{sys.executable} does not have {names}: {remedy}.")


def clean_variables() -> "dict[str, str]":
    """Return the environment variables without those that redirect a Python's imports."""
    return {name: value for name, value in os.environ.items() if name not in _OTHER_PYTHONS}


def last_error(output: str) -> str:
    """Return the line of pip's (or venv's) output that says what went wrong."""
    lines = [line.strip(" |\t") for line in output.splitlines()]
    lines = [line for line in lines if line]
    # Above a traceback of its own, pip writes only "ERROR: Exception:"; the last line names it.
    errors = [line for line in lines if line.startswith("ERROR:") and line != "ERROR: Exception:"]
    return (errors or lines or ["it said nothing"])[-1]


def say(line: str) -> None:
    """Print a line and flush it, so that it precedes what a command prints next."""
    print(line, flush=True)


def exit_code(work: "typing.Callable[..., int]", *arguments: object) -> int:
    """Call `work`; a SetupError becomes one line and 2, Ctrl-C becomes 130."""
    try:
        return work(*arguments)
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return INTERRUPTED


def _captured(command: "list[str]", folder: str) -> "tuple[int, str]":
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=clean_variables(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        output = process.communicate()[0]
    except KeyboardInterrupt:
        process.wait()
        raise
    return process.returncode, output.decode(errors="replace")


def _quoted(word: str) -> str:
    return word if word and not set(word) & set(" []*?'\"$&|<>;()") else f'"{word}"'
