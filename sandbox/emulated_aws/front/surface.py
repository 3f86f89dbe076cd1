"""Gap: ministack offers more than AWS's API (reset, configuration, files, WebSockets), all of it without a signature.

Any page in a browser of this machine could use those. The APIs of IAM, STS, Organizations and Service Quotas are one
path, so nothing else is answered.
"""

from sandbox.emulated_aws.front.asgi import Application, Receive, Scope, Send, plain_answer


def only_the_aws_api(inner: Application) -> Application:
    """Wrap an ASGI application: GET and POST on ``/`` pass, as does the lifespan; the rest is answered with 404."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or _is_aws_call(scope):
            await inner(scope, receive, send)
        elif scope["type"] == "http":
            await plain_answer(send, 404, "the emulated AWS accounts answer the AWS API alone, on the path /")
        else:
            await send({"type": "websocket.close", "code": 1008})

    return application


def _is_aws_call(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["path"] == "/" and scope["method"] in {"GET", "POST"}
