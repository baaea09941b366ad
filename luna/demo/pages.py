"""The site's own pages, as far as somebody needs them to sign in by a browser: the front page and the form.

Owns their HTML. What the form does is what the real one does: it sends the digest of the password, keeps the access
token in `localStorage`, and gets the session as cookies of this host. Its requests carry headers of the page's own, as
those of the real page do; what they say is made up. The wire document, sections 1.1, 2.1 and 2.2.
"""

from luna.demo.auths import signed_in
from luna.demo.envelope import Call
from luna.demo.http import Headers, Reply

_HERE = "Path=/; SameSite=Lax"
"""For cookies of whatever host the look-alike has."""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head><body>
<h1>{title}</h1>
<p>This is a look-alike of Qwen's chat, for trying things out. Nobody else sees what you type.</p>
{body}
</body></html>
"""

_HEADERS = """const own = {
  "source": "web", "version": "0.3.11", "bx-v": "2.5.37", "bx-ua": "look-alike", "bx-umidtoken": "look-alike",
};"""

_FORM = """<form id="form">
<p><label>E-mail <input id="email" type="email" autocomplete="username" required></label></p>
<p><label>Password <input id="password" type="password" autocomplete="current-password" required></label></p>
<p><button>Log in</button> <output id="said"></output></p>
</form>
<script>
{headers}
document.getElementById("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const typed = new TextEncoder().encode(document.getElementById("password").value);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", typed));
  const password = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const reply = await fetch("/lookalike/signin", {
    method: "POST",
    headers: {...own, "content-type": "application/json"},
    body: JSON.stringify({email: document.getElementById("email").value, password}),
  });
  const said = await reply.json();
  if (!said.success) {
    document.getElementById("said").textContent = said.data.details;
    return;
  }
  localStorage.setItem("token", said.data.token);
  location.assign("/");
});
</script>"""

_FRONT = """<p id="who">Nobody is logged in.</p>
<p><a href="/auth">Log in</a> <button id="out">Log out</button></p>
<script>
{headers}
const token = localStorage.getItem("token");
async function greet() {
  const reply = await fetch("/api/v2/user/info", {headers: {...own, authorization: "Bearer " + token}});
  const said = await reply.json();
  if (said.success) document.getElementById("who").textContent = "Hello, " + said.data.name + ".";
}
if (token) greet();
document.getElementById("out").addEventListener("click", async () => {
  localStorage.removeItem("token");
  await fetch("/lookalike/signout", {method: "POST", headers: own});
  location.assign("/auth");
});
</script>"""


async def front(call: Call) -> Reply:
    """Who is signed in, and the way to the form."""
    return _html("Look-alike", _FRONT)


async def form(call: Call) -> Reply:
    """The form."""
    return _html("Log in", _FORM)


async def sign_in(call: Call) -> Reply:
    """What the form sends: the same as the real sign-in, with cookies that a browser keeps for this host."""
    session, person = signed_in(call)
    jar: Headers = (
        ("set-cookie", f"token={session.cookies['token']}; {_HERE}"),
        ("set-cookie", f"refresh_token={session.refresh_token}; {_HERE}; HttpOnly"),
        ("set-cookie", f"acw_tc={session.cookies['acw_tc']}; {_HERE}; HttpOnly"),
    )
    return call.success({**person, "token": session.token}, jar)


async def sign_out(call: Call) -> Reply:
    """What the button sends: the browser's cookies end."""
    gone: Headers = tuple(
        ("set-cookie", f"{name}=; {_HERE}; Max-Age=0") for name in ("token", "refresh_token", "acw_tc")
    )
    return call.success({"status": True}, gone)


def _html(title: str, body: str) -> Reply:
    page = _PAGE.format(title=title, body=body.replace("{headers}", _HEADERS)).encode()
    return Reply(200, page, (("content-type", "text/html; charset=utf-8"), ("cache-control", "no-store")))
