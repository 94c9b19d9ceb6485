"""The engine: what a script can do, where it ends, and what remains afterwards."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from rocketchat_integrations import (
    ConfigurationError,
    IntegrationScriptError,
    ScriptLimitError,
    ScriptRuntimeError,
    ScriptSyntaxError,
)
from rocketchat_integrations.scripts import LogLine, ScriptResponse, _v8, _v8_process
from rocketchat_integrations.scripts._engine import Engine, Outcome, check_syntax

METHOD = "process_incoming_request"


def script(body: str) -> str:
    return f"class Script {{ async {METHOD}({{ request }}) {{ {body} }} }}"


def plain(body: str) -> str:
    return f"class Script {{ {METHOD}({{ request }}) {{ {body} }} }}"


def run(source: str, request: Any = None, **options: Any) -> Outcome:
    """Call the method of a script in this process, which is faster."""
    with Engine(source, **cast("Any", {"own_process": False, **options})) as engine:
        return engine.call(METHOD, {"request": request})


def value(body: str, request: Any = None, **options: Any) -> Any:
    return run(script(body), request, **options).value


def test_a_method_gets_and_returns_json() -> None:
    data: Any = {"text": "é😀\ud800", "numbers": [1, 2.5, None, True], "nested": {"a": {}}}
    assert value("return request;", data) == data
    hidden = "Object.defineProperty({ a: 1 }, 'b', { value: 2, enumerable: false })"
    assert value(f"return [{hidden}, {{ [Symbol('c')]: 3, d: undefined }}];") == [{"a": 1}, {}]


def test_a_datetime_becomes_a_date() -> None:
    time = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    assert value("return [request.at instanceof Date, request.at];", {"at": time}) == [True, "2026-01-02T03:04:05.678Z"]
    with pytest.raises(TypeError, match="not set"):
        value("return request;", {1, 2})


def test_functions_names_the_methods_that_the_server_calls() -> None:
    with Engine(
        "class Script { other() {} process_outgoing_response() {} prepare_outgoing_request() {} }", own_process=False
    ) as engine:
        assert engine.functions == ("prepare_outgoing_request", "process_outgoing_response")
        assert repr(engine) == f"Engine(functions={engine.functions})"


def test_a_context_is_kept_between_calls() -> None:
    body = "Store.set('n', (Store.get('n') || 0) + 1); this.n = (this.n || 0) + 1; return [Store.get('n'), this.n];"
    with Engine(script(body), own_process=False) as engine:
        assert [engine.call(METHOD, {}).value for _ in range(3)] == [[1, 1], [2, 2], [3, 3]]


def test_the_console_is_collected_in_each_call() -> None:
    body = """
        console.log('text', 1, { a: [1] }, null, undefined, () => 1);
        console.info(1); console.warn(2); console.error(new TypeError('e').message); console.debug(Symbol('s'));
        const circle = {}; circle.self = circle; console.log(circle, { toString() { throw 1; } }, Object.create(null));
        console.table([1]);
    """
    with Engine(f"console.log('loading');{script(body)}", own_process=False) as engine:
        assert engine.loaded.logs == (LogLine("log", "loading"),)
        logs = engine.call(METHOD, {}).logs
        assert engine.call(METHOD, {}).logs == logs
    assert [(line.level, line.text) for line in logs] == [
        ("log", 'text 1 {"a":[1]} null undefined [function]'),
        ("info", "1"),
        ("warn", "2"),
        ("error", "e"),
        ("debug", "Symbol(s)"),
        ("log", "[object] [object] {}"),
    ]


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("s.trim('  a ')", "a"),
        ("s.trim('--a-', '-')", "a"),
        ("s.ltrim('.a.', /[.]/)", "a."),
        ("s.rtrim(' a ')", " a"),
        ("s.capitalize('aBC')", "ABC"),
        ("s.capitalize('aBC', true)", "Abc"),
        ("s.truncate('abcdefgh', 6)", "abc..."),
        ("s.truncate('abc', 6)", "abc"),
        ("s.stripTags('<b>a</b>')", "a"),
        ("s.strLeft('a_b_c', '_')", "a"),
        ("s.strRight('a_b_c', '_')", "b_c"),
        ("s.strRightBack('a_b_c', '_')", "c"),
        ("s.strLeft('abc', '')", "abc"),
        ("s.pad('a', 3, '-')", "a--"),
        ("s.pad('a', 3, '-', 'left')", "--a"),
        ("s.lrpad('a', 4)", "  a "),
        ("s.numberFormat(1234567.891, 2)", "1,234,567.89"),
        ("s.numberFormat(1234, 1, ',', '.')", "1.234,0"),
        ("s.numberFormat(null)", ""),
        ("s.trim(null)", ""),
    ],
)
def test_s_has_the_helpers_for_text(expression: str, result: str) -> None:
    assert value(f"return {expression};") == result


def test_fetch_gets_the_responses_of_the_caller() -> None:
    asked: list[tuple[str, Any]] = []

    def answer(url: str, options: Any) -> ScriptResponse:
        asked.append((url, options))
        return ScriptResponse(status=201, text='{"n": 1}', headers={"X-Kind": "test"})

    body = """
        const r = await fetch('https://example.com/a', { method: 'POST', body: 'b' });
        const again = await (await fetch('https://example.com/b')).json();
        return [r.status, r.ok, r.headers, r.url, await r.text(), again.n];
    """
    expected = [201, True, [["x-kind", "test"]], "https://example.com/a", '{"n": 1}', 1]
    assert value(body, fetch=answer) == expected
    assert asked == [("https://example.com/a", {"method": "POST", "body": "b"}), ("https://example.com/b", {})]


def test_fetch_rejects_without_a_response_and_names_the_url() -> None:
    body = "try { await fetch('https://example.com/x'); } catch (error) { return error.message; }"
    assert "https://example.com/x" in value(body)

    def refuse(url: str, options: Any) -> ScriptResponse:
        raise ConnectionRefusedError

    assert value(body, fetch=refuse) == "ConnectionRefusedError"


def test_errors_of_the_callers_fetch_are_raised() -> None:
    def broken(url: str, options: Any) -> ScriptResponse:
        raise LookupError("a bug in a test")

    with pytest.raises(LookupError, match="a bug in a test"):
        value("await fetch('x');", fetch=broken)


@pytest.mark.parametrize("name", ["require", "setTimeout", "clearTimeout", "HTTP", "_", "moment", "process", "ivm"])
def test_the_sandbox_lacks_what_the_servers_lacks(name: str) -> None:
    assert value(f"return typeof {name};") == "undefined"
    with pytest.raises(ScriptRuntimeError) as caught:
        value(f"{name}();")
    assert (caught.value.name, caught.value.message) == ("ReferenceError", f"{name} is not defined")


def test_a_syntax_error_has_its_place() -> None:
    with pytest.raises(ScriptSyntaxError) as caught:
        Engine("class Script {\n  a() {\n    let b c;\n  }\n}")
    error = caught.value
    assert (error.name, error.message) == ("SyntaxError", "Unexpected identifier 'c'")
    assert (error.line, error.column) == (3, 11)
    with pytest.raises(ScriptSyntaxError) as caught:
        check_syntax("let b c;")
    assert (caught.value.line, caught.value.column) == (1, 7)


def test_checking_the_syntax_runs_nothing() -> None:
    check_syntax("while (true) {}")
    check_syntax("}); while (true) {} (function () {")
    check_syntax("class Script { text() { return '\ud800'; } }")


def test_an_error_has_the_places_of_the_script_and_the_lines_logged_before() -> None:
    source = f"class Script {{ constructor() {{ this.x = 1; }}\n {METHOD}() {{ console.log(1);\n   null.x; }} }}"
    with pytest.raises(ScriptRuntimeError) as caught:
        run(source)
    assert f"    at Script.{METHOD} (script.js:3:9)" in caught.value.stack.split("\n")
    assert "sandbox.js" not in caught.value.stack
    assert caught.value.logs == (LogLine("log", "1"),)
    with pytest.raises(ScriptRuntimeError) as caught:
        run(plain("null.x;"))
    assert f"script.js:1:{plain('null.x;').index('.x') + 2}" in caught.value.stack


def test_in_the_way_of_8x_names_leak_and_are_told() -> None:
    source = f"""
        function helper() {{ return typeof later; }}
        {plain("first = 1; later = helper(); first += 1; return [first, later, typeof global.first, typeof never];")}
    """
    with pytest.raises(ScriptRuntimeError, match="first is not defined"):
        run(source)
    with Engine(f"loaded = 1; {source}", strict=False, own_process=False) as engine:
        assert engine.loaded.leaked == ("loaded",)
        outcome = engine.call(METHOD, {})
        assert outcome.value == [2, "undefined", "number", "undefined"]
        assert outcome.leaked == ("first", "later")
        assert engine.call(METHOD, {}).leaked == ()
    with pytest.raises(ScriptRuntimeError, match="unknown is not defined"):
        run(plain("return unknown;"), strict=False)
    with pytest.raises(ScriptRuntimeError, match="never is not defined"):
        run(plain("return never;"), strict=False)


HOSTILE = {
    "an endless loop": ("time", plain("while (true) {}")),
    "an endless loop while loading": ("time", "while (true) {}"),
    "an endless loop in a promise": ("time", plain("return Promise.resolve().then(() => { while (true) {} });")),
    "promises without end": ("memory", plain("const again = () => Promise.resolve().then(again); return again();")),
    "a slow regular expression": ("time", plain("return /(a+)+b/.test('a'.repeat(40));")),
    "a getter without end": ("time", plain("return { get a() { while (true) {} } };")),
    "a conversion without end": ("time", plain("return `${{ toString() { while (true) {} } }}`;")),
    "a proxy without end": ("time", plain("return new Proxy({}, { ownKeys() { while (true) {} } });")),
    "growing arrays": ("memory", plain("const all = []; while (true) all.push([1, 2, 3]);")),
    "growing texts": ("memory", plain("const all = []; while (true) all.push('x'.repeat(1e5) + all.length);")),
    "one large array": ("memory", plain("this.all = new Array(3e6).fill(1); return 1;")),
    "a large array in a built-in": ("memory", plain("this.all = 'a'.repeat(2e7).split(''); return 1;")),
    "a huge text": ("memory", plain("return 'x'.repeat(2e7);")),
    "a huge result": ("memory", plain("const a = new Array(3e3).fill('x'.repeat(1e4)); return a;")),
    "logs without end": ("memory", plain("while (true) console.log('x'.repeat(1e4));")),
    "a result that grows by references": (
        "time",
        plain("let a = ['x']; for (let i = 0; i < 30; i++) a = [a, a]; return a;"),
    ),
    "a promise that never settles": ("promise", plain("return new Promise(() => {});")),
    "an async method that waits forever": ("promise", script("await new Promise(() => {});")),
}
# What V8 does not interrupt, or dies of.
FATAL = {
    "a built-in that cannot be interrupted": (
        "time",
        plain("return [].lastIndexOf.call({ length: 2 ** 40, 0: 2 }, 1);"),
    ),
    "a loop that the script leaves behind": (
        "time",
        script(
            "const late = Atomics.waitAsync(new Int32Array(new SharedArrayBuffer(8)), 0, 0, 1).value;"
            "late.then(() => { while (true) {} }); for (;;) await fetch('https://example.com/').catch(() => 0);"
        ),
    ),
    "more parts than an array can have": ("memory", plain("return 'ab'.repeat(2.6e8).split('b').length;")),
    "more memory than there is": ("time", plain("return new Array(1e9).fill(0);")),
    "buffers without end": ("error", plain("const all = []; while (true) all.push(new Uint8Array(1e8));")),
}


@pytest.fixture(scope="module")
def bystander() -> Iterator[Engine]:
    with Engine(plain("return request + 1;")) as engine:
        yield engine


@pytest.mark.parametrize("name", [*HOSTILE, *FATAL])
def test_a_hostile_script_ends_at_its_limit(name: str, bystander: Engine) -> None:
    """This process, the scripts that run already, and the next one live."""
    limit, source = (HOSTILE | FATAL)[name]
    with pytest.raises(IntegrationScriptError) as caught:
        run(source, seconds=0.1 if limit == "time" else 60.0, own_process=True)
    assert getattr(caught.value, "limit", "error") == limit
    assert bystander.call(METHOD, {"request": 1}).value == 2
    assert value("return 1;") == 1


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_script_ends_at_its_limit_in_this_process(name: str) -> None:
    limit, source = HOSTILE[name]
    with pytest.raises(ScriptLimitError) as caught:
        run(source, seconds=0.1 if limit == "time" else 60.0)
    assert caught.value.limit == limit
    assert value("return 1;") == 1


def test_an_engine_in_its_own_process_behaves_alike() -> None:
    def answer(url: str, options: Any) -> ScriptResponse:
        return ScriptResponse(text=url)

    data: Any = {"text": "é😀\ud800"}
    body = "console.log('asking'); return [request, await (await fetch('https://example.com/')).text()];"
    outcome = run(script(body), data, fetch=answer, own_process=True)
    assert outcome.value == [data, "https://example.com/"]
    assert outcome.logs == (LogLine("log", "asking"),)
    with pytest.raises(ScriptSyntaxError):
        Engine("let b c;")


def test_the_process_of_v8_can_be_killed() -> None:
    """For example by the operating system, when it is short of memory."""
    with Engine(plain("return 1;")) as engine:
        process_of(engine).kill()
        for _ in range(2):
            with pytest.raises(ScriptLimitError, match="more than 8 MB"):
                engine.call(METHOD, {})


def process_of(engine: Engine) -> subprocess.Popen[bytes]:
    isolate = engine._context._isolate
    assert isinstance(isolate, _v8_process.IsolateProcess)
    called_at_close = isolate._close.peek()
    assert called_at_close is not None
    return cast("subprocess.Popen[bytes]", called_at_close[2][0])


def test_no_process_and_no_pipe_remains() -> None:
    """Neither after `close`, nor when an engine is forgotten: pytest fails for a ResourceWarning."""
    engines = [Engine(plain("return 1;")) for _ in range(2)]
    processes = [process_of(engine) for engine in engines]
    engines.pop().close()
    engines.clear()
    gc.collect()
    assert [process.returncode is None for process in processes] == [False, False]
    assert all(pipe is not None and pipe.closed for it in processes for pipe in (it.stdin, it.stdout))


@pytest.mark.parametrize("executable", ["", "missing/python", "false"])
def test_python_may_be_unable_to_start_a_process(executable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which(executable) or executable)
    with pytest.raises(ConfigurationError, match="own_process=False"):
        Engine("")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("own_process", [True, False])
def test_a_forked_process_loads_scripts_of_its_own(own_process: bool) -> None:
    with Engine(plain("return 1;"), own_process=own_process) as engine:
        check_syntax("")
        child = os.fork()
        if child == 0:  # pragma: no cover
            status = 1
            with suppress(BaseException):
                with pytest.raises(ConfigurationError, match="forked"):
                    engine.call(METHOD, {})
                engine.close()
                check_syntax("")
                status = value("return 0;", own_process=own_process)
            os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        assert engine.call(METHOD, {}).value == 1


def test_an_inherited_engine_only_closes_its_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a forked process does, in this one."""
    engines = [Engine(plain("return 1;"), own_process=own) for own in (True, False)]
    process, pid = process_of(engines[0]), os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: pid + 1)
    _v8._close_collected(cast("Any", None), cast("Any", None), pid)
    for engine in engines:
        with pytest.raises(ConfigurationError, match="forked"):
            engine.call(METHOD, {})
        engine.close()
    assert process.returncode == 0
    monkeypatch.undo()
    process.returncode = None
    process.wait(10)  # its pipe was closed


