"""A program that uses python-yate's asyncio interface: on pipes, or at `HOST PORT` or `PATH`."""

import asyncio
import sys

from yate.asyncio import YateAsync
from yate.protocol import Message, MessageRequest

TEXT = "100%: ü\n=\t"


async def main(yate: YateAsync) -> None:
    over = asyncio.Event()

    def route(message: Message) -> bool:
        message.params["by"] = "python-yate"
        message.return_value = f"sip/{message.params['called']}"
        return True

    def later(message: Message) -> None:
        """Answer once the engine has answered a message sent meanwhile."""

        async def answer() -> None:
            inner = await yate.send_message_async(MessageRequest("test.inner", {"n": "1"}))
            message.params["inner"] = inner.params["seen"]
            yate.answer_message(message, True)

        tasks.append(asyncio.create_task(answer()))

    tasks: list[asyncio.Task[None]] = []
    yate.set_termination_handler(over.set)
    assert await yate.set_local_async("trackparam", "pyyate")
    version = await yate.get_local_async("engine.version")
    await yate.activate_automatic_bufsize()
    assert await yate.register_message_handler_async("call.route", route, 50, "context", "test")
    assert await yate.register_message_handler_async("test.later", later)
    assert await yate.register_watch_handler_async("test.over", lambda message: over.set())
    answer = await yate.send_message_async(
        MessageRequest("test.ready", {"version": version, "text": TEXT, "long": "x" * 9000}, "back")
    )
    report = {"processed": str(answer.processed), "retvalue": answer.return_value, **answer.params}
    del report["long"]
    yate.send_message(MessageRequest("test.report", report), fire_and_forget=True)
    await over.wait()
    yate.unregister_message_handler("call.route")
    yate.unregister_watch_handler("test.over")
    await yate.send_message_async(MessageRequest("test.done", {}))


if len(sys.argv) > 2:
    app = YateAsync(sys.argv[1], int(sys.argv[2]))
elif len(sys.argv) > 1 and sys.argv[1]:
    app = YateAsync(sockpath=sys.argv[1])
else:
    app = YateAsync()
app.run(main)
