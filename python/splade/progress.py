"""A tqdm bar that the native module moves."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from splade.deprecation import logger
from splade.optional import require

Move = Callable[[int], None]


def is_wanted(show_progress_bar: bool | None) -> bool:
    """Whether a bar is shown; undecided, if the logger's level is INFO or DEBUG."""
    if show_progress_bar is None:
        return logger.getEffectiveLevel() in (logging.INFO, logging.DEBUG)
    return bool(show_progress_bar)


def after(n_done: int, move: Move | None) -> Move | None:
    """The function for a call that begins after `n_done` texts of the bar."""
    return move if move is None or n_done == 0 else lambda n_texts: move(n_done + n_texts)


@contextmanager
def bar(show: bool, description: str, total: int) -> Iterator[Move | None]:
    """A function that moves the bar to a number of texts, or None without a bar."""
    if not show:
        yield None
        return
    tqdm = require("tqdm.auto", "show_progress_bar").tqdm
    with tqdm(total=total, desc=description, unit=" texts") as shown:

        def move(n_texts: int) -> None:
            shown.update(n_texts - shown.n)

        yield move
        move(total)
