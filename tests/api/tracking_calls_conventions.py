"""Spans in the words of other conventions than MLflow's, for test_differential.py: (name, method, path, body, saves), as in tracking_calls.py."""

from tracking_calls_traces import AT, T, Otlp, _attributes, export, span

FIRST = 7000  # the number of the first trace


def event(name, **attributes):
    return {"timeUnixNano": str(AT * 1000000), "name": name, "attributes": _attributes({k.replace("__", "."): v for k, v in attributes.items()})}


CHAT = '[{"role": "user", "parts": [{"text": "hä"}]}, {"role": "model", "parts": [{"text": "no"}, {"n": 1.5}]}]'
GEMINI = {"gen_ai.agent.name": "gemini-cli"}
OPEN = "openinference.span.kind"
GENAI = "gen_ai.operation.name"

# name → attributes, or attributes and events
SPANS = {
    "openinference": {OPEN: "LLM", "input.value": '{"q": "ä"}', "output.value": "plain", "llm.token_count.prompt": 3, "llm.token_count.completion": 4,
                      "llm.token_count.prompt_details.cache_read": 1, "llm.token_count.prompt_details.cache_write": 2, "llm.model_name": "unheard-of", "llm.provider": "nobody"},
    "openinference total": {OPEN: "CHAIN", "llm.token_count.total": 9, "llm.request.model_name": "r", "embedding.model_name": "e"},
    "openinference unknown": {OPEN: "UNKNOWN"},
    "openinference unheard of": {OPEN: "NOPE", GENAI: "chat"},
    "openinference small": {OPEN: "llm"},
    "empty input": {"input.value": "", "gen_ai.input.messages": "[]", "traceloop.entity.input": "{}", "ai.prompt": "null", "input": "0", "langfuse.observation.input": "x"},
    "false input": {"input.value": False, "output.value": 0.0, "output": True},
    "MLflow's words stand": {"mlflow.spanType": '"TOOL"', "mlflow.spanInputs": '"in"', "mlflow.spanOutputs": '"out"', "mlflow.llm.model": '"m"', "mlflow.llm.provider": '"p"',
                             "mlflow.chat.tokenUsage": '{"input_tokens": 1}', "mlflow.chat.tools": "[1]", OPEN: "LLM", "input.value": "x", "output.value": "y", "llm.model_name": "z",
                             "llm.token_count.prompt": 5, "gen_ai.tool.definitions": "[2]", "llm.provider": "w"},
    "MLflow's type unknown": {"mlflow.spanType": '"UNKNOWN"', OPEN: "AGENT"},
    **{f"genai {k}": {GENAI: k} for k in ("chat", "create_agent", "embeddings", "execute_tool", "generate_content", "invoke_agent", "text_completion", "response", "Chat", "llm_call")},
    "genai": {GENAI: "chat", "gen_ai.input.messages": CHAT, "gen_ai.output.messages": [{"role": "x"}], "gen_ai.usage.input_tokens": "12", "gen_ai.usage.output_tokens": 7,
              "gen_ai.usage.cache_read.input_tokens": 3, "gen_ai.usage.cache_creation.input_tokens": 2, "gen_ai.request.model": "a", "gen_ai.response.model": "b",
              "gen_ai.provider.name": "c", "gen_ai.system": "d", "gen_ai.tool.definitions": '[{"name": "t"}]', "gen_ai.conversation.id": "conv"},
    "genai tool": {GENAI: "execute_tool", "gen_ai.tool.call.arguments": '{"a": 1}', "gen_ai.tool.call.result": "42", "gen_ai.usage.output_tokens": 7, "gen_ai.usage.cache_write.input_tokens": 5},
    "genai odd tokens": {"gen_ai.usage.input_tokens": 1.5, "gen_ai.usage.output_tokens": "many", "llm.usage.total_tokens": 8},
    "genai events": ({GENAI: "chat"}, [event("gen_ai.system.message", content="be ä"), event("gen_ai.user.message", content='{"a": [1, 2.5]}'), event("gen_ai.assistant.message", content=""),
                                       event("gen_ai.choice", content="yes", role="r"), event("gen_ai.choice", content='"quoted"'), event("other", content="x")]),
    "spring events": ({GENAI: "chat"}, [event("gen_ai.content.prompt", gen_ai__prompt="p"), event("gen_ai.content.completion", gen_ai__completion='{"c": 1}'), event("gen_ai.user.message", content="u")]),
    **{f"traceloop {k}": {"traceloop.span.kind": k} for k in ("workflow", "task", "agent", "tool", "unknown", "x")},
    "traceloop": {"traceloop.span.kind": "task", "traceloop.entity.input": '{"i": 1}', "traceloop.entity.output": '{"o": 1}', "gen_ai.usage.prompt_tokens": 1, "gen_ai.usage.completion_tokens": 2,
                  "llm.usage.total_tokens": 5, "gen_ai.system": "OpenAI", "gen_ai.request.model": "q"},
    "traceloop patterns": {"gen_ai.prompt.0.role": "user", "gen_ai.prompt.12.content": "hello", "gen_ai.completion.0.content": "", "gen_ai.completion.1.contents": "late"},
    "traceloop arguments": {"gen_ai.prompt.x.content": "no", "gen_ai.completion.0.tool_calls.3.arguments": '{"k": "v"}'},
    "adk": {"gcp.vertex.agent.llm_request": '{"model": "gem", "x": 1}', "gcp.vertex.agent.llm_response": '{"model": "other"}'},
    "adk tool": {"gcp.vertex.agent.tool_call_args": "{}", "gcp.vertex.agent.tool_response": '{"model": "m2"}'},
    **{f"vercel {k}": {"ai.operationId": k, "ai.prompt": '{"p": 1}', "ai.response.text": "t", "ai.values": ["a", "b"]}
       for k in ("ai.generateText", "ai.toolCall", "ai.streamText", "ai.generateObject", "ai.embed", "ai.embed.doEmbed", "ai.embedMany", "ai.x")},
    "vercel chat": {"ai.operationId": "ai.generateText.doGenerate", "ai.prompt.messages": '[{"role": "user", "content": "ü"}]', "ai.prompt.tools": ['{"type": "function"}', '"x"', "plain"],
                    "ai.prompt.toolChoice": '{"type": "auto"}', "ai.response.text": "answer", "ai.response.finishReason": "stop", "ai.response.toolCalls": '[{"id": 1}]', "gen_ai.request.model": "v"},
    "vercel chat of nothing": {"ai.operationId": "ai.streamText.doStream", "ai.prompt": "not this", "input": "this"},
    "voltagent": {"span.type": "llm", "entity.type": "agent", "llm.messages": '[{"role": "user", "content": "c"}]', "output": "o", "usage.prompt_tokens": 3, "llm.usage.prompt_tokens": 9,
                  "llm.usage.completion_tokens": 4, "voltagent.operation_id": "op"},
    "voltagent root": {"entity.type": "agent", "agent.messages": "m", "llm.messages": "n", "usage.total_tokens": 7, "voltagent.conversation_id": "c"},
    "voltagent tool": {"span.type": "tool", "input": '{"x": 1}'},
    "voltagent memory": {"span.type": "nope", "entity.type": "memory"},
    "livekit": {"lk.user_input": "hi", "lk.response.text": "ho", "gen_ai.request.model": "lk", "gen_ai.usage.input_tokens": 2, "gen_ai.usage.output_tokens": 3},
    **{f"livekit {k}": {k: "v"} for k in ("lk.retry_count", "lk.function_tool.name", "lk.agent_name", "lk.instructions", "lk.tts.streaming", "lk.input_text", "lk.user_transcript", "lk.chat_ctx", "lk.room_name")},
    "livekit upper": {GENAI: "CHAT", "lk.generation_id": "g"},
    **{f"laminar {k}": {"lmnr.span.type": k, "lmnr.span.input": '{"i": 1}', "lmnr.span.output": "o", "gen_ai.system": "s"}
       for k in ("LLM", "TOOL", "DEFAULT", "PIPELINE", "EXECUTOR", "HUMAN_EVALUATOR", "EVALUATION", "CACHED", "X")},
    **{f"langfuse {k}": {"langfuse.observation.type": k, "langfuse.observation.input": "i", "langfuse.observation.output": '["o"]'}
       for k in ("generation", "embedding", "retriever", "chain", "guardrail", "span", "event")},
    "gemini": {**GEMINI, GENAI: "llm_call", "gen_ai.input.messages": CHAT, "gen_ai.output.messages": CHAT, "gen_ai.usage.input_tokens": 1, "gen_ai.usage.output_tokens": 2},
    "gemini text": {**GEMINI, GENAI: "agent_call", "gen_ai.input.messages": '"hello ä"', "gen_ai.output.messages": '[{"role": "model"}]'},
    "gemini prompt": {**GEMINI, GENAI: "user_prompt", "gen_ai.input.messages": "hello", "gen_ai.output.messages": '{"candidates": []}'},
    "gemini wrapped": {**GEMINI, GENAI: "tool_call", "gen_ai.input.messages": '{"contents": "x"}', "gen_ai.tool.call.result": '[{"parts": [1]}]'},
    "claude interaction": {"span.type": "claude_code.interaction", "user_prompt": "do", "new_context": "ctx"},
    "claude redacted": {"span.type": "interaction", "user_prompt": "<REDACTED>", "new_context": "ctx"},
    "claude request": {"span.type": "llm_request", "new_context": "ctx", "response.model_output": "out", "input_tokens": 10, "output_tokens": "5", "cache_read_tokens": 3, "cache_creation_tokens": 2},
    "claude request bare": {"span.type": "claude_code.llm_request", "input_tokens": 10},
    "claude tool": ({"span.type": "claude_code.tool", "full_command": "ls ä", "file_path": "/x", "skill_name": ""}, [event("tool.output", output="<REDACTED>", content='{"c": "ä"}')]),
    "claude tool input": {"span.type": "tool", "tool_input": '{"t": 1}', "new_context": "result"},
    "claude unheard of": {"span.type": "claude_code.x", "user_prompt": "p", "input_tokens": 5},
    "model in input": {"mlflow.spanInputs": '{"model": "in-model"}', "mlflow.spanOutputs": '{"model": "out-model"}'},
    "model in output": {"input.value": '{"model": 5}', "output.value": '{"model": "out-modél"}'},
    "priced": {GENAI: "response", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 10},
}
PRICED = f"tr-{FIRST + len(SPANS) - 1:032x}"


