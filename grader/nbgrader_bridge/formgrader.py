"""Guard formgrader, which shows what students wrote to an instructor who is logged in.

A policy lets no script run but formgrader's own. Files of a student's are not served. A name that intake refuses gets
no page: formgrader's templates take names as they are. The guards are put on nbgrader's own classes, so that they
hold whenever our configuration is read, before formgrader has started or after.
"""

import base64
import hashlib
import re
from copy import deepcopy
from functools import cache
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, NoReturn
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader
from nbgrader.server_extensions.formgrader import handlers
from nbgrader.server_extensions.formgrader.base import BaseApiHandler, BaseHandler
from tornado import web

from grader.nbgrader_bridge.pages import OwnScripts, PageExporter
from grader.submission.intake import Unreadable, check_name

TEMPLATES = Path(handlers.template_path)
AT_AN_EVENT = re.compile(r'\bon[a-z]+="([^"]*)"', re.IGNORECASE)
PASSIVE = "default-src 'none'; sandbox"


def guard_formgrader() -> None:
    """Put the guards on nbgrader's handlers; a second time changes nothing."""
    BaseHandler.content_security_policy = property(_policy)
    BaseHandler.exporter = property(_exporter)
    BaseHandler.prepare = _prepare
    BaseHandler.render = _render
    handlers.SubmissionFilesHandler.get = handlers.SubmissionFilesHandler.head = _not_served


def _policy(handler: Any) -> str:
    """The policy of Jupyter, and beside it ours: a browser keeps both."""
    jupyters = super(BaseHandler, handler).content_security_policy
    if isinstance(handler, (BaseApiHandler, handlers.SubmissionFilesHandler)):
        return f"{jupyters}, {PASSIVE}"
    scripts = f"script-src 'nonce-{_nonce(handler)}' 'unsafe-hashes' {_event_hashes()}"
    return (f"{jupyters}, default-src 'none'; {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
            "font-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'")


def _nonce(handler: Any) -> str:
    """What the scripts of this answer carry; nobody can know it beforehand."""
    return handler.__dict__.setdefault("nonce", token_urlsafe(16))


@cache
def _event_hashes() -> str:
    """The hashes of what the attributes of formgrader's own templates run, as onclick="…"."""
    found = {code for path in sorted(TEMPLATES.rglob("*.*")) for code in AT_AN_EVENT.findall(path.read_text())}
    digests = (base64.b64encode(hashlib.sha256(code.encode()).digest()).decode() for code in sorted(found))
    return " ".join(f"'sha256-{digest}'" for digest in digests)


def _exporter(handler: Any) -> PageExporter:
    """The exporter for the configuration that formgrader has now, set to this answer."""
    config, settings = handler.settings["nbgrader_formgrader"].config, handler.settings
    if settings.get("page_exporter_config") != config:
        settings["page_exporter_config"], settings["page_exporter"] = deepcopy(config), PageExporter(config=config)
    exporter: PageExporter = settings["page_exporter"]
    exporter.nonce, exporter.server = _nonce(handler), urlsplit(f"//{handler.request.host}").hostname or ""
    return exporter


async def _prepare(handler: Any) -> None:
    """Refuse what no page of formgrader's asks for. Raises HTTPError."""
    await super(BaseHandler, handler).prepare()
    for name in (*handler.path_args, *handler.path_kwargs.values()):
        try:
            check_name(name or "")
        except Unreadable as error:
            raise web.HTTPError(404, f"there is no page for a name like this: {error}") from None
    if isinstance(handler, handlers.FormgraderHandler) and handler.get_argument("path", ""):
        _only_from_jupyterlab(handler.request.headers)


def _only_from_jupyterlab(headers: Any) -> None:
    """Raise HTTPError where another course is asked for by a link: formgrader would run its nbgrader_config.py."""
    if (headers.get("Sec-Fetch-Site"), headers.get("Sec-Fetch-Dest")) != ("same-origin", "iframe"):
        raise web.HTTPError(403, "another course is opened from JupyterLab's menu alone")


@cache
def _templates() -> Environment:
    return Environment(loader=OwnScripts(FileSystemLoader(TEMPLATES)))


def _render(handler: Any, name: str, **names: Any) -> str:
    """A page made of one of formgrader's own templates."""
    resources = {**names.pop("resources", {}), "nonce": _nonce(handler)}
    return _templates().get_template(name).render(resources=resources, **names)


async def _not_served(handler: Any, *_: Any, **__: Any) -> NoReturn:
    raise web.HTTPError(404, "files of a student's are not served; open them in an editor")
