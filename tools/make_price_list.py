"""Cuts the price list that is shipped out of the community's price file.

`python tools/make_price_list.py model_prices_and_context_window.json --version 1.109.1
--as-of 2026-11-21` writes `src/aihandler/ledger/pricing/list.json.gz`. What is kept is unchanged:
models of providers that `PROVIDERS` names which answer in tokens, and their prices per token.
"""

import argparse
import gzip
import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from aihandler.ledger.pricing.community import FIELD, MODES, STEPS, TIMETABLE, CommunityList

TARGET = Path(__file__).parents[1] / "src/aihandler/ledger/pricing/list.json.gz"
# Whom people pay by list price; resellers and whoever hosts for them are left to a file of theirs.
PROVIDERS = """
    openai azure anthropic bedrock bedrock_converse gemini vertex_ai vertex_ai-language-models
    vertex_ai-anthropic_models vertex_ai-mistral_models vertex_ai-llama_models mistral codestral
    deepseek xai groq cohere cohere_chat together_ai fireworks_ai cerebras deepinfra perplexity
    openrouter dashscope moonshot zai voyage minimax nebius scaleway ovhcloud sambanova
"""


def main() -> int:
    """Writes the list and says how large it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="the price file, as JSON or gzipped JSON")
    parser.add_argument("--version", required=True, help="release of litellm that it is from")
    parser.add_argument("--as-of", required=True, help="day on which it was read, YYYY-MM-DD")
    chosen = parser.parse_args()
    raw = chosen.file.read_bytes()
    text = gzip.decompress(raw) if chosen.file.suffix == ".gz" else raw
    models = trimmed(json.loads(text, parse_float=Decimal))
    listed = {"source": f"litellm {chosen.version}", "as_of": chosen.as_of, "models": models}
    body = json.dumps(listed, default=_number, sort_keys=True, separators=(",", ":")).encode()
    # No time stamp and no name, so that the same list gives the same bytes.
    TARGET.write_bytes(gzip.compress(body, compresslevel=9, mtime=0))
    sys.stdout.write(f"{len(models)} models, {len(body)} bytes, {TARGET.stat().st_size} gzipped\n")
    return 0


def trimmed(models: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The models that can be priced by the token, with what is read of them."""
    every = CommunityList(models, source="")
    return {
        name: {key: value for key, value in fields.items() if _is_read(key)}
        for name, fields in sorted(models.items())
        if fields.get("litellm_provider") in PROVIDERS.split()
        and fields.get("mode") in MODES
        and every.entry(name) is not None
    }


def _is_read(key: str) -> bool:
    return key in {"mode", STEPS, TIMETABLE} or FIELD.fullmatch(key) is not None


def _number(value: Decimal) -> float:
    return float(value)


if __name__ == "__main__":
    raise SystemExit(main())
