"""Gives back the user's own control tokens in an answer that comes in pieces."""

from aihandler.backends.chat_templates.neutral import JOINER, LOOK_AHEAD, Neutraliser


class Restoring:
    """The same as `Neutraliser.restore` of the whole text, however it is cut."""

    def __init__(self, neutraliser: Neutraliser) -> None:
        self._neutraliser = neutraliser
        self._before = ""
        self._held = ""

    def feed(self, text: str) -> str:
        """The text that is surely as the user has it."""
        if not self._held and JOINER not in text:
            self._before = text[-1:] or self._before
            return text
        self._held += text
        return self._settled(last=False)

    def end(self) -> str:
        """The rest."""
        return self._settled(last=True)

    def _settled(self, *, last: bool) -> str:
        text = self._before + self._held
        settled: list[str] = []
        done = begin = len(self._before)
        while (at := text.find(JOINER, done)) >= 0:
            settled.append(text[done:at])
            done = at
            if text[at - 1 : at] in self._neutraliser.begins:
                if not last and len(text) < at + LOOK_AHEAD:
                    break
                if self._neutraliser.broke(text, at):
                    done += 1
                    continue
            settled.append(JOINER)
            done += 1
        else:
            settled.append(text[done:])
            done = len(text)
        if done > begin:
            self._before = text[done - 1]
        self._held = text[done:]
        return "".join(settled)
