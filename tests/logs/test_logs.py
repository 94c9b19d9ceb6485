"""Log records in a room: delivered if that can be done without a risk for the program that logs, else counted."""

from __future__ import annotations

import logging
import logging.config
import logging.handlers
import os
import queue
import subprocess
import threading
from collections.abc import Callable
from typing import Any, TypeAlias
from unittest.mock import Mock

import pytest

from rocketchat_integrations import ConfigurationError, IncomingWebhook, RetryPolicy, logs
from rocketchat_integrations._protocol.http import Request, Response, Transport
from rocketchat_integrations.logs import RocketChatHandler

MakeLogger: TypeAlias = Callable[..., logging.Logger]
RunProgram: TypeAlias = Callable[[str], "subprocess.CompletedProcess[str]"]


def length_in_javascript(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


# What arrives.


def test_records_arrive_in_order(hook: Any, log: logging.Logger, handler: RocketChatHandler) -> None:
    """The room shows what happened in the order in which it happened."""
    for number in range(50):
        log.info("record %d", number)
    handler.flush()
    assert "\n".join(hook.posts).splitlines() == [f"record {number}" for number in range(50)]
    assert handler.dropped == 0


def test_a_record_tells_when_how_bad_and_from_where(hook: Any, logger_of: MakeLogger) -> None:
    """Without a formatter of one's own, a record has its time, level and logger."""
    handler = RocketChatHandler(hook.url, level="WARNING")
    log = logger_of(handler)
    log.info("not for the room")
    log.error("disk full")
    handler.close()
    (post,) = hook.posts
    assert post.endswith(f" ERROR {log.name}: disk full")
    assert post[:2] == "20"


def test_records_that_wait_share_a_post(hook: Any, gated: Any, make_handler: Any, logger_of: MakeLogger) -> None:
    """A burst of records is one message, not a hundred."""
    webhook, gate = gated
    handler = make_handler(webhook)
    log = logger_of(handler)
    log.info("first")
    assert gate.reached.wait(60)
    for number in range(100):
        log.info("record %d", number)
    gate.opened.set()
    handler.flush()
    assert hook.posts == ["first", "\n".join(f"record {number}" for number in range(100))]


def test_no_message_is_longer_than_the_server_allows(
    hook: Any, gated: Any, make_handler: Any, logger_of: MakeLogger
) -> None:
    """What does not fit into one message goes into the next."""
    webhook, gate = gated
    handler = make_handler(webhook, message_size=1000)
    log = logger_of(handler)
    records = [f"{number:03} " + "\U0001f600" * 100 for number in range(30)]
    for record in records:
        log.info(record)
    gate.opened.set()
    handler.flush()
    assert "\n".join(hook.posts).splitlines() == records
    assert 500 < max(length_in_javascript(message.text) for message in hook.server.messages) <= 1000


@pytest.mark.parametrize("character", ["x", "\U0001f600", "@"])
def test_a_long_record_loses_its_middle(
    hook: Any, log: logging.Logger, handler: RocketChatHandler, character: str
) -> None:
    """The beginning and the end are there, with a note of how much is missing."""
    log.error("What happened: " + character * 20_000 + " and why")
    handler.flush()
    (post,) = hook.posts
    assert post.startswith("What happened: ")
    assert post.endswith(" and why")
    assert " characters left out ...]" in post
    assert length_in_javascript(hook.server.messages[0].text) <= 4000


def test_the_cut_makes_no_mention(hook: Any, log: logging.Logger, handler: RocketChatHandler) -> None:
    """Where the end of a long record begins with an @, nobody is called."""
    log.error("x" * 10_000 + "@all " + "y" * 1905)
    handler.flush()
    assert "left out ...]@all yyy" in hook.posts[0]


def test_an_exception_comes_with_its_traceback(hook: Any, log: logging.Logger, handler: RocketChatHandler) -> None:
    """`logger.exception` shows in the room what it shows on the console."""
    try:
        raise LookupError("no such disk")
    except LookupError:
        log.exception("backup failed")
    handler.flush()
    (post,) = hook.posts
    assert post.startswith("backup failed\nTraceback (most recent call last):\n")
    assert post.endswith("LookupError: no such disk")


def test_a_record_shows_how_things_were_when_it_was_logged(
    hook: Any, gated: Any, make_handler: Any, logger_of: MakeLogger
) -> None:
    """What changes between logging and posting is shown as it was."""
    webhook, gate = gated
    handler = make_handler(webhook)
    state = ["starting"]
    logger_of(handler).info("state: %s", state)
    state[0] = "running"
    gate.opened.set()
    handler.flush()
    assert hook.posts == ["state: ['starting']"]


@pytest.mark.parametrize("backticks", range(3, 9))
def test_a_record_cannot_break_out_of_its_code_block(
    hook: Any, log: logging.Logger, handler: RocketChatHandler, backticks: int
) -> None:
    """No text that a program logs can end the block and be formatted."""
    log.info("`" * backticks + "\n# loud")
    handler.flush()
    assert hook.server.messages[0].text.count("```") == 2
    assert hook.posts[0].replace("\u200b", "") == "`" * backticks + "\n# loud"


def test_a_record_calls_nobody(hook: Any, log: logging.Logger, handler: RocketChatHandler) -> None:
    """A mention in a record, which servers look for in code blocks, too, does not notify the whole room."""
    log.info("@all >@here said @alice to a@b.example, @ noon")
    handler.flush()
    assert hook.posts == ["@\u200ball >@\u200bhere said @\u200balice to a@b.example, @ noon"]


@pytest.mark.parametrize(
    "blank", list("\t\n\v\f\r \u00a0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"), ids=ascii
)
def test_whatever_javascript_takes_for_a_blank_makes_no_mention(
    hook: Any, log: logging.Logger, handler: RocketChatHandler, blank: str
) -> None:
    log.info("x%s@all", blank)
    handler.flush()
    assert hook.posts == [f"x{blank}@\u200ball"]


def test_a_record_fetches_nothing(hook: Any, log: logging.Logger, handler: RocketChatHandler) -> None:
    """The server does not call the addresses in records for previews."""
    log.info("see https://internal.example/reset?once=1")
    handler.flush()
    assert hook.server.messages[0].document["parseUrls"] is False


def test_half_a_surrogate_pair_is_shown_as_an_escape(hook: Any, handler: RocketChatHandler) -> None:
    """The name of a file that is no text can be logged like any other."""
    # Not by a logger: pytest would put the text into its report, and pytest-xdist cannot send that on.
    name = os.fsdecode(b"\xe9t\xe9")
    handler.handle(logging.LogRecord("app", logging.INFO, __file__, 1, "cannot read %s", (name,), None))
    handler.flush()
    assert hook.posts == ["cannot read \\udce9t\\udce9"]


# What is dropped, and how one knows.


def test_a_server_that_hangs_does_not_block_the_program(hook: Any, make_handler: Any, logger_of: MakeLogger) -> None:
    """Logging ten times what the queue holds returns; what did not fit is counted and told."""
    hook.server.fail_next("hooks", "hang")
    with IncomingWebhook(hook.url, timeout=(5, 0.5)) as webhook:
        handler = make_handler(webhook, capacity=10)
        log = logger_of(handler)
        log.info("lost")
        hook.server.wait_for_request("hooks", 60)
        for number in range(100):
            log.info("record %d", number)
        assert handler.dropped == 90
        handler.flush(timeout=60)
    assert handler.dropped == 91
    waited = [f"record {number}" for number in range(10)]
    assert hook.posts == ["91 log records were not delivered.\n" + "\n".join(waited)]


def test_a_disabled_webhook_costs_records_and_nothing_else(
    hook: Any, log: logging.Logger, handler: RocketChatHandler
) -> None:
    """When somebody enables it again, the next message says how many records are missing, once."""
    hook.enable(False)
    log.info("one")
    handler.flush()
    log.info("two")
    handler.flush()
    assert handler.dropped == 2
    hook.enable(True)
    for word in ("three", "four"):
        log.info(word)
        handler.flush()
    assert hook.posts == ["2 log records were not delivered.\nthree", "four"]
    assert handler.dropped == 2


def test_a_post_whose_answer_is_lost_is_not_repeated(
    hook: Any, log: logging.Logger, handler: RocketChatHandler
) -> None:
    """No record appears twice; it counts as dropped, for nobody knows."""
    hook.server.fail_next("hooks", "reset-after")
    log.info("once")
    handler.flush()
    assert hook.posts == ["once"]
    assert handler.dropped == 1


def test_an_unreachable_server_costs_records_and_nothing_else(
    hook: Any, make_handler: Any, logger_of: MakeLogger
) -> None:
    """Where nobody listens, records are counted."""
    hook.server.stop()
    with IncomingWebhook(hook.url, retry=RetryPolicy.never()) as webhook:
        handler = make_handler(webhook)
        logger_of(handler).info("anybody?")
        handler.flush(timeout=60)
    assert handler.dropped == 1


def test_a_rate_limit_is_waited_for(hook: Any, log: logging.Logger, handler: RocketChatHandler) -> None:
    """A refusal for too many posts loses nothing."""
    hook.server.fail_next("hooks", "429")
    log.info("patient")
    handler.flush(timeout=60)
    assert hook.posts == ["patient"]
    assert handler.dropped == 0


def test_a_rate_limit_that_is_not_waited_for_drops(hook: Any, make_handler: Any, logger_of: MakeLogger) -> None:
    """How long to wait is the webhook's policy; after that, the records are counted."""
    hook.server.fail_next("hooks", "429")
    with IncomingWebhook(hook.url, retry=RetryPolicy.never()) as webhook:
        handler = make_handler(webhook)
        logger_of(handler).info("impatient")
        handler.flush()
    assert handler.dropped == 1


def test_a_failure_is_told_to_the_other_handlers(
    hook: Any, log: logging.Logger, handler: RocketChatHandler, caplog: pytest.LogCaptureFixture
) -> None:
    """On the console one sees why records do not arrive, without the webhook's address."""
    hook.enable(False)
    log.info("lost")
    handler.flush()
    (warning,) = [record.getMessage() for record in caplog.records if record.name == "rocketchat_integrations.logs"]
    assert warning.startswith("1 log records were not delivered: ")
    assert "the webhook is disabled" in warning
    assert hook.record.token not in caplog.text


def test_a_transport_that_fails_in_its_own_way_does_not_end_the_thread(
    hook: Any, gated: Any, make_handler: Any, logger_of: MakeLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a post raises, the next one is tried."""
    webhook, gate = gated
    gate.opened.set()
    handler = make_handler(webhook)
    log = logger_of(handler)
    with monkeypatch.context() as patch:
        patch.setattr(gate, "send", Mock(side_effect=ZeroDivisionError))
        log.info("one")
        handler.flush()
    log.info("two")
    handler.flush()
    assert hook.posts == ["1 log records were not delivered.\ntwo"]


def test_without_a_thread_records_are_counted(
    hook: Any, log: logging.Logger, handler: RocketChatHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the system has no more threads to give, the program goes on, and the next record tries again."""
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", Mock(side_effect=RuntimeError("can't start new thread")))
        log.info("one")
        handler.flush()
    assert handler.dropped == 1
    log.info("two")
    handler.flush()
    assert hook.posts == ["1 log records were not delivered.\ntwo"]


def test_a_record_that_cannot_be_formatted_is_reported_as_logging_does(
    handler: RocketChatHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slip in a log call is shown by `handleError`, and does not reach the program."""
    report = Mock()
    monkeypatch.setattr(handler, "handleError", report)
    record = logging.LogRecord("app", logging.INFO, __file__, 1, "%d disks", ("many",), None)
    handler.handle(record)
    report.assert_called_once_with(record)


@pytest.mark.parametrize("result", [None, 5, b"bytes"])
def test_a_formatter_that_gives_no_text_is_reported_as_logging_does(
    hook: Any, log: logging.Logger, handler: RocketChatHandler, monkeypatch: pytest.MonkeyPatch, result: object
) -> None:
    """It costs its record, and the ones after it are posted."""
    report = Mock()
    monkeypatch.setattr(handler, "handleError", report)
    with monkeypatch.context() as patch:
        patch.setattr(handler.formatter, "format", Mock(return_value=result))
        log.info("lost")
    log.info("posted")
    handler.flush()
    assert report.call_count == 1
    assert hook.posts == ["posted"]


def test_a_made_up_record_without_a_name_is_posted(hook: Any, handler: RocketChatHandler) -> None:
    """As every handler of the standard library takes it."""
    handler.handle(logging.makeLogRecord({"msg": "anonymous"}))
    handler.flush()
    assert hook.posts == ["anonymous"]


# What is not fed back.


def test_posting_does_not_cause_posts(hook: Any, handler: RocketChatHandler, monkeypatch: pytest.MonkeyPatch) -> None:
    """With DEBUG on the root logger, one record is one post, though the post itself is logged."""
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    spy = logging.Handler()
    monkeypatch.setattr(spy, "handle", seen := Mock(return_value=True))
    root.addHandler(spy)
    try:
        logging.getLogger("app").info("once")
        handler.flush()
        hook.enable(False)
        logging.getLogger("app").info("refused")
        handler.flush()
    finally:
        root.removeHandler(handler)
        root.removeHandler(spy)
        root.setLevel(level)
    assert hook.posts == ["once"]
    assert handler.dropped == 1
    assert {"urllib3.connectionpool", "rocketchat_integrations.logs"} <= {
        call.args[0].name for call in seen.call_args_list
    }


@pytest.mark.parametrize("name", ["urllib3", "requests.sessions", "rocketchat_integrations"])
def test_records_about_posting_are_left_out_whoever_posts(
    hook: Any, log: logging.Logger, handler: RocketChatHandler, name: str
) -> None:
    """Also what other threads log about their calls stays out."""
    for each, text in ((name, "left out"), (f"{name.partition('.')[0]}_too", "posted")):
        handler.handle(logging.LogRecord(each, logging.INFO, __file__, 1, text, (), None))
    handler.flush()
    assert hook.posts == ["posted"]


class Talkative:
    """A transport that logs, under a name of its own."""

    def __init__(self, transport: Transport, log: logging.Logger) -> None:
        self._transport = transport
        self._log = log

    def send(self, request: Request) -> Response:
        self._log.info("sending")
        return self._transport.send(request)

    def close(self) -> None:
        self._transport.close()


def test_two_handlers_do_not_feed_each_other(hook: Any, make_handler: Any, logger_of: MakeLogger) -> None:
    """What one handler's thread logs is not posted by another, also when it comes through a queue."""
    log = logger_of()
    with IncomingWebhook(hook.url) as webhook:
        webhook._driver._transport = Talkative(webhook._driver._transport, log)
        handlers = [make_handler(webhook), make_handler(webhook)]
        records: queue.Queue[Any] = queue.Queue()
        listener = logging.handlers.QueueListener(records, handlers[1])
        log.addHandler(handlers[0])
        log.addHandler(logging.handlers.QueueHandler(records))
        log.info("hello")
        handlers[0].flush()
        listener.start()
        listener.stop()
        handlers[1].flush()
    assert hook.posts == ["hello", "hello"]


# How it ends.


def test_closing_delivers_what_is_waiting(hook: Any, log: logging.Logger, handler: RocketChatHandler) -> None:
    """A program that shuts its logging down loses nothing, and no thread is left."""
    for number in range(20):
        log.info("record %d", number)
    handler.close()
    assert "\n".join(hook.posts).splitlines() == [f"record {number}" for number in range(20)]
    assert not any(thread.name == "rocketchat_integrations.logs" for thread in threading.enumerate())


def test_closing_closes_the_connections_it_made(hook: Any, log: logging.Logger, handler: RocketChatHandler) -> None:
    """The handler's own webhook is closed with it, also when nothing was ever logged."""
    unused = RocketChatHandler(hook.url)
    log.info("one")
    for each in (handler, unused):
        each.close()
        with pytest.raises(ConfigurationError, match="closed"):
            each._webhook.post("two")


def test_closing_leaves_somebody_elses_webhook_open(hook: Any, make_handler: Any, logger_of: MakeLogger) -> None:
    """A webhook that the program made stays the program's."""
    with IncomingWebhook(hook.url) as webhook:
        handler = make_handler(webhook)
        logger_of(handler).info("logged")
        handler.close()
        webhook.post("```\nposted\n```")
    assert hook.posts == ["logged", "posted"]


def test_closing_twice_and_logging_afterwards_do_no_harm(
    hook: Any, log: logging.Logger, handler: RocketChatHandler
) -> None:
    """What comes too late is counted; nothing is raised, and nothing waits."""
    log.info("in time")
    handler.close()
    handler.close()
    log.info("too late")
    handler.flush()
    assert hook.posts == ["in time"]
    assert handler.dropped == 1


def test_closing_gives_up_on_a_server_that_hangs(
    hook: Any, gated: Any, make_handler: Any, logger_of: MakeLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the time for it is over, the rest counts as dropped; what gets through after all does not."""
    monkeypatch.setattr(logs, "_FLUSH_SECONDS", 0.05)
    webhook, gate = gated
    handler = make_handler(webhook)
    log = logger_of(handler)
    log.info("under way")
    assert gate.reached.wait(60)
    log.info("waiting")
    handler.close()
    assert handler.dropped == 2
    gate.opened.set()
    handler._sender._thread.join(60)
    assert hook.posts == ["under way"]
    assert handler.dropped == 1


def test_a_failure_after_closing_is_not_told(
    hook: Any,
    gated: Any,
    make_handler: Any,
    logger_of: MakeLogger,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The thread that was given up writes to no stream while the interpreter ends."""
    monkeypatch.setattr(logs, "_FLUSH_SECONDS", 0.0)
    webhook, gate = gated
    handler = make_handler(webhook)
    logger_of(handler).info("under way")
    assert gate.reached.wait(60)
    handler.close()
    hook.enable(False)
    gate.opened.set()
    handler._sender._thread.join(60)
    assert handler.dropped == 1
    assert not any(record.name == "rocketchat_integrations.logs" for record in caplog.records)


def test_what_a_flush_has_waited_for_is_not_waited_for_again(
    gated: Any, make_handler: Any, logger_of: MakeLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`logging.shutdown` flushes and closes: both together wait no longer than one."""
    monkeypatch.setattr(logs, "_FLUSH_SECONDS", 0.2)
    webhook, _ = gated
    handler = make_handler(webhook)
    logger_of(handler).info("under way")
    handler.flush(timeout=0.2)
    join = Mock(side_effect=handler._sender._thread.join)
    monkeypatch.setattr(handler._sender._thread, "join", join)
    handler.close()
    join.assert_called_once_with(0.0)


def test_a_flush_that_was_answered_late_is_forgotten(
    hook: Any, gated: Any, make_handler: Any, logger_of: MakeLogger
) -> None:
    """A server that hung once and has recovered gets the whole time at the end."""
    webhook, gate = gated
    handler = make_handler(webhook)
    log = logger_of(handler)
    log.info("slow")
    handler.flush(timeout=0.0)
    gate.opened.set()
    handler.flush()
    log.info("last")
    handler.close()
    assert hook.posts == ["slow", "last"]


# Real processes.


def test_a_program_that_ends_delivers_what_is_waiting(hook: Any, run: RunProgram) -> None:
    """The last words of a program, and those of its exit handlers, arrive."""
    program = "import atexit; atexit.register(log.info, 'good-bye')\nlog.info('hello')\nsys.exit(3)"
    result = run(program)
    assert (result.returncode, result.stderr) == (3, "")
    assert "\n".join(hook.posts).splitlines() == ["hello", "good-bye"]


def test_a_program_that_crashes_tells_why(hook: Any, run: RunProgram) -> None:
    """An uncaught exception that the program logs is in the room."""
    result = run("sys.excepthook = lambda *how: log.critical('crashed', exc_info=how)\n1/0")
    assert (result.returncode, result.stderr) == (1, "")
    assert hook.posts[0].endswith("ZeroDivisionError: division by zero")


def test_a_program_ends_though_the_server_hangs(hook: Any, run: RunProgram) -> None:
    """A server that does not answer, for which a post would wait 30 seconds, does not keep a program from ending."""
    hook.server.fail_next("hooks", "hang")
    result = run("log.info('hello')\nlog.info('anybody?')")
    assert (result.returncode, result.stderr) == (0, "")
    assert hook.server.messages == ()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_logs_on_its_own(hook: Any, run: RunProgram) -> None:
    """Parent and child both get their records through, before and after the fork, and none appears twice."""
    program = (
        "log.info('parent, before')\n"
        "handler.flush()\n"
        "log.info('parent, waiting')\n"
        "child = os.fork()\n"
        "log.info('child' if child == 0 else 'parent, after')\n"
        "if child: os.waitpid(child, 0)\n"
    )
    result = run(program)
    assert result.returncode == 0
    lines = "\n".join(hook.posts).splitlines()
    assert sorted(lines) == ["child", "parent, after", "parent, before", "parent, waiting"]


def test_a_new_process_begins_anew(
    hook: Any, gated: Any, make_handler: Any, logger_of: MakeLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a fork, the child has a queue, a thread and connections of its own, and counts its own drops."""
    lender, borrower = make_handler(hook.url, capacity=1), make_handler(gated[0])
    log = logger_of(lender, borrower)
    gated[1].opened.set()
    log.info("parent")
    for handler in (lender, borrower):
        handler.flush()
    webhooks = [lender._webhook, borrower._webhook]
    threads = [lender._sender._thread, borrower._sender._thread]
    parents = [lender._sender, borrower._sender]
    monkeypatch.setattr(os, "getpid", Mock(return_value=-1))
    log.info("child")
    for handler in (lender, borrower):
        handler.flush()
        assert handler.dropped == 0
        assert handler._sender._thread not in threads
    assert lender._webhook is not webhooks[0]
    assert borrower._webhook is webhooks[1]
    assert sorted(hook.posts) == ["child", "child", "parent", "parent"]
    for sender in (*parents, lender._sender, borrower._sender):
        sender.stop()


# How it is set up.


def test_it_can_be_set_up_by_a_dictionary(hook: Any) -> None:
    """A configuration file needs nothing but the address."""
    config: dict[str, Any] = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"short": {"format": "%(levelname)s %(message)s"}},
        "handlers": {
            "chat": {
                "class": "rocketchat_integrations.logs.RocketChatHandler",
                "webhook": hook.url,
                "level": "ERROR",
                "formatter": "short",
                "capacity": 5,
            }
        },
        "loggers": {"configured": {"handlers": ["chat"], "level": "DEBUG", "propagate": False}},
    }
    logging.config.dictConfig(config)
    log = logging.getLogger("configured")
    (handler,) = log.handlers
    log.warning("not for the room")
    log.error("for the room")
    handler.close()
    log.removeHandler(handler)
    assert hook.posts == ["ERROR for the room"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"webhook": "chat.example.com/hooks/ID/SECRET"}, "url: must be a URL that begins with https"),
        ({"webhook": None}, "webhook: must be an IncomingWebhook or its address"),
        ({"capacity": 0}, "capacity: must be"),
        ({"capacity": True}, "capacity: must be"),
        ({"message_size": 299}, "message_size: must be"),
        ({"message_size": "4000"}, "message_size: must be"),
    ],
)
def test_a_wrong_set_up_is_refused(arguments: dict[str, Any], complaint: str) -> None:
    """A slip in the configuration is found when the program starts, and shows no secret."""
    options: dict[str, Any] = {"webhook": "https://chat.example.com/hooks/ID/SECRET", **arguments}
    with pytest.raises(ConfigurationError, match=complaint) as error:
        RocketChatHandler(**options)
    assert "SECRET" not in str(error.value)
    frames: list[dict[str, Any]] = []
    traceback = error.tb.tb_next
    while traceback is not None:
        frames.append(traceback.tb_frame.f_locals)
        traceback = traceback.tb_next
    assert "SECRET" not in repr(frames)


def test_a_handler_does_not_show_the_address(hook: Any, handler: RocketChatHandler) -> None:
    """A repr, also of what it holds, has no secret."""
    assert hook.record.token not in repr(handler) + repr(vars(handler)) + repr(vars(handler._sender))
