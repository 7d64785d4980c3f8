"""Real model servers, prepared by `tools/prepare_*.py`: `make test-real` and `make nightly` do."""

from collections.abc import Iterator

import pytest
import real_servers


@pytest.fixture(scope="session")
def llama_cpp_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The url of a llama-cpp-python server with a model of 1.1 MB; stopped at the end."""
    try:
        with real_servers.llama_cpp(tmp_path_factory.mktemp("llama")) as url:
            yield url
    except real_servers.NotPreparedError as error:
        # A failure, not a skip: nobody should believe that these tests ran.
        pytest.fail(str(error))


@pytest.fixture(scope="session")
def transformers_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The url of `transformers serve`, and the name of its model of random weights."""
    try:
        with real_servers.transformers(tmp_path_factory.mktemp("transformers")) as served:
            yield served
    except real_servers.NotPreparedError as error:
        pytest.fail(str(error))
