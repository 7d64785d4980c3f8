import pytest

from aihandler.config.secrets import reference, resolve
from aihandler.domain.deployment import Secret
from aihandler.errors import ConfigError


def test_a_secret_is_read_from_the_environment_that_is_given():
    assert resolve(Secret("env", "KEY"), {"KEY": "k-1"}) == "k-1"


@pytest.mark.parametrize("content", ["k-2", "k-2\n", "k-2\r\n"])
def test_a_secret_is_read_from_a_file_without_its_last_newline(content, tmp_path):
    (tmp_path / "key").write_bytes(content.encode())
    assert resolve(Secret("file", str(tmp_path / "key")), {}) == "k-2"


@pytest.mark.parametrize("environ", [{}, {"KEY": ""}])
def test_a_missing_secret_is_named_and_how_to_give_it(environ):
    with pytest.raises(ConfigError, match=r"no value for \$\{KEY\}") as caught:
        resolve(Secret("env", "KEY"), environ)
    assert "export KEY" in caught.value.hint


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        resolve(Secret("file", str(tmp_path / "none")), {})


def test_a_bad_secret_is_never_shown(tmp_path):
    (tmp_path / "key").write_bytes(b"hush\nhush\n")
    (tmp_path / "bytes").write_bytes(b"hush\xff")
    for secret in (Secret("file", str(tmp_path / "key")), Secret("file", str(tmp_path / "bytes"))):
        with pytest.raises(ConfigError) as caught:
            resolve(secret, {})
        assert "hush" not in str(caught.value) + caught.value.hint
    with pytest.raises(ConfigError) as caught:
        resolve(Secret("env", "KEY"), {"KEY": "hush\nX-Evil: 1"})
    assert "hush" not in str(caught.value)


def test_references_are_all_or_nothing():
    assert reference("${A_1}") == Secret("env", "A_1")
    assert reference("${file:/run/secrets/a b}") == Secret("file", "/run/secrets/a b")
    for literal in (
        "sk-123",
        "$A",
        "${A} ",
        "x${A}",
        "${A}${B}",
        "${1}",
        "${}",
        "${file:}",
        "${A}\n",
    ):
        assert reference(literal) is None
