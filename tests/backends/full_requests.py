"""One request of each format that says nearly all that it can: to be damaged in tests."""

CHAT = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "s"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "t"},
                {
                    "type": "image_url",
                    "image_url": {"url": "data:image/png;base64,aaaa", "detail": "low"},
                },
                {"type": "input_audio", "input_audio": {"data": "aaaa", "format": "wav"}},
                {
                    "type": "file",
                    "file": {
                        "file_id": "x",
                        "filename": "f",
                        "file_data": "data:application/pdf;base64,aaaa",
                    },
                },
            ],
            "name": "n",
        },
        {
            "role": "assistant",
            "content": "c",
            "refusal": "r",
            "annotations": [
                {
                    "type": "url_citation",
                    "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1},
                }
            ],
            "audio": {"id": "a"},
            "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ],
            "reasoning_content": "z",
        },
        {"role": "tool", "tool_call_id": "1", "content": "r"},
    ],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "f",
                "description": "d",
                "parameters": {"type": "object"},
                "strict": True,
            },
        },
        {"type": "custom", "custom": {"name": "c", "format": {"type": "text"}}},
    ],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
    },
    "stop": ["a"],
    "temperature": 1,
    "top_p": 1,
    "n": 1,
    "seed": 1,
    "max_tokens": 1,
    "max_completion_tokens": 1,
    "logprobs": True,
    "top_logprobs": 2,
    "stream": True,
    "stream_options": {"include_usage": True},
    "reasoning_effort": "low",
    "reasoning": {"effort": "low"},
    "parallel_tool_calls": True,
    "prompt_cache_key": "k",
    "logit_bias": {"1": 2},
    "functions": [{"name": "f"}],
    "function_call": "auto",
    "modalities": ["text"],
    "metadata": {"a": "b"},
    "user": "u",
}
COMPLETIONS = {
    "model": "m",
    "prompt": "p",
    "max_tokens": 1,
    "stop": ["a"],
    "stream": True,
    "stream_options": {"include_usage": True},
    "logprobs": 1,
    "suffix": "s",
    "echo": False,
    "n": 1,
    "best_of": 1,
    "temperature": 1.0,
    "top_p": 1,
    "seed": 1,
}
MESSAGES = {
    "model": "m",
    "max_tokens": 5,
    "system": [{"type": "text", "text": "t", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
    "messages": [
        {
            "role": "user",
            "content": [
                {
                    "type": "text",
                    "text": "t",
                    "citations": [
                        {"type": "char_location", "cited_text": "x", "document_index": 0}
                    ],
                },
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": "aaaa"},
                },
                {
                    "type": "document",
                    "source": {"type": "text", "media_type": "text/plain", "data": "x"},
                    "title": "t",
                    "citations": {"enabled": True},
                },
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "t", "signature": "s"},
                {"type": "redacted_thinking", "data": "d"},
                {"type": "tool_use", "id": "1", "name": "f", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "1",
                    "content": [{"type": "text", "text": "x"}],
                    "is_error": False,
                }
            ],
        },
    ],
    "tools": [
        {
            "name": "f",
            "description": "d",
            "input_schema": {"type": "object"},
            "cache_control": {"type": "ephemeral"},
        },
        {"type": "web_search_20250305", "name": "web_search"},
    ],
    "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "output_config": {
        "effort": "low",
        "format": {"type": "json_schema", "schema": {"type": "object"}},
    },
    "temperature": 1,
    "top_p": 1,
    "top_k": 1,
    "stop_sequences": ["a"],
    "stream": True,
    "metadata": {"user_id": "x"},
    "context_management": {"edits": []},
}
RESPONSES = {
    "model": "m",
    "input": [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "t"},
                {"type": "input_image", "image_url": "data:image/png;base64,aaaa", "detail": "low"},
                {"type": "input_file", "file_id": "x"},
            ],
        },
        {
            "type": "message",
            "role": "assistant",
            "id": "m",
            "status": "completed",
            "content": [
                {"type": "output_text", "text": "t", "annotations": [], "logprobs": []},
                {"type": "refusal", "refusal": "r"},
            ],
        },
        {
            "type": "reasoning",
            "id": "r",
            "summary": [{"type": "summary_text", "text": "s"}],
            "encrypted_content": "e",
            "content": [{"type": "reasoning_text", "text": "x"}],
        },
        {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}", "id": "i"},
        {
            "type": "function_call_output",
            "call_id": "1",
            "output": [{"type": "input_text", "text": "t"}],
        },
        {"id": "x"},
        {"type": "item_reference", "id": "x"},
    ],
    "instructions": "i",
    "tools": [
        {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True},
        {"type": "web_search"},
    ],
    "tool_choice": {"type": "function", "name": "f"},
    "text": {
        "format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}},
        "verbosity": "low",
    },
    "reasoning": {"effort": "low", "summary": "auto"},
    "temperature": 1,
    "top_p": 1,
    "top_logprobs": 1,
    "include": ["message.output_text.logprobs"],
    "max_output_tokens": 5,
    "stream": True,
    "previous_response_id": "x",
    "store": False,
    "parallel_tool_calls": True,
    "background": False,
    "max_tool_calls": 1,
    "prompt": {"id": "p"},
    "conversation": "c",
    "stream_options": {"include_obfuscation": False},
}
