"""`%sql` without typing anything: the first use loads JupySQL, which takes a second, not every notebook."""

from __future__ import annotations

import contextlib
from typing import Any


def load_ipython_extension(shell: Any) -> None:
    """Make `%sql` and `%%sql` known; called by IPython."""

    def sql(line: str, cell: str | None = None) -> Any:
        """Run SQL in the event's database."""
        _load_jupysql(shell)
        if cell is None:
            return shell.run_line_magic("sql", line)
        return shell.run_cell_magic("sql", line, cell)

    shell.register_magic_function(sql, magic_kind="line_cell", magic_name="sql")


def _load_jupysql(shell: Any) -> None:
    with contextlib.chdir("/"):  # else it looks for settings in the folders above the notebook and says so
        shell.extension_manager.load_extension("sql")
    shell.run_line_magic("config", "SqlMagic.displaycon = False")
    shell.run_line_magic("config", "SqlMagic.feedback = 0")
