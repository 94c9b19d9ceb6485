"""RocketChatHandler: records reach the room, or are counted, and the program never waits."""

from __future__ import annotations

import json
import logging
import logging.config
import logging.handlers
import os
import queue
import re
import sys
import threading
import tomllib
import traceback
import tracemalloc
from typing import Any
from unittest.mock import Mock

import pytest

from rocketchat_integrations import ConfigurationError, IncomingWebhook, TransportError, logs
from rocketchat_integrations._protocol.http import Request, Response
from rocketchat_integrations.logs import RocketChatHandler

from .conftest import THREAD, URL, Hook, MakeHandler, Room

LOST = TransportError("lost", kind="reset", host="chat.example.com", port=443, may_have_acted=True)


def length_in_javascript(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


# What arrives


def test_records_that_wait_share_a_post(room: Room, make: MakeHandler) -> None:
    handler, log = make()
    room.open.clear()
    log.info("first")
    assert room.reached.wait(60)
    for number in range(100):
        log.info("record %d", number)
    room.open.set()
    handler.flush()
    assert room.posts == ["first", "\n".join(f"record {number}" for number in range(100))]
    assert handler.dropped == 0


def test_by_default_a_record_has_time_level_and_logger(webhook: IncomingWebhook, room: Room) -> None:
    handler = RocketChatHandler(webhook, level="WARNING")
    log = logging.Logger("app")
    log.addHandler(handler)
    log.info("not for the room")
    log.error("disk full")
    handler.close()
    (post,) = room.posts
    assert post.endswith(" ERROR app: disk full")
    assert post[:2] == "20"


def test_no_message_is_longer_than_the_server_allows(room: Room, make: MakeHandler) -> None:
    handler, log = make(message_size=1000)
    records = [f"{number:03} " + "\U0001f600" * 100 for number in range(30)]
    room.open.clear()
    for record in records:
        log.info(record)
    room.open.set()
    handler.flush()
    assert "\n".join(room.posts).splitlines() == records
    assert 500 < max(length_in_javascript(message["text"]) for message in room.messages) <= 1000


@pytest.mark.parametrize("character", ["x", "\U0001f600", "@"])
def test_a_long_record_loses_its_middle(room: Room, make: MakeHandler, character: str) -> None:
    """A note says how much is missing."""
    handler, log = make()
    log.error("What happened: " + character * 20_000 + " and why")
    handler.flush()
    (post,) = room.posts
    assert post.startswith("What happened: ")
    assert post.endswith(" and why")
    missing = re.search(r"\n\[\.\.\. (\d+) characters left out \.\.\.\]", post)
    assert missing is not None
    assert len(post) - len(missing[0]) + int(missing[1]) - post.count("\u200b") == 20_023
    assert length_in_javascript(room.messages[0]["text"]) <= 4000


def test_a_cut_makes_no_mention(room: Room, make: MakeHandler) -> None:
    """The end of a long record may begin with an @."""
    handler, log = make()
    log.error("x" * 10_000 + "@all " + "y" * 1905)
    handler.flush()
    assert "left out ...]@all yyy" in room.posts[0]


def test_an_exception_is_posted_with_its_traceback(room: Room, make: MakeHandler) -> None:
    handler, log = make()
    try:
        raise LookupError("no such disk")
    except LookupError:
        log.exception("backup failed")
    handler.flush()
    (post,) = room.posts
    assert post.startswith("backup failed\nTraceback (most recent call last):\n")
    assert post.endswith("LookupError: no such disk")


def test_a_record_is_formatted_when_it_is_logged(room: Room, make: MakeHandler) -> None:
    """What changes before it is posted is shown as it was."""
    handler, log = make()
    room.open.clear()
    state = ["starting"]
    log.info("state: %s", state)
    state[0] = "running"
    room.open.set()
    handler.flush()
    assert room.posts == ["state: ['starting']"]


@pytest.mark.parametrize("backticks", range(3, 7))
def test_a_record_cannot_end_its_code_block(room: Room, make: MakeHandler, backticks: int) -> None:
    handler, log = make()
    log.info("`" * backticks + "\n# loud")
    handler.flush()
    assert room.messages[0]["text"].count("```") == 2
    assert room.posts[0].replace("\u200b", "") == "`" * backticks + "\n# loud"


def test_a_record_mentions_nobody_and_fetches_nothing(room: Room, make: MakeHandler) -> None:
    """Servers find mentions in code blocks too, after whatever is a blank in JavaScript, and preview URLs."""
    handler, log = make()
    log.info("@all >@here said @alice to a@b.example, @ noon, https://internal.example/reset?once=1")
    blanks = "\t\n\v\f\r \u00a0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
    log.info("".join(f"x{blank}@all" for blank in blanks))
    handler.flush()
    text = "\n".join(room.posts)
    assert "@\u200ball >@\u200bhere said @\u200balice to a@b.example, @ noon" in text
    assert text.count("@all") == 0
    assert text.count("@\u200ball") == len(blanks) + 1
    assert {message["parseUrls"] for message in room.messages} == {False}


def test_half_a_surrogate_pair_is_shown_as_an_escape(room: Room, handler: RocketChatHandler) -> None:
    """It is in the name of a file that is not text, for example."""
    # Not by a logger: pytest would put the text into its report, and pytest-xdist cannot send that on.
    name = os.fsdecode(b"\xe9t\xe9")
    handler.handle(logging.LogRecord("app", logging.INFO, __file__, 1, "cannot read %s", (name,), None))
    handler.flush()
    assert room.posts == ["cannot read \\udce9t\\udce9"]


# Attachments and mentions


def by_default(handler: RocketChatHandler) -> None:
    """Remove the formatter that the fixture has set."""
    handler.setFormatter(None)


@pytest.mark.parametrize(
    ("level", "color"),
    [
        ("DEBUG", "#9e9e9e"),
        ("INFO", "#1e88e5"),
        ("WARNING", "#f9a825"),
        ("ERROR", "#e53935"),
        ("CRITICAL", "#8b0000"),
    ],
)
def test_an_attachment_has_the_colour_of_its_level(
    room: Room, make: MakeHandler, level: str, color: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Level and logger are its title, the message its text; it shows when the record was made."""
    handler, log = make(attachments=True)
    by_default(handler)
    record = log.makeRecord(log.name, logging.getLevelNamesMapping()[level], __file__, 1, "disk %d%%", (98,), None)
    record.created = 1_700_000_000.5
    handler.handle(record)
    handler.flush()
    assert room.messages == [
        {
            "text": "",
            "parseUrls": False,
            "attachments": [
                {
                    "title": f"{level} {log.name}",
                    "text": "disk 98%",
                    "color": color,
                    "ts": "2023-11-14T22:13:20.500000+00:00",
                }
            ],
        }
    ]


def test_a_traceback_is_a_code_block_of_its_attachment(room: Room, make: MakeHandler) -> None:
    """What a formatter makes of a record is one as a whole."""
    handler, log = make(attachments=True)
    by_default(handler)
    for formatter in (None, logging.Formatter("%(levelname)s! %(message)s")):
        handler.setFormatter(formatter)
        try:
            raise LookupError("no such disk")
        except LookupError:
            log.exception("backup failed")
        handler.flush()
    (default,), (formatted,) = (message["attachments"] for message in room.messages)
    assert default["text"].startswith("backup failed\n```\nTraceback (most recent call last):\n")
    assert default["text"].endswith("\nLookupError: no such disk\n```")
    assert formatted["text"].startswith("```\nERROR! backup failed\nTraceback")
    assert formatted["text"].count("```") == 2


def test_attachments_share_a_message_until_it_is_full(room: Room, make: MakeHandler) -> None:
    """Records that are too long lose their middle. Nothing in them mentions anybody."""
    handler, log = make(attachments=True, message_size=1000)
    by_default(handler)
    room.open.clear()
    log.info("first")
    assert room.reached.wait(60)
    for number in range(30):
        log.info("@all %d %s", number, "x" * 80)
    log.info("long " * 1000)
    room.open.set()
    handler.flush(timeout=60)
    texts = [attachment["text"] for message in room.messages for attachment in message["attachments"]]
    assert [text.split()[1] for text in texts[1:-1]] == [str(number) for number in range(30)]
    assert "characters left out" in texts[-1]
    assert not any("@all" in text for text in texts)
    sizes = [
        sum(len(each["title"]) + len(each["text"]) for each in message["attachments"]) for message in room.messages
    ]
    assert max(sizes) <= 1000
    assert len(sizes) == 5


def test_the_shortest_messages_hold_something_of_every_part(room: Room, make: MakeHandler) -> None:
    """The title, the message and the traceback of a record that is too long for them."""
    handler, log = make(attachments=True, message_size=300, mention="@" + "x" * 49)
    by_default(handler)
    try:
        raise LookupError("z" * 1000)
    except LookupError:
        log.getChild("y" * 1000).exception("x" * 1000)
    handler.flush()
    ((attachment,),) = (message["attachments"] for message in room.messages)
    assert attachment["title"].startswith("ERROR app")
    assert attachment["text"].startswith("x" * 40)
    assert "```\nTraceback" in attachment["text"]
    assert len(attachment["title"] + attachment["text"]) <= 250


def test_the_note_on_dropped_records_is_above_attachments(room: Room, make: MakeHandler) -> None:
    handler, log = make(attachments=True, mention="@here")
    room.refusals.append(LOST)
    for word in ("lost", "posted"):
        log.error(word)
        handler.flush()
    assert room.messages[0]["text"] == "@here\n1 log records were not delivered.\n"


@pytest.mark.parametrize(
    ("options", "mentions"),
    [
        ({"mention": "@here"}, [False, True, True]),
        ({"mention": "@here", "mention_level": "CRITICAL"}, [False, False, True]),
        ({"mention": "@here", "mention_level": 10}, [True, True, True]),
        ({}, [False, False, False]),
    ],
)
def test_a_record_of_a_high_level_mentions(
    room: Room, make: MakeHandler, options: dict[str, Any], mentions: list[bool]
) -> None:
    """Above the code block, from ERROR on unless another level is set."""
    handler, log = make(**options)
    for level in (logging.WARNING, logging.ERROR, logging.CRITICAL):
        log.log(level, "@here text")
        handler.flush()
    assert [message["text"].startswith("@here\n```\n") for message in room.messages] == mentions
    assert all(message["text"].endswith("```\n@\u200bhere text\n```") for message in room.messages)


def test_a_message_mentions_once(room: Room, make: MakeHandler) -> None:
    """However many of its records do, and although the first does not; it stays as short as the server needs it."""
    handler, log = make(mention="@alice @bob", message_size=1000)
    room.open.clear()
    log.info("first")
    assert room.reached.wait(60)
    log.info("second")
    for _ in range(20):
        log.error("x" * 100)
    room.open.set()
    handler.flush()
    texts = [message["text"] for message in room.messages[1:]]
    assert [text.count("@alice @bob\n") for text in texts] == [1] * len(texts)
    assert max(map(len, texts)) <= 1000


def test_a_workspace_may_allow_longer_messages(hook: Hook, make: MakeHandler) -> None:
    """`message_size` is what counts, and not the server's default."""
    hook.server.max_message_size = 20_000
    handler, log = make(hook.url, message_size=20_000)
    log.info("x" * 15_000)
    handler.flush()
    assert hook.lines == ["x" * 15_000]


# What is dropped


def test_a_server_that_hangs_does_not_block_the_program(room: Room, make: MakeHandler) -> None:
    """What does not fit into the queue is counted, and the next message says how much."""
    handler, log = make(capacity=10)
    room.open.clear()
    room.refusals.append(LOST)
    log.info("lost")
    assert room.reached.wait(60)
    for number in range(100):
        log.info("record %d", number)
    assert handler.dropped == 90
    room.open.set()
    handler.flush(timeout=60)
    assert handler.dropped == 91
    waited = "\n".join(f"record {number}" for number in range(10))
    assert room.posts == [f"91 log records were not delivered.\n{waited}"]


@pytest.mark.parametrize("failure", [LOST, ZeroDivisionError()], ids=repr)
def test_a_failed_post_costs_its_records_and_is_not_repeated(
    room: Room, make: MakeHandler, caplog: pytest.LogCaptureFixture, failure: Exception
) -> None:
    """The other handlers are told why, and the next message says how many are missing, once."""
    handler, log = make()
    room.refusals += [failure, failure]
    for word in ("one", "two", "three", "four"):
        log.info(word)
        handler.flush()
    assert room.posts == ["2 log records were not delivered.\nthree", "four"]
    assert handler.dropped == 2
    warnings = [record.getMessage() for record in caplog.records if record.name == THREAD]
    assert warnings == [f"1 log records were not delivered: {failure}"] * 2
    assert "SECRET" not in caplog.text


def test_without_a_thread_records_are_counted(
    room: Room, make: MakeHandler, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The system may have no more threads; the next record tries again."""
    handler, log = make()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", Mock(side_effect=RuntimeError("can't start new thread")))
        log.info("one")
        handler.flush()
    assert handler.dropped == 1
    log.info("two")
    handler.flush()
    assert room.posts == ["1 log records were not delivered.\ntwo"]
    assert "1 log records were not delivered: can't start new thread" in caplog.text


@pytest.mark.parametrize("result", [None, b"bytes", ZeroDivisionError])
def test_a_record_that_cannot_be_formatted_is_reported_by_handle_error(
    room: Room, make: MakeHandler, monkeypatch: pytest.MonkeyPatch, result: Any
) -> None:
    """The program goes on, and so does the handler."""
    handler, log = make()
    monkeypatch.setattr(handler, "handleError", report := Mock())
    with monkeypatch.context() as patch:
        patch.setattr(handler.formatter, "format", Mock(side_effect=[result]))
        log.info("lost")
    log.info("posted")
    handler.flush()
    assert report.call_count == 1
    assert room.posts == ["posted"]


def test_records_that_wait_take_little_memory(room: Room, make: MakeHandler) -> None:
    """Their texts are shortened before they are queued: 700 records of 1 MB do not wait as 700 MB."""
    assert memory_of_waiting_records(room, make()[1], number=700) < 8 * 2**20
    room.open.set()


@pytest.mark.parametrize("attachments", [False, True])
def test_the_queue_is_bounded_in_bytes(room: Room, make: MakeHandler, attachments: bool) -> None:
    """Whatever the size of the messages. What has been posted leaves room for other records."""
    handler, log = make(message_size=2**20, attachments=attachments)
    handler.setFormatter(None)
    assert 8 * 2**20 < memory_of_waiting_records(room, log, number=60) < 18 * 2**20
    dropped = handler.dropped
    room.open.set()
    handler.flush(timeout=60)
    log.info("x" * 10**6)
    assert handler.dropped == dropped > 0


def memory_of_waiting_records(room: Room, log: logging.Logger, number: int) -> int:
    """Return how many bytes records of 1 MB take while the server hangs."""
    room.open.clear()
    log.info("first")
    assert room.reached.wait(60)
    tracemalloc.start()
    try:
        for each in range(number):
            log.info("%d %s", each, "x" * 10**6)
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


# What is told on standard error


def test_dropped_records_are_told_without_another_handler(
    room: Room, alone: tuple[RocketChatHandler, logging.Logger], capsys: pytest.CaptureFixture[str]
) -> None:
    """Once for each post, with the reason."""
    handler, log = alone
    room.open.clear()
    room.refusals.append(LOST)
    log.warning("lost")
    assert room.reached.wait(60)
    for number in range(20):
        log.warning("record %d", number)
    room.open.set()
    handler.flush(timeout=60)
    assert capsys.readouterr().err.splitlines() == [
        f"{THREAD}: 1 log records were not delivered: {LOST}",
        f"{THREAD}: 10 log records were not delivered: the queue was full",
    ]
    handler.close()
    assert capsys.readouterr().err == ""
    log.warning("late")
    log.warning("later")
    assert capsys.readouterr().err == f"{THREAD}: log records are dropped: the handler is closed\n"


@pytest.mark.parametrize(
    ("level", "start"), [(logging.WARNING, ""), (logging.ERROR, f"{THREAD}: "), (None, f"{THREAD}: ")]
)
def test_dropped_records_are_told_once(
    room: Room,
    alone: tuple[RocketChatHandler, logging.Logger],
    level: int | None,
    start: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Not by another handler that writes to standard error as well, nor by `logging` if there is no handler."""
    handler, log = alone
    if level is None:
        log.removeHandler(handler)
    else:
        log.addHandler(stream := logging.StreamHandler())
        stream.setLevel(level)
    room.refusals.append(LOST)
    handler.handle(logging.makeLogRecord({"msg": "lost"}))
    handler.flush()
    assert capsys.readouterr().err == f"{start}1 log records were not delivered: {LOST}\n"


@pytest.mark.parametrize("stderr", ["none", "closed", "logged"])
def test_any_standard_error_will_do(
    room: Room, alone: tuple[RocketChatHandler, logging.Logger], stderr: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report on dropped records causes no other record, and no error."""
    handler, log = alone
    write = {"closed": Mock(side_effect=ValueError("I/O operation on closed file")), "logged": log.error}.get(stderr)
    monkeypatch.setattr(sys, "stderr", write and Mock(write=write))
    room.refusals.append(LOST)
    log.info("lost")
    handler.flush()
    log.info("posted")
    handler.close()
    log.info("late")
    assert room.posts == ["1 log records were not delivered.\nposted"]


def test_logging_can_be_set_to_report_nothing(
    room: Room,
    alone: tuple[RocketChatHandler, logging.Logger],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By the same switch as the errors of other handlers."""
    handler, log = alone
    monkeypatch.setattr(logging, "raiseExceptions", False)
    room.refusals.append(LOST)
    log.info("lost")
    handler.flush()
    assert capsys.readouterr().err == ""


# What is not posted


def test_posting_does_not_cause_posts(hook: Hook, make: MakeHandler, monkeypatch: pytest.MonkeyPatch) -> None:
    """With DEBUG on the root logger, one record is one post, although posting is logged."""
    root, handler, spy = logging.getLogger(), make(hook.url)[0], logging.Handler()
    monkeypatch.setattr(root, "handlers", [*root.handlers, handler, spy])
    monkeypatch.setattr(root, "level", logging.DEBUG)
    monkeypatch.setattr(spy, "handle", seen := Mock(return_value=True))
    logging.getLogger("app").info("once")
    handler.flush()
    hook.server.fail_next("hooks", "502")
    logging.getLogger("app").info("refused")
    handler.flush(timeout=60)
    assert hook.lines == ["once"]
    assert handler.dropped == 1
    assert {"urllib3.connectionpool", THREAD} <= {call.args[0].name for call in seen.call_args_list}


@pytest.mark.parametrize("name", ["urllib3", "requests.sessions", "rocketchat_integrations"])
def test_records_about_posting_are_left_out_from_every_thread(
    room: Room, handler: RocketChatHandler, name: str
) -> None:
    for each, text in ((name, "left out"), (f"{name.partition('.')[0]}_too", "posted")):
        handler.handle(logging.LogRecord(each, logging.INFO, __file__, 1, text, (), None))
    handler.handle(logging.makeLogRecord({"msg": "without a name"}))
    handler.flush()
    assert "\n".join(room.posts).splitlines() == ["posted", "without a name"]


def test_two_handlers_do_not_cause_posts_of_each_other(room: Room, make: MakeHandler) -> None:
    """What one handler's thread logs is not posted by the other, even through a queue."""

    class Talkative:
        """A transport that logs."""

        def send(self, request: Request) -> Response:
            log.info("sending")
            return room.send(request)

        def close(self) -> None: ...

    with IncomingWebhook(URL, transport=Talkative()) as webhook:
        first, log = make(webhook)
        second, _ = make(webhook)
        records: queue.Queue[Any] = queue.Queue()
        listener = logging.handlers.QueueListener(records, second)
        log.addHandler(logging.handlers.QueueHandler(records))
        log.info("hello")
        first.flush()
        listener.start()
        listener.stop()
        second.flush()
    assert room.posts == ["hello", "hello"]


# How it ends


def test_closing_posts_what_is_waiting(room: Room, make: MakeHandler) -> None:
    """No thread is left. Later records are counted, and closing again does nothing."""
    handler, log = make()
    for number in range(20):
        log.info("record %d", number)
    thread = handler._sender._thread
    handler.close()
    assert thread is not None
    assert not thread.is_alive()
    handler.close()
    log.info("too late")
    handler.flush()
    assert "\n".join(room.posts).splitlines() == [f"record {number}" for number in range(20)]
    assert handler.dropped == 1


def test_closing_closes_only_a_webhook_of_its_own(hook: Hook, make: MakeHandler) -> None:
    unused, _ = make(hook.url)
    used, log = make(hook.url)
    log.info("one")
    for own in (unused, used):
        own.close()
        with pytest.raises(ConfigurationError, match="closed"):
            own._webhook.post("two")
    with IncomingWebhook(hook.url) as webhook:
        make(webhook)[0].close()
        webhook.post("```\nstill open\n```")
    assert hook.lines == ["one", "still open"]


def test_closing_gives_up_on_a_server_that_hangs(
    room: Room, make: MakeHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest counts as dropped, except for what arrives in the end."""
    monkeypatch.setattr(logs, "_FLUSH_SECONDS", 0.05)
    handler, log = make()
    room.open.clear()
    log.info("under way")
    assert room.reached.wait(60)
    log.info("waiting")
    handler.close()
    assert handler.dropped == 2
    room.open.set()
    join_thread(handler)
    assert room.posts == ["under way"]
    assert handler.dropped == 1


def test_a_failure_after_closing_is_not_logged(
    room: Room, make: MakeHandler, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The streams of the other handlers may be closed, because the interpreter is ending."""
    monkeypatch.setattr(logs, "_FLUSH_SECONDS", 0.0)
    handler, log = make()
    room.open.clear()
    room.refusals.append(LOST)
    log.info("under way")
    assert room.reached.wait(60)
    handler.close()
    room.open.set()
    join_thread(handler)
    assert handler.dropped == 1
    assert not any(record.name == THREAD for record in caplog.records)


def join_thread(handler: RocketChatHandler) -> None:
    thread = handler._sender._thread
    assert thread is not None
    thread.join(60)


@pytest.mark.parametrize(("recovers", "seconds"), [(False, 0.0), (True, 0.2)])
def test_closing_does_not_wait_again_for_what_a_flush_has_waited_for(
    room: Room, make: MakeHandler, monkeypatch: pytest.MonkeyPatch, recovers: bool, seconds: float
) -> None:
    """`logging.shutdown` does both. A server that has recovered gets the full time."""
    monkeypatch.setattr(logs, "_FLUSH_SECONDS", 0.2)
    handler, log = make()
    room.open.clear()
    log.info("under way")
    handler.flush(timeout=0.2)
    if recovers:
        room.open.set()
        handler.flush(timeout=60)
    thread: Any = handler._sender._thread
    monkeypatch.setattr(thread, "join", join := Mock(side_effect=thread.join))
    handler.close()
    join.assert_called_once_with(seconds)


# Real processes


def test_a_program_that_ends_posts_what_is_waiting(hook: Hook) -> None:
    """Its exit handlers and an uncaught exception included."""
    program = (
        "import atexit; atexit.register(log.info, 'good-bye')\n"
        "sys.excepthook = lambda *how: log.critical('crashed', exc_info=how)\n"
        "log.info('hello')\n"
        "1/0\n"
    )
    result = hook.run(program)
    assert (result.returncode, result.stderr) == (1, "")
    assert hook.lines[:2] == ["hello", "crashed"]
    assert hook.lines[-2:] == ["ZeroDivisionError: division by zero", "good-bye"]


def test_a_program_ends_although_the_server_hangs(hook: Hook) -> None:
    """A post would wait 30 seconds. The end of the program tells how many records are lost."""
    hook.server.fail_next("hooks", "hang")
    result = hook.run("log.info('hello')\nlog.info('anybody?')")
    assert (result.returncode, hook.lines) == (0, [])
    assert result.stderr == f"{THREAD}: 2 log records were not delivered before the handler was closed\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_posts_its_own_records(hook: Hook) -> None:
    """Nothing is lost, and nothing appears twice."""
    program = (
        "log.info('parent, before')\n"
        "handler.flush()\n"
        "log.info('parent, waiting')\n"
        "child = os.fork()\n"
        "log.info('child' if child == 0 else 'parent, after')\n"
        "if child: os.waitpid(child, 0)\n"
    )
    assert hook.run(program).returncode == 0
    assert sorted(hook.lines) == ["child", "parent, after", "parent, before", "parent, waiting"]


def test_after_a_fork_a_handler_has_a_queue_a_thread_and_connections_of_its_own(
    hook: Hook, room: Room, make: MakeHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A webhook that it was given stays as it is."""
    (owner, log), (borrower, _) = make(hook.url, capacity=1), make()
    log.addHandler(borrower)
    log.info("parent")
    parents = [handler._sender for handler in (owner, borrower)]
    webhooks = [handler._webhook for handler in (owner, borrower)]
    for handler in (owner, borrower):
        handler.flush()
    monkeypatch.setattr(os, "getpid", Mock(return_value=-1))
    log.info("child")
    for handler, parent in ((owner, parents[0]), (borrower, parents[1])):
        handler.flush()
        assert handler.dropped == 0
        assert handler._sender._thread is not parent._thread
    assert owner._webhook is not webhooks[0]
    assert borrower._webhook is webhooks[1]
    assert hook.lines == room.posts == ["parent", "child"]
    for sender in (*parents, owner._sender, borrower._sender):
        sender.stop(60)


# How it is set up


def test_it_can_be_set_up_by_a_dictionary(hook: Hook) -> None:
    """A configuration file needs only the URL."""
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
    assert hook.lines == ["ERROR for the room"]


def test_all_options_can_stand_in_a_configuration_file(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are plain values; the address is in the environment, and so in no file."""
    monkeypatch.setenv("ROCKETCHAT_WEBHOOK_URL", hook.url)
    config = tomllib.loads("""
        version = 1
        disable_existing_loggers = false

        [handlers.chat]
        class = "rocketchat_integrations.logs.RocketChatHandler"
        level = "INFO"
        capacity = 100
        message_size = 3000
        attachments = true
        mention = "@here"
        mention_level = "CRITICAL"

        [loggers.configured]
        handlers = ["chat"]
        level = "DEBUG"
        propagate = false
    """)
    logging.config.dictConfig(json.loads(json.dumps(config)))
    log = logging.getLogger("configured")
    (handler,) = log.handlers
    log.info("started")
    handler.flush()
    log.critical("disk full")
    handler.close()
    log.removeHandler(handler)
    started, full = hook.server.messages
    assert (started.text, started.attachments[0]["title"]) == ("", "INFO configured")
    assert (full.text, full.attachments[0]["text"]) == ("@here", "disk full")


def test_without_an_address_there_is_no_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROCKETCHAT_WEBHOOK_URL", raising=False)
    with pytest.raises(ConfigurationError, match="the environment lacks ROCKETCHAT_WEBHOOK_URL"):
        RocketChatHandler()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"webhook": "chat.example.com/hooks/ID/SECRET"}, "url: "),
        ({"webhook": 5}, "webhook: must be an IncomingWebhook or its URL"),
        ({"level": "LOUD"}, "level: must be a number or the name of a level"),
        ({"level": ["DEBUG"]}, "level: must be"),
        ({"mention_level": "LOUD"}, "mention_level: must be a number or the name of a level"),
        ({"mention": "here"}, "mention: must be text such as '@here'"),
        ({"mention": "@" + "x" * 50}, "mention: must be"),
        ({"mention": 5}, "mention: must be"),
        ({"attachments": "yes"}, "attachments: must be True or False"),
        ({"capacity": 0}, "capacity: must be"),
        ({"capacity": True}, "capacity: must be"),
        ({"message_size": 299}, "message_size: must be"),
        ({"message_size": "4000"}, "message_size: must be"),
    ],
)
def test_a_wrong_argument_is_refused_without_showing_the_url(arguments: dict[str, Any], problem: str) -> None:
    options: dict[str, Any] = {"webhook": URL, **arguments}
    with pytest.raises(ConfigurationError, match=f"^{problem}") as caught:
        RocketChatHandler(**options)
    del options
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [frame.locals for frame in shown.stack if frame.filename != __file__]
    assert frames
    assert "SECRET" not in f"{caught.value} {frames}"


def test_a_handler_does_not_show_the_url(handler: RocketChatHandler) -> None:
    assert "SECRET" not in repr(handler) + repr(vars(handler)) + repr(vars(handler._sender))
