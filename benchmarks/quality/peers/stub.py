"""A judge's server that costs nothing: a canned answer to each peer's prompts after a fixed wait. Standard library only.

``python stub.py LATENCY_MS`` prints its port. ``GET /stats`` gives how many it answered and the milliseconds it worked, and starts again.
It says yes to everything: two statements or claims a text, all supported. What it measures is everything around a judgement.
"""

import asyncio
import json
import re
import sys
import time

CLAIM = re.compile(r"<claim (\d+) [0-9a-f]{16}>")
PASSAGE = re.compile(r"<passage (\d+) [0-9a-f]{16}>\n([^\n]*)")
STATEMENTS = ["The product does what it should.", "Reviewers say so."]
CANNED = {  # DeepEval's schemas by name
    "Truths": {"truths": STATEMENTS},
    "Claims": {"claims": STATEMENTS},
    "Verdicts": {"verdicts": [{"verdict": "yes", "reason": "said"} for _ in STATEMENTS]},
}


def answer(request: dict) -> str:
    """The text that the peer who wrote the request expects."""
    named = ((request.get("response_format") or {}).get("json_schema") or {}).get("name")
    if named in CANNED:
        return json.dumps(CANNED[named])
    asked = request["messages"][-1]["content"]
    if isinstance(asked, str) and asked.startswith("CODE "):
        return json.dumps({"claims": ours(asked)})
    said = "\n".join(str(message["content"]) for message in request["messages"])
    at = said.rfind("\ninput:")
    if at < 0:
        return "It is said so. GRADE: C"
    given, _ = json.JSONDecoder().raw_decode(said, said.index("{", at))
    if "statements" not in given:
        return json.dumps({"statements": STATEMENTS})
    return json.dumps({"statements": [{"statement": one, "reason": "said", "verdict": 1} for one in given["statements"]]})


def ours(asked: str) -> list[dict]:
    number, text = PASSAGE.search(asked).groups()
    row = {"passage": int(number), "quote": text.strip()[:40].strip(), "verdict": "supported", "confidence": 90}
    return [{"claim": int(claim), **row} for claim in CLAIM.findall(asked)]


class Stub:
    def __init__(self, latency_s: float) -> None:
        self.latency_s, self.calls, self.worked_s = latency_s, 0, 0.0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = re.search(rb"content-length: *(\d+)", head.lower())
                body = await reader.readexactly(int(length[1])) if length else b""
                writer.write(await self.reply(head, body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def reply(self, head: bytes, body: bytes) -> bytes:
        began = time.perf_counter()
        if head.startswith(b"GET"):
            found, self.calls, self.worked_s = {"calls": self.calls, "worked_ms": self.worked_s * 1000}, 0, 0.0
        else:
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": answer(json.loads(body))}}
            usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
            found = {"id": "1", "object": "chat.completion", "created": 1, "model": "stub", "choices": [choice], "usage": usage}
            self.calls += 1
        raw = json.dumps(found).encode()
        self.worked_s += time.perf_counter() - began
        if self.latency_s and not head.startswith(b"GET"):
            await asyncio.sleep(self.latency_s)
        return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(raw), raw)


async def main() -> None:
    stub = Stub(float(sys.argv[1]) / 1000)
    server = await asyncio.start_server(stub.serve, "127.0.0.1", 0, limit=1 << 22)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