def test_the_process_of_v8_answers_requests_within_limits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    done: list[object] = []

    def note(*arguments: object, **_: object) -> None:
        done.extend(arguments)

    requests = [["evaluate", "'a'", 1], ["evaluate", "throw 1", 2], ["exceeds_memory", 3]]
    asked, answered = tmp_path / "requests", tmp_path / "answers"
    asked.write_text("\n".join(map(json.dumps, requests)), encoding="ascii")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "path", list(sys.path))
        patch.setattr(_v8, "_limit_memory", lambda: note("memory"))
        patch.setattr(os, "_exit", note)
        patch.setattr(signal, "signal", note)
        patch.setattr(faulthandler, "dump_traceback_later", note)
        patch.setattr(faulthandler, "cancel_dump_traceback_later", lambda: note("in time"))
        _v8.main("packages", str(2**23), os.open(asked, os.O_RDONLY), os.open(answered, os.O_WRONLY | os.O_CREAT))
        assert sys.path[-1] == "packages"
    kinds, values = zip(*map(json.loads, answered.read_text(encoding="ascii").splitlines()), strict=True)
    assert (kinds, values[1], values[3]) == (("", "", "thrown", ""), "a", False)
    assert done == [signal.SIGINT, signal.SIG_IGN, "memory", 2, "in time", 3, "in time", 4, "in time", 0]


