"""What `check` says of servers that take only prompts: is their model's chat template known?"""

from collections.abc import Iterator

from aihandler.config.configuration import Configuration
from aihandler.errors import ConfigError
from aihandler.policy import Finding, Proof


def with_templates(proof: Proof, configuration: Configuration) -> Proof:
    """The proof with an error for each template that cannot be had."""
    return Proof(proof.table, (*_unknown(configuration), *proof.findings))


def _unknown(configuration: Configuration) -> Iterator[Finding]:
    for name, deployment in configuration.deployments.items():
        if deployment.backend != "completions":
            continue
        # Imported where used: few configurations have such a server.
        from aihandler.backends.completions.templates import find_template

        try:
            find_template(deployment)
        except ConfigError as error:
            key = "chat_template" if deployment.chat_template else "model"
            path = f"deployments.{name}.{key}"
            line = configuration.lines.get(path, 0)
            yield Finding("error", "chat-template", error.message, path, line, hint=error.hint)
