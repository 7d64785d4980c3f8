"""Other gateways, each in an environment of its own under the user's cache folder."""

import json
import shutil
import subprocess
from pathlib import Path

from tools.environments import cache_folder, new_environment, pip, runs, say

from bench.gateway.targets import Skipped, Target, free_port, started

LITELLM = "1.106.2"
PORTKEY = "1.15.2"


def litellm(folder: Path, port: int) -> Target:
    """LiteLLM's proxy, one worker, without a database."""
    home = cache_folder() / f"litellm-{LITELLM}"
    python = home / "bin" / "python"
    if not runs(python, "import litellm"):
        new_environment(home)
        if not pip(python, "install", f"litellm[proxy]=={LITELLM}"):
            shutil.rmtree(home, ignore_errors=True)
            raise Skipped(f"LiteLLM {LITELLM} cannot be installed here")
    folder.mkdir(parents=True, exist_ok=True)
    where = {"model": "openai/m-1", "api_base": f"http://127.0.0.1:{port}/v1", "api_key": "x"}
    settings = {
        "model_list": [{"model_name": "chat", "litellm_params": where}],
        "general_settings": {"master_key": "sk-bench"},
    }
    # JSON is YAML too.
    (folder / "litellm.yaml").write_text(json.dumps(settings))
    target = Target("LiteLLM", "one master key, no database, no budget", free_port(), LITELLM)
    target.headers = {"authorization": "Bearer sk-bench"}
    command = [
        str(home / "bin" / "litellm"), "--config", str(folder / "litellm.yaml"),
        "--host", "127.0.0.1", "--port", str(target.port), "--num_workers", "1",
    ]  # fmt: skip
    environ = {"LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    return started(target, command, folder, within_s=180, environ=environ)


def portkey(folder: Path, port: int) -> Target:
    """Portkey's gateway, which keeps no keys and no ledger."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        raise Skipped("Portkey's gateway needs npm and node")
    home = cache_folder() / f"portkey-{PORTKEY}"
    program = home / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    if not program.exists():
        say(f"installing Portkey's gateway into {home}")
        home.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(home)]
        done = subprocess.run([*command, f"@portkey-ai/gateway@{PORTKEY}"], check=False)
        if done.returncode or not program.exists():
            shutil.rmtree(home, ignore_errors=True)
            raise Skipped(f"Portkey's gateway {PORTKEY} cannot be installed here")
    folder.mkdir(parents=True, exist_ok=True)
    target = Target("Portkey", "routes by headers; no key of its own, no ledger", free_port())
    target.version = PORTKEY
    target.headers = {
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": f"http://127.0.0.1:{port}/v1",
        "authorization": "Bearer x",
    }
    return started(target, [node, str(program), f"--port={target.port}", "--headless"], folder)
