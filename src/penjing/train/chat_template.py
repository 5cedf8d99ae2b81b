"""The template with which a model was taught to read conversations: Jinja, run in a sandbox that changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from penjing.errors import MissingExtraError, ModelError

_MOST_CHARACTERS = 64 * 2**10

Turn = tuple[str, str]


class ChatTemplate:
    """Writes conversations as the one text that the model reads.

    Raises:
        ModelError: the template is no Jinja, or refuses a conversation.
        MissingExtraError: jinja2 is not installed (torch brings it).
    """

    def __init__(self, source: str, *, bos: str = "", eos: str = "") -> None:
        try:
            from jinja2 import TemplateError
            from jinja2.sandbox import ImmutableSandboxedEnvironment
        except ImportError:
            raise MissingExtraError("jinja2", extra="train") from None
        if len(source) > _MOST_CHARACTERS:
            raise ModelError("the chat template is too long", value=f"{len(source)} characters")
        self._wrong = TemplateError
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        environment.globals.update(raise_exception=_refuse, strftime_now=lambda form: datetime.now().strftime(form))
        self._words = {"bos_token": bos, "eos_token": eos}
        try:
            self._template = environment.from_string(source)
        except TemplateError as error:
            raise ModelError("the chat template is no Jinja", value=str(error)) from None

    def before_answer(self, turns: Sequence[Turn]) -> str:
        """Return the conversation up to where the answer begins."""
        return self._render(turns, add_generation_prompt=True)

    def answer(self, turns: Sequence[Turn], text: str) -> str:
        """Return the answer `text` after `turns`, with what ends it."""
        before = self.before_answer(turns)
        whole = self._render([*turns, ("assistant", text)], add_generation_prompt=False)
        if not whole.startswith(before):
            raise ModelError(
                "the chat template writes an answer otherwise than it asks for one",
                value=whole[:80],
                rule=f"it begins with {before[:80]!r}",
            )
        return whole[len(before) :]

    def _render(self, turns: Sequence[Turn], **settings: Any) -> str:
        messages = [{"role": role, "content": content} for role, content in turns]
        try:
            return str(self._template.render(messages=messages, **self._words, **settings))
        except self._wrong as error:
            raise ModelError("the chat template refuses the conversation", value=str(error)) from None


def _refuse(message: str) -> None:
    from jinja2 import TemplateError

    raise TemplateError(message)
