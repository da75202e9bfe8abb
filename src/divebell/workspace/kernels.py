"""Kernels whose owner is told at once when the memory was not enough. Runs within the notebook server."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyter_server.services.kernels.kernelmanager import ServerKernelManager

from divebell.workspace import memory
from divebell.workspace.news import news_for_kernel
from divebell.workspace.words import helpers

_STARTS_A_CELL = b'"execute_input"'


class _Deaths:
    """Deaths for want of memory that no kernel has been blamed for yet: all kernels are in one group."""

    def __init__(self, group: memory.ControlGroup | None) -> None:
        self.group = group
        self._known = group.deaths if group else 0

    def new(self) -> bool:
        """Tell whether something died since this was asked last."""
        before, self._known = self._known, self.group.deaths if self.group else 0
        return self._known > before


_deaths = _Deaths(memory.own_group())


class TellingKernelManager(ServerKernelManager):
    """Finds out why a kernel ended by itself, before it is started again."""

    last_words = ""
    """What the owner is to know about the end of the kernel; empty where there is nothing to say."""

    def start_restarter(self) -> None:
        """Watch the kernel; be the first to hear when it has ended."""
        new = self._restarter is None
        super().start_restarter()
        if new and self._restarter is not None:
            self.add_restart_callback(self._find_reason)

    def _find_reason(self) -> None:
        killed = getattr(getattr(self.provisioner, "process", None), "returncode", None) == -signal.SIGKILL
        died = _deaths.new()
        self.last_words = ""
        # the next kernel says that it starts before anybody can be sure to hear it; this one is busy no more
        self.execution_state = "restarting"
        if killed and died and _deaths.group:
            self.last_words = memory.words_for_kernel(_deaths.group.limit, helpers(os.environ))
            news_for_kernel(Path(self.connection_file)).write_text(self.last_words)


class TellingConnection(ZMQChannelsWebsocketConnection):
    """Puts the reason under the very cell that was running."""

    _running: Any = None
    """The header of the request whose cell ran last."""

    def handle_outgoing_message(self, stream: Any, outgoing_msg: list[Any]) -> None:
        """Pass a message on to the page; note which cell it says is running."""
        parts: list[Any] = self.session.feed_identities(outgoing_msg)[1]
        if len(parts) > 2 and _STARTS_A_CELL in parts[1]:
            self._running = self.session.unpack(parts[2])
        super().handle_outgoing_message(stream, outgoing_msg)

    def on_kernel_restarted(self) -> None:
        """Tell the page that the kernel has ended: the reason first, for the page then forgets its cells."""
        words = getattr(self.kernel_manager, "last_words", "")
        iopub = self.channels.get("iopub")
        if words and iopub is not None and not iopub.closed():
            iopub.flush()
            if self._running is not None:
                self.write_stderr(words, self._running)  # type: ignore[no-untyped-call]
        super().on_kernel_restarted()  # type: ignore[no-untyped-call]
