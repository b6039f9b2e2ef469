"""Who may speak to the sandbox: no other web page, whatever name it gives this machine."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _name(netloc: str) -> str:
    """Cut the port off a host; an IPv6 address keeps its brackets."""
    if netloc.startswith("["):
        return netloc.partition("]")[0] + "]"
    return netloc.partition(":")[0]


def gate(extra_hosts: frozenset[str]) -> Middleware:
    """Make the middleware; `extra_hosts` are names besides loopback's that are ours."""
    ours = LOOPBACK_NAMES | extra_hosts

    def stranger(request: web.Request) -> str | None:
        """Name what is foreign about a request: DNS rebinding shows in Host, CSRF in Origin."""
        if _name(request.host).lower() not in ours:
            return "Host"
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            return "Origin"
        if request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
            # A link from elsewhere may open the page; it can do nothing more.
            navigation = request.method == "GET" and request.path == "/"
            return None if navigation else "Sec-Fetch-Site"
        return None

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        foreign = stranger(request)
        if foreign is not None:
            return web.json_response({"error": f"foreign {foreign}"}, status=403)
        # A form of another page cannot say JSON without asking first, which we never allow.
        posted = request.method == "POST" and request.path.startswith("/sandbox/")
        if posted and request.content_type != "application/json":
            return web.json_response({"error": "say application/json"}, status=415)
        return await handler(request)

    return check


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Tell the browser to load nothing from anywhere else."""
    for name, given in HEADERS.items():
        response.headers.setdefault(name, given)
