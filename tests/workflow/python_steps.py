"""Steps of a workflow that is written in Python."""

from collections.abc import Mapping

from aihandler.domain.document import Document


def shout(document: Document, results: Mapping[str, object]) -> str:
    return f"{results['triage']}!"