@pytest.mark.skipif(sys.platform == "win32", reason="limits memory with the module resource")
def test_the_process_of_v8_limits_its_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import resource

    limited: dict[int, int] = {}

    def setrlimit(kind: int, limits: tuple[int, int]) -> None:
        limited[kind] = limits[0]
        if kind == resource.RLIMIT_DATA:
            raise ValueError("the limit is lower already")

    monkeypatch.setattr(resource, "setrlimit", setrlimit)
    used = tmp_path / "statm"
    monkeypatch.setattr(_v8, "_MEMORY_USED", used)
    _v8._limit_memory()
    assert limited == {}
    used.write_text("1 1 1 1 0 2 0")
    _v8._limit_memory()
    assert limited == {resource.RLIMIT_CORE: 0, resource.RLIMIT_DATA: 512 * 2**20 + 2 * resource.getpagesize()}


def test_large_payloads_do_not_add_up() -> None:
    payload = {"text": "😀" * 250_000}
    with Engine(plain("return request.text.length;"), own_process=False) as engine:
        assert {engine.call(METHOD, {"request": payload}).value for _ in range(20)} == {500_000}


KEEPS_ITS_SCRIPT = f"""
import os, signal, sys, threading
from {Engine.__module__} import Engine
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background process ignores it
threading.excepthook = lambda _: None
engine = Engine("class Script {{ {METHOD}() {{ while (true) {{}} }} }}", seconds=60, own_process=sys.argv[1] == "own")
sys.modules["kept"] = engine
call = threading.Thread(target=engine.call, args=("{METHOD}", {{}}), daemon=True)
print("loaded", flush=True)
if sys.argv[2] == "thread":
    call.start()
elif sys.argv[2] == "call":
    call.run()
"""


