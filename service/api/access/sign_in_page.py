"""The page with the form by which a browser signs in: no script, and nothing that needs a token itself."""

from __future__ import annotations

from html import escape

STYLE = """\
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 26rem; margin: 15vh auto 0; padding: 0 1rem; }
label, input, button { display: block; width: 100%; box-sizing: border-box; font: inherit; }
input, button { margin: 0.25rem 0 1rem; padding: 0.5rem 0.75rem; }
.wrong { color: light-dark(#b3261e, #ff8a80); }
"""
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # with no-referrer a browser would hide the form's origin
    "cache-control": "no-store",
}
PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Tidegauge: sign in</title>
<link rel="stylesheet" href="/sign-in/style.css">
</head>
<body>
<main>
<h1>Tidegauge</h1>
{content}
</main>
</body>
</html>
"""
FORM = """\
{wrong}<form method="post" action="/sign-in">
<label for="token">Token with the scope <code>read</code></label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<input name="next" type="hidden" value="{after}">
<button type="submit">Sign in</button>
</form>
<p><code>tidegauge token create NAME --scope read</code> makes one.</p>"""
SIGNED_IN = """\
<p>You are signed in. <a href="/">To the monitors</a></p>
<form method="post" action="/sign-out"><button type="submit">Sign out</button></form>"""
NOT_NEEDED = """<p>This service is open to everyone who reaches it. <a href="/">To the monitors</a></p>"""


def page(after: str, *, wrong: str | None = None) -> str:
    """Return the page with the form; `after` is where the browser goes then, `wrong` what it did wrong."""
    said = "" if wrong is None else f'<p class="wrong" role="alert">{escape(wrong)}</p>\n'
    return PAGE.format(content=FORM.format(wrong=said, after=escape(own_path(after))))


def signed_in_page() -> str:
    """Return the page for a browser that is signed in: it can sign out."""
    return PAGE.format(content=SIGNED_IN)


def not_needed_page() -> str:
    """Return the page of a service that asks for no token."""
    return PAGE.format(content=NOT_NEEDED)


def own_path(path: str) -> str:
    """Return a path of this service; `/` for what leads elsewhere, as `//other.host` does."""
    is_own = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_own else "/"
