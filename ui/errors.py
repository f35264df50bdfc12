"""A `UserError` as an HTTP response, in the form that its reader expects."""

from typing import Any

from fastapi import Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response

from index.errors import UserError
from rag.i18n import LANGUAGES, explain

_STATUS = {
    "login": 401,
    "token_wrong": 401,
    "origin_foreign": 403,
    "document_unknown": 404,
    "model_not_found": 404,
    "url_unknown": 404,
    "method_unknown": 405,
    "body_large": 413,
    "host_unknown": 421,
    "busy": 429,
    "too_many": 429,
    "unexpected": 500,
    "starting": 503,
}


def wording(error: UserError) -> dict[str, str]:
    """The sentence of an error in every language, so that the page can switch."""
    return {language: explain(error, language) for language in LANGUAGES}


def respond(error: UserError, path: str) -> Response:
    """The response to a request for this path: OpenAI's form under `/v1`, JSON for the page's
    scripts under `/cocorico`, else plain text."""
    # A model that is absent or damaged is not the program's mistake, and may be mended meanwhile.
    status = _STATUS.get(error.code, 503 if error.code.startswith("model_") else 400)
    headers = {}
    if error.code == "login":
        headers["www-authenticate"] = 'Basic realm="Cocorico", charset="UTF-8"'
    if path.startswith("/v1/"):
        return JSONResponse({"error": openai_error(error, status)}, status, headers)
    if path.startswith("/cocorico/"):
        return JSONResponse({"error": wording(error)}, status, headers)
    return PlainTextResponse("\n".join(wording(error).values()), status, headers)


def openai_error(error: UserError, status: int = 500) -> dict[str, str | None]:
    """The `error` object of OpenAI's API. Its clients retry after 429 and after 500 and above."""
    client_s_fault = status < 500 and status != 429
    return {
        "message": explain(error, "en"),
        "type": "invalid_request_error" if client_s_fault else "server_error",
        "code": error.code,
        "param": None,
    }


async def _of_user(request: Request, error: UserError) -> Response:
    path = request.url.path
    if path.startswith("/cocorico/"):  # no error status: browsers log those as faults of the page
        return JSONResponse({"error": wording(error)})
    return respond(error, path)


async def _of_validation(request: Request, error: RequestValidationError) -> Response:
    wrong = (f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}" for each in error.errors())
    return respond(UserError("invalid_request", reason="; ".join(wrong)), request.url.path)


async def _of_http(request: Request, error: HTTPException) -> Response:
    if not request.url.path.startswith("/v1/"):
        return await http_exception_handler(request, error)
    shown = openai_error(UserError("invalid_request", reason=error.detail), error.status_code)
    return JSONResponse({"error": shown}, error.status_code, error.headers)


async def _of_bug(request: Request, error: Exception) -> Response:
    return respond(UserError("unexpected", detail=type(error).__name__), request.url.path)


HANDLERS: dict[Any, Any] = {
    UserError: _of_user,
    RequestValidationError: _of_validation,
    HTTPException: _of_http,
    Exception: _of_bug,
}
"""FastAPI's `exception_handlers`."""
