"""The pages that luna serves itself: for now the one at `/`, which says how it is and how to use it.

Owns plain, script-free HTML under a strict content policy. Everything in it is public to whoever reaches
the port, so nothing in it is a secret.
"""

import base64
import hashlib
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from luna import __version__
from luna.config.live import LiveConfig
from luna.state.accounts import Accounts

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 44rem; margin: 3rem auto; padding: 0 1rem }
pre { padding: 1rem; border: 1px solid; border-radius: .5rem; overflow-x: auto }
dt { font-weight: 600 } dd { margin: 0 0 .75rem }
""".strip()

_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'"

_ACCOUNT = {
    "ready": "A Qwen account is configured.",
    "demo": "No Qwen account is configured: the built-in look-alike answers, not Qwen.",
    "none": "No Qwen account can answer: set QWEN_AI_TOKEN or QWEN_AI_COOKIES, or POST /api/provider/token.",
}

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>luna</title><style>{style}</style></head><body>
<h1>luna {version}</h1>
<dl>
<dt>Account</dt><dd>{account}</dd>
<dt>Configuration</dt><dd>{config}</dd>
</dl>
<h2>Try it</h2>
<pre>curl {origin}/v1/chat/completions \\
  -H 'Content-Type: application/json' \\
  -d '{{"model": "qwen3.6-plus", "messages": [{{"role": "user", "content": "Hello!"}}]}}'</pre>
</body></html>
"""


def routes(config: LiveConfig, accounts: Accounts) -> list[Route]:
    """The routes of this subject."""

    async def front(request: Request) -> Response:
        snapshot = config.cell.current
        state = f"Version {snapshot.version}, {len(snapshot.routes)} routes."
        if not config.in_sync:
            state += " The files on disk do not compile; the last good configuration goes on. `luna check` says why."
        page = _PAGE.format(
            style=_STYLE,
            version=escape(__version__),
            account=escape(_ACCOUNT[accounts.readiness()]),
            config=escape(state),
            origin=escape(f"http://{request.headers['host']}"),
        )
        return HTMLResponse(page, headers={"content-security-policy": POLICY, "cache-control": "no-store"})

    return [Route("/", front, methods=["GET"])]
