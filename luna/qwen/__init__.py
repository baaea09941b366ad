"""The Qwen web dialect: endpoints, tokens, payload, stream, errors, catalogue. Imports `luna.model`, `luna.upstream`
and the SSE reader; knows no client protocol and no stage."""
