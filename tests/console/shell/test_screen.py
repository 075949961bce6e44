"""Output above the line being typed, on a terminal that keeps each write."""

import asyncio
from collections.abc import Callable

from prompt_toolkit.application.current import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.shortcuts import PromptSession

from yext.console.shell import prompt
from yext.console.shell.screen import Screen
from yext.console.shell.terminal import Capabilities, Terminal, TerminalOutput

CAPABILITIES = Capabilities(editing=True, color=False, unicode=False)


class KeptOutput(TerminalOutput):
    """The writes that a terminal of 80 columns gets; while `busy` it takes none."""

    busy = False

    def __init__(self, on_drained: Callable[[], None]) -> None:
        super().__init__("ascii")
        self.writes: list[str] = []
        self.on_drained = on_drained

    def size(self) -> tuple[int, int]:
        return 80, 24

    def _full(self) -> bool:
        return False

    def _send(self, text: str) -> None:
        self.writes.append(text)

    async def drained(self) -> None:
        """Take everything at once."""

    async def close(self) -> None:
        """End."""


class KeptTerminal(Terminal):
    output: KeptOutput

    def open_output(
        self, on_drained: Callable[[], None], on_gone: Callable[[], None]
    ) -> TerminalOutput:
        self.output = KeptOutput(on_drained)
        return self.output


def test_a_batch_and_the_line_below_it_are_one_write() -> None:
    async def play() -> None:
        terminal = KeptTerminal(CAPABILITIES, "xterm", vi=False)
        screen = Screen(terminal, lambda: None)
        writes = terminal.output.writes
        output = prompt.make_output(screen.output, CAPABILITIES, "xterm")
        with create_pipe_input() as pipe, create_app_session(input=pipe, output=output):
            session: PromptSession[None] = PromptSession("prompt> ", erase_when_done=True)
            screen.attach(session.app)
            running = asyncio.create_task(session.app.run_async(handle_sigint=False))
            while not any("prompt>" in text for text in writes):
                await asyncio.sleep(0)
            del writes[:]
            screen.show("one")
            screen.show("two")
            screen.flush()
            while not writes:
                await asyncio.sleep(0)
            (write,) = writes
            assert write.index("one") < write.index("two") < write.index("prompt>")

            terminal.output.busy = True
            screen.show("three")
            screen.flush()
            session.app.invalidate()
            while session.app.invalidated:
                await asyncio.sleep(0)
            assert "three" not in "".join(writes)
            terminal.output.busy = False
            terminal.output.on_drained()
            while "three\n" not in "".join(writes):
                await asyncio.sleep(0)

            session.app.exit()
            await running
            screen.show("four")
            await screen.close()
            assert writes[-1] == "four\n"

    asyncio.run(asyncio.wait_for(play(), 5))