@pytest.mark.parametrize("doing", ["nothing", "thread"])
@pytest.mark.parametrize("process", ["same", "own"])
def test_a_process_ends_while_a_script_is_open(process: str, doing: str) -> None:
    """Also while it runs endlessly in a thread, long before its time limit."""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", KEEPS_ITS_SCRIPT, process, doing], check=True, timeout=50, stderr=-1
    )
    assert run.stderr == b""


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
@pytest.mark.parametrize("process", ["same", "own"])
def test_ctrl_c_ends_a_process_in_an_endless_loop_of_a_script(process: str) -> None:
    command = [sys.executable, "-c", KEEPS_ITS_SCRIPT, process, "call"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline()
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=50)
    assert errors.endswith("KeyboardInterrupt\n")


def test_at_exit_isolates_are_closed_without_waiting_for_v8(monkeypatch: pytest.MonkeyPatch) -> None:
    # Otherwise this would close the isolates of other tests.
    monkeypatch.setattr(_v8, "_open_isolates", weakref.WeakSet[_v8.Isolate]())
    busy, idle = _v8.Isolate(2**23), _v8.Isolate(2**23)
    failures: list[object] = []

    def work() -> None:
        with pytest.raises(_v8.EvaluationError) as caught:
            busy.evaluate("while (true) {}", 600)
        failures.append(caught.value.kind)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    while not busy._evaluations:
        pass
    for isolate in (busy, idle, idle):
        isolate.close_at_exit(5)
    thread.join(10)
    assert failures == ["time"]
    with pytest.raises(_v8.EvaluationError):
        idle.evaluate("1", 1)
    _v8.close_all()


