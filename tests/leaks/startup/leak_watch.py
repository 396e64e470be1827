"""Looks on in this process: what keysweep prints, starts, writes, logs and raises.

It runs in every Python that a test starts, also where tests look at what keysweep imports and how long it takes. So
it imports nothing that Python has not loaded by then.
"""

from __future__ import annotations

import os
import sys
from _thread import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType, FrameType, ModuleType

    Argument = str | bytes | os.PathLike[str] | os.PathLike[bytes]
    Arguments = Argument | Sequence[Argument]

_WRITING = os.O_WRONLY | os.O_RDWR
_IMPORT_SYSTEM = ("importlib._bootstrap_external", "_frozen_importlib_external")
_LAST_NAMES = {"keysweep.errors": "AwsError", "logging": "captureWarnings"}
"""Modules that matter, and what each has once it is loaded to its end."""
_PIECES = 500
_MONITOR = 4
"""A number that neither Python nor Hypothesis uses for itself."""


class Watch:
    """Tells what it sees: of what kind, where, and the content; of a file that is there, only where."""

    def __init__(self, tell: Callable[[str, str, bytes], None], process: str) -> None:
        """`process` names this process in what is told of its standard streams."""
        self._tell = tell
        self._process = process
        self._telling: set[int] = set()
        self._written: set[str] = set()
        self._raised: set[str] = set()
        self._unwatched = ["keysweep.errors", "logging"]
        self._handlers: dict[str, Callable[..., None]] = {
            "import": lambda *_: self._look_for_modules(),
            "open": self._opened,
            "os.rename": lambda _source, target, *_: self._wrote(target),
            "os.remove": lambda path, *_: self._removes(path),
            "shutil.rmtree": lambda path, *_: self._removes(path),
            "subprocess.Popen": lambda _program, arguments, *_: self._starts(arguments),
            "os.posix_spawn": lambda _program, arguments, *_: self._starts(arguments),
            "os.exec": lambda _program, arguments, *_: self._starts(arguments),
            "os.system": self._starts,
        }

    def begin(self) -> None:
        """Look on from now; this cannot be ended."""
        sys.addaudithook(self._on_event)
        self._look_for_modules()
        if sys.version_info >= (3, 12):
            sys.monitoring.use_tool_id(_MONITOR, "leaks")
            sys.monitoring.register_callback(_MONITOR, sys.monitoring.events.RAISE, self._on_raise)
            sys.monitoring.set_events(_MONITOR, sys.monitoring.events.RAISE)

    def forget(self) -> None:
        """Another test begins, to which everything is new."""
        self._written.clear()
        self._raised.clear()

    def overhear(self, name: str) -> None:
        """Tell what is printed to a standard stream, wherever that leads."""
        stream = getattr(sys, name)
        if stream is None:
            return
        pieces: list[str] = []
        write, flush = stream.write, stream.flush

        def tell() -> None:
            text = "".join(pieces)
            pieces.clear()
            self._say(name, self._process, text)

        def told_write(text: str) -> int:
            count = int(write(text))  # first, since it refuses what is no text, which some try out
            pieces.append(text)
            if len(pieces) > _PIECES or (name == "stderr" and text.endswith("\n")):
                tell()
            return count

        def told_flush() -> None:
            tell()
            flush()

        stream.write, stream.flush = told_write, told_flush

    def _say(self, kind: str, where: str, content: str | bytes) -> None:
        if not content:
            return
        if isinstance(content, str):
            content = content.encode("utf-8", "backslashreplace")
        thread = get_ident()
        is_first = thread not in self._telling
        self._telling.add(thread)
        try:
            self._tell(kind, where, content)
        finally:
            if is_first:
                self._telling.discard(thread)

    def _on_event(self, event: str, arguments: tuple[object, ...]) -> None:
        """Called by Python for whatever goes on; what telling does itself is none of keysweep's doing."""
        handler = self._handlers.get(event)
        thread = get_ident()
        if handler is None or thread in self._telling:
            return
        self._telling.add(thread)
        try:
            handler(*arguments)
        except OSError:  # such as a working directory that is gone: keysweep itself has to meet that, not we
            return
        finally:
            self._telling.discard(thread)

    def _opened(self, path: str | bytes | int, _mode: str | None, flags: int) -> None:
        if flags & _WRITING and not isinstance(path, int):
            self._wrote(path)

    def _wrote(self, path: str | bytes) -> None:
        if _is_keysweep_at_work():
            where = os.path.abspath(os.fsdecode(path))
            self._written.add(where)
            self._tell("file", where, b"")

    def _removes(self, path: str | bytes) -> None:
        """Tell what files hold that keysweep wrote, as long as they are there."""
        if not self._written:
            return
        where = os.path.abspath(os.fsdecode(path))
        for each in [each for each in tuple(self._written) if each == where or each.startswith(where + os.sep)]:
            self._written.discard(each)
            if os.path.isfile(each):
                with open(each, "rb") as stream:
                    self._say("content", each, stream.read())

    def _starts(self, arguments: Arguments) -> None:
        whose = "keysweep's" if _is_keysweep_at_work() else "a test's"
        self._say("arguments", f"{whose} {command(arguments)}", b"\n".join(map(os.fsencode, _listed(arguments))))

    def _look_for_modules(self) -> None:
        """Get between the modules that matter and what they tell, once they are loaded."""
        for name in self._unwatched:
            module = sys.modules.get(name)
            if module is not None and hasattr(module, _LAST_NAMES[name]):
                self._unwatched = [each for each in self._unwatched if each != name]
                if name == "logging":
                    self._watch_logs(module)
                else:
                    self._watch_errors(module)

    def _watch_logs(self, logging: ModuleType) -> None:
        make = logging.getLogRecordFactory()

        def told_make(*arguments: object, **named: object) -> object:
            record = make(*arguments, **named)
            text = f"{record.msg} {record.args}" if record.args else str(record.msg)
            error = record.exc_info[1] if record.exc_info else ""
            self._say("log", record.name, f"{text} {error}")
            return record

        logging.setLogRecordFactory(told_make)

    def _watch_errors(self, errors: ModuleType) -> None:
        make = errors.KeysweepError.__init__

        def told_init(error: BaseException, *arguments: object, **named: object) -> None:
            make(error, *arguments, **named)
            self._raises(error)

        errors.KeysweepError.__init__ = told_init

    def _on_raise(self, _code: CodeType, _offset: int, error: BaseException) -> None:
        """Called by Python 3.12 and newer for each frame that an exception passes."""
        if _name(sys._getframe(1)).startswith("keysweep."):
            self._raises(error)

    def _raises(self, error: BaseException) -> None:
        text = str(error)
        if text and text not in self._raised:
            self._raised.add(text)
            self._say("exception", type(error).__name__, text)


def command(arguments: Arguments) -> str:
    """A command as one reads it: without the directory of the program."""
    program, *rest = map(os.fsdecode, _listed(arguments))
    return " ".join((os.path.basename(program), *rest))


def _listed(arguments: Arguments) -> list[Argument]:
    return [arguments] if isinstance(arguments, str | bytes | os.PathLike) else list(arguments)


def _is_keysweep_at_work() -> bool:
    """Whether keysweep does this, and not a test that it calls back, or an import, which writes bytecode."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _name(frame) == __name__:
        frame = frame.f_back
    while frame is not None:
        name = _name(frame)
        if name.startswith("keysweep."):
            return True
        if name.startswith("tests.") or name in _IMPORT_SYSTEM:
            return False
        frame = frame.f_back
    return False


def _name(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))
