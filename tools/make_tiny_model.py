"""Makes a language model of random weights for tests: `python tools/make_tiny_model.py FOLDER`.

Runs in the environment that `tools/prepare_transformers_server.py` makes. Architecture, tokenizer
and chat template are real, and small; what the model says is noise, always the same one.
"""

import sys
from pathlib import Path
from typing import Any

# Words that occur in requests, so that a text has fewer tokens than bytes.
_TEXTS = (
    "Answer with the one word tea, and not with JSON.",
    "Say the numbers from one to twenty in words, separated by commas.",
    "The quick brown fox jumps over the lazy dog. Pack my box with five dozen jugs.",
    '{"role": "user", "content": "one two three four five six seven eight nine ten"}',
)
_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
_SPECIAL = ("<|begin|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
CONTEXT_TOKENS = 512


def main() -> int:
    """Writes model, tokenizer and template into the folder that is named."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer()
    tokenizer.save_pretrained(folder)
    words = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    _model(words).save_pretrained(folder)
    sys.stdout.write(f"{folder}\n")
    return 0


def _tokenizer() -> Any:
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(
        _TEXTS, vocab_size=400, min_frequency=1, special_tokens=list(_SPECIAL), show_progress=False
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=trained._tokenizer,  # noqa: SLF001 - the public class has no other door
        bos_token="<|begin|>",
        eos_token="<|end|>",
        pad_token="<|end|>",
        chat_template=_TEMPLATE,
        model_max_length=CONTEXT_TOKENS,
    )


def _model(words: list[str]) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(7)
    shape = LlamaConfig(
        vocab_size=len(words),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT_TOKENS,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    model = LlamaForCausalLM(shape)
    with torch.no_grad():
        for number, word in enumerate(words):
            # Single bytes and marks are never the likeliest, so that what it says is readable.
            if len(word) == 1 or word in _SPECIAL:
                model.lm_head.weight[number] = 0.0
    return model


if __name__ == "__main__":
    raise SystemExit(main())