def test_a_result_may_not_be_longer_than_the_memory() -> None:
    isolate = _v8.Isolate(2**20)
    with pytest.raises(_v8.EvaluationError) as caught:
        isolate.evaluate("'x'.repeat(2 ** 20 + 1)", 60)
    assert caught.value.kind == "memory"
    isolate.close()


def test_an_isolate_that_is_forgotten_is_freed() -> None:
    context = weakref.ref(_v8.Isolate(2**23)._racer)
    gc.collect()
    while context() is not None:  # freed in the thread of the event loop
        pass


def test_a_script_whose_call_was_interrupted_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with Engine(plain("return 1;"), own_process=False) as engine:
        monkeypatch.setattr(_v8.Isolate, "evaluate", interrupt)
        with pytest.raises(KeyboardInterrupt):
            engine.call(METHOD, {})
        with pytest.raises(ConfigurationError, match="closed"):
            engine.call(METHOD, {})


def test_an_isolate_can_be_closed_twice() -> None:
    """At exit, all isolates are closed that have not been collected, also those that a program has closed."""
    isolate = _v8.Isolate(2**23)
    for _ in range(2):
        isolate.close()


def test_a_script_that_reached_a_limit_cannot_be_called_again() -> None:
    with Engine(plain("console.log('working'); while (true) {}"), seconds=1, own_process=False) as engine:
        with pytest.raises(ScriptLimitError) as caught:
            engine.call(METHOD, {})
        assert caught.value.logs == (LogLine("log", "working"),)
        with pytest.raises(ScriptLimitError, match="longer than 1 seconds"):
            engine.call(METHOD, {})