def _conventions():
    yield "conventions", "POST", "experiments/create", {"name": "conventions"}, {"ce": ("experiment_id",)}
    for i, (name, given) in enumerate(SPANS.items()):
        attributes, events = given if isinstance(given, tuple) else (given, ())
        s = span(FIRST + i, 1, "root", events=events)
        s["attributes"] = _attributes(attributes)
        body = Otlp(export(s))
        body.headers = {"x-mlflow-experiment-id": "{ce}"}
        yield f"span {name}", "POST", "/v1/traces", body
        yield f"whole {name}", "GET", f"{T}/get", {"trace_id": f"tr-{FIRST + i:032x}"}
        yield f"told {name}", "GET", f"{T}/tr-{FIRST + i:032x}", None
    where = {"locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "{ce}"}}]}
    for text in ("span.type = 'LLM'", "span.type = 'CHAT_MODEL'", "span.type = 'UNKNOWN'", "span.attributes.mlflow.llm.model LIKE '%unheard%'", "span.content LIKE '%cache_read_input_tokens%'"):
        yield f"search conventions {text}", "POST", f"{T}/search", {**where, "filter": text, "max_results": 200}
    for view, metric, how, dimension in (("TRACES", "input_tokens", "SUM", "trace_name"), ("TRACES", "total_tokens", "SUM", "trace_name"), ("SPANS", "span_count", "COUNT", "span_type"),
                                         ("SPANS", "span_count", "COUNT", "span_model_name"), ("SPANS", "span_count", "COUNT", "span_model_provider")):
        yield f"metrics conventions {metric} {dimension}", "POST", f"{T}/metrics", {"experiment_ids": ["{ce}"], "view_type": view, "metric_name": metric, "aggregations": [{"aggregation_type": how}], "dimensions": [dimension]}


CONVENTIONS = [*_conventions()]
