"""The words that the modules of Ollama's own format share."""

from aihandler.backends.codec import NOTE

KIND = "ollama.native"
# A request to `/api/generate`, or a reply of it: a prompt in place of a conversation.
GENERATE = f"{NOTE}generate"
# This call, or this result, came without an id, as older servers and clients have it.
WITHOUT_ID = f"{NOTE}without_id"
# The message had no `content` at all.
WITHOUT_CONTENT = f"{NOTE}without_content"
# The arguments of this call were a text, not an object.
AS_TEXT = f"{NOTE}as_text"
# `stop` was one text, not a list of one.
STOP_TEXT = f"{NOTE}stop_text"
# `format` was the word `json`, not a schema.
JSON_WORD = f"{NOTE}json_word"
# Counts that the server left out, which it does for a prompt that it still had.
UNCOUNTED = f"{NOTE}uncounted"
# A reply of an older server, which does not say why it ended.
WITHOUT_REASON = f"{NOTE}without_reason"