@pytest.mark.parametrize("settle", ["resolve", "reject"])
def test_a_promise_that_settles_too_late_does_not_disturb_the_next_call(settle: str) -> None:
    source = plain(
        "if (request) { late(1); return 2; }"
        f"return new Promise((resolve, reject) => {{ globalThis.late = {settle}; }});"
    )
    with Engine(source, own_process=False) as engine:
        with pytest.raises(ScriptLimitError):
            engine.call(METHOD, {"request": None})
        assert engine.call(METHOD, {"request": 1}).value == 2


def test_requests_without_end_reach_the_time_limit() -> None:
    def answer(url: str, options: Any) -> ScriptResponse:
        return ScriptResponse()

    with pytest.raises(ScriptLimitError, match="longer than 0.1 seconds"):
        run(script("while (true) await fetch('x');"), seconds=0.1, fetch=answer)


TRICKS = """
    JSON.stringify = JSON.parse = () => 'x';
    Promise.prototype.then = () => 1;
    Set.prototype.has = Map.prototype.get = () => { throw 1; };
    Object.prototype.toJSON = () => 1;
    Reflect.apply = Reflect.ownKeys = Object.freeze = Array.isArray = () => { throw 1; };
    Array.prototype[Symbol.iterator] = () => 1;
    Date.prototype.toISOString = Date.prototype.getTime = () => 'x';
    Object.defineProperty(Array.prototype, '0', { set() { throw 1; } });
    globalThis.Error = globalThis.Promise = globalThis.String = undefined;
"""


