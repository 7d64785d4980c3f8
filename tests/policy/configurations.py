"""Configurations to prove things about, built as structs; and a generator of random ones."""

from hypothesis import strategies as st

from aihandler.config.configuration import Configuration, Helper, LedgerSettings
from aihandler.domain.deployment import HERE, Deployment, Hosting, Model, Openness, Price
from aihandler.domain.labels import DataClass
from aihandler.domain.rules import DeploymentFilter, Gate, Policy
from aihandler.domain.task import Example, Examples, Task

PUBLIC, INTERNAL, CONFIDENTIAL, RESTRICTED = DataClass
SELF, MANAGED, VENDOR = Hosting
EVERYWHERE = DeploymentFilter(hosting=(SELF, MANAGED, VENDOR))
PRICE = Price(input=1, output=2)

LOCAL = Deployment(
    "local", "openai", Model("llama"), SELF, region="eu", urls=("http://gpu-1:8000/v1",),
    price=PRICE,
)  # fmt: skip
HOSTED = Deployment(
    "hosted", "openai", Model("llama"), MANAGED, region="eu-west",
    urls=("https://models.example.eu/v1",), price=PRICE,
)  # fmt: skip
VENDORS = Deployment(
    "vendors", "openai", Model("gpt"), VENDOR, region="us", provider="openai",
    urls=("https://api.openai.com/v1",), price=PRICE,
)  # fmt: skip
BUILTIN = Deployment("builtin", "builtin/classify", Model("classify"), SELF, region=HERE)

OPEN_POLICY = Policy(
    classes={
        PUBLIC: EVERYWHERE,
        INTERNAL: EVERYWHERE,
        CONFIDENTIAL: DeploymentFilter(hosting=(SELF, MANAGED), region=("eu",)),
        RESTRICTED: DeploymentFilter(hosting=(SELF,)),
    }
)


def configured(
    *tasks: Task,
    policy: Policy = OPEN_POLICY,
    deployments: tuple[Deployment, ...] = (BUILTIN, LOCAL, HOSTED, VENDORS),
    **more: object,
) -> Configuration:
    return Configuration(
        file="aihandler.yaml",
        root=".",
        ledger=LedgerSettings("ledger.sqlite"),
        deployments={d.name: d for d in deployments},
        policy=policy,
        tasks={t.name: t for t in tasks},
        **more,
    )


def task(name: str = "triage", *candidates: str, **more: object) -> Task:
    names = candidates or ("local", "hosted", "vendors")
    return Task(name, "v1", candidates=None if names == ("auto",) else names, **more)


REGIONS = ("", "eu", "eu-west", "europe", "us", "here")
AGREEMENTS = ("no_training", "sla")

classes = st.sampled_from(list(DataClass))
deployments = st.lists(
    st.builds(
        Deployment,
        name=st.sampled_from("abcdef"),
        backend=st.sampled_from(["openai", "builtin/classify"]),
        model=st.builds(
            Model,
            name=st.just("m"),
            licence=st.sampled_from(["", "MIT"]),
            open=st.builds(Openness, weights=st.booleans()),
        ),
        hosting=st.sampled_from(list(Hosting)),
        region=st.sampled_from(REGIONS),
        provider=st.sampled_from(["", "acme"]),
        agreements=st.frozensets(st.sampled_from(AGREEMENTS)),
        quality=st.dictionaries(st.sampled_from(["one", "two"]), st.floats(0, 1)),
    ),
    max_size=6,
    unique_by=lambda d: d.name,
).map(tuple)


def _some(values: tuple[object, ...]) -> st.SearchStrategy[object]:
    return st.none() | st.lists(st.sampled_from(values), max_size=2).map(tuple)


filters = st.builds(
    DeploymentFilter,
    hosting=_some(tuple(Hosting)),
    region=_some(("eu", "us", "eu-west")),
    provider=_some(("", "acme")),
    licence=_some(("MIT",)),
    agreements=_some(AGREEMENTS),
    deployments=_some(tuple("abc")),
    open_weights=st.none() | st.booleans(),
)
gates = st.builds(
    Gate,
    name=st.sampled_from(["g1", "g2"]),
    require=filters,
    customer_facing=st.none() | st.booleans(),
    stakes=_some(("low", "normal", "high")),
    tasks=_some(("one", "two")),
)
policies = st.builds(
    Policy, classes=st.dictionaries(classes, filters), gates=st.lists(gates, max_size=2).map(tuple)
)
tasks = st.builds(
    Task,
    name=st.sampled_from(["one", "two"]),
    version=st.just("v1"),
    data_class=classes,
    customer_facing=st.booleans(),
    stakes=st.sampled_from(["low", "normal", "high"]),
    candidates=st.none() | st.lists(st.sampled_from("abcdefz"), max_size=5).map(tuple),
    otherwise=st.sampled_from(["review", "error"]),
    quality_target=st.none() | st.floats(0, 1),
    shots=st.integers(0, 1),
    examples=st.builds(
        Examples,
        rows=st.sampled_from([(), (Example({"text": "a"}, "b"),)]),
        data_class=classes,
    ),
)
helpers = st.builds(
    Helper,
    name=st.just("h"),
    kind=st.sampled_from(["embedder", "judge", "sink"]),
    deployment=st.sampled_from("abz"),
    tasks=_some(("one", "two")),
)


@st.composite
def configurations(draw: st.DrawFn) -> Configuration:
    return configured(
        *draw(st.lists(tasks, min_size=1, max_size=2, unique_by=lambda t: t.name)),
        policy=draw(policies),
        deployments=draw(deployments),
        helpers=tuple(draw(st.lists(helpers, max_size=1))),
    )
