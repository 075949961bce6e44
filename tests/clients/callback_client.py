"""A program that uses python-yate's callbacks (YateBase) without asyncio: on pipes or a port."""

import socket
import sys
from typing import BinaryIO

from yate.protocol import Message, MessageRequest
from yate.yate import YateBase


class Client(YateBase):
    """A client that reads line by line and writes at once."""

    def __init__(self, reader: BinaryIO, writer: BinaryIO) -> None:
        super().__init__()
        self.reader = reader
        self.writer = writer

    def _send_message_raw(self, msg: bytes) -> None:
        self.writer.write(msg + b"\n")
        self.writer.flush()

    def run(self) -> None:
        for line in self.reader:
            self._recv_message_raw(line.strip())


def route(message: Message) -> bool:
    message.params["by"] = "python-yate"
    message.return_value = f"sip/{message.params['called']}"
    return True


def installed(success: bool) -> None:
    assert success
    client.send_message(MessageRequest("test.ready", {"text": "100%: ü\n=\t"}, "back"), answered)


def answered(asked: MessageRequest, answer: Message) -> None:
    report = {"processed": str(answer.processed), "retvalue": answer.return_value, **answer.params}
    client.send_message(MessageRequest("test.report", report), fire_and_forget=True)


def over(message: Message) -> None:
    client.unregister_message_handler("call.route")
    client.send_message(MessageRequest("test.done", {}), fire_and_forget=True)


if len(sys.argv) > 1 and sys.argv[1]:
    connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    client = Client(connection.makefile("rb"), connection.makefile("wb"))
    client.send_connect()
else:
    client = Client(sys.stdin.buffer, sys.stdout.buffer)
client.register_watch_handler("test.over", over)
client.register_message_handler("call.route", route, 50, "context", "test", done_callback=installed)
client.run()