def test_a_script_that_replaces_builtins_gets_its_own_result() -> None:
    source = f"{TRICKS} {plain('console.log(request); return { ok: [1, { at: new Date(0) }], request };')}"
    outcome = run(source, {"a": [1]})
    assert outcome.value == {"ok": [1, {"at": "1970-01-01T00:00:00.000Z"}], "request": {"a": [1]}}
    assert outcome.logs == (LogLine("log", '{"a":[1]}'),)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("const a = {}; a.a = a; return a;", "the result.a: a circular structure"),
        ("return [() => 1];", "the result[0]: a function could not be cloned."),
        ("return 1n;", "the result: a bigint could not be cloned."),
        ("return new Proxy({}, { ownKeys() { throw new Error('trap'); } });", "trap"),
        ("let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return a;", "Maximum call stack size exceeded"),
        ("throw { get message() { throw 1; }, __proto__: Error.prototype };", ""),
        ("throw { toString() { throw 1; } };", ""),
        ("throw new Proxy({}, { getPrototypeOf() { throw 1; } });", ""),
    ],
)
def test_a_result_that_cannot_be_copied_is_an_error(body: str, message: str) -> None:
    with pytest.raises(ScriptRuntimeError) as caught:
        run(plain(body))
    assert caught.value.message in (message, "[object Object]")


@pytest.mark.parametrize("own_process", [True, False])
def test_two_threads_run_two_scripts(own_process: bool) -> None:
    results: dict[int, list[int]] = {1: [], 2: []}

    def work(number: int) -> None:
        with Engine(script("return request + 1;"), own_process=own_process) as engine:
            results[number] = [engine.call(METHOD, {"request": number * 100 + n}).value for n in range(50)]

    threads = [threading.Thread(target=work, args=(number,)) for number in results]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: [number * 100 + n + 1 for n in range(50)] for number in results}


def test_a_script_runs_within_an_event_loop() -> None:
    async def main() -> Any:
        return value("return 1;")

    assert asyncio.run(main()) == 1


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="measures with /proc")
def test_contexts_leave_memory_and_threads_as_they_were() -> None:
    def measure() -> tuple[int, int]:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE"), len(list(Path("/proc/self/task").iterdir()))

    def use(contexts: int) -> None:
        for _ in range(contexts):
            isolate = _v8.Isolate(2**23)
            assert isolate.evaluate("'a'", 60) == "a"
            isolate.close()

    use(100)
    memory, threads = measure()
    use(900)
    assert measure()[0] - memory < 10 * 2**20
    # Threads of closed contexts may be ending.
    assert measure()[1] <= threads + 3


def test_a_closed_engine_cannot_be_called() -> None:
    engine = Engine(script(""))
    engine.close()
    engine.close()
    with pytest.raises(ConfigurationError, match="closed"):
        engine.call(METHOD, {})


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cast("dict[str, Any]", sys.modules), "py_mini_racer", None)
    for own_process in (False, True):
        with pytest.raises(ConfigurationError, match=r"rocketchat-integrations\[scripts\]"):
            Engine("", own_process=own_process)


def test_importing_the_package_does_not_load_v8() -> None:
    program = "import rocketchat_integrations.scripts, sys; sys.exit('py_mini_racer' in sys.modules)"
    subprocess.run([sys.executable, "-I", "-c", program], check=True)
