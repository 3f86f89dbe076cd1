"""The one place where calls meet the table of steps: after ministack's authorisation, before its services."""

from collections.abc import Callable, Mapping

from sandbox.emulated_aws.inner import Handler, Inner
from sandbox.emulated_aws.query import Answer, Call, Proceed, RefusalError, Step, parse_params


def dispatching(
    service: str, inner: Inner, every: Step, table: Mapping[str, tuple[Step, ...]]
) -> Callable[[Handler], Handler]:
    """Return what wraps the handler of ``iam`` or ``sts``: ``every`` step first, then those that ``table`` has."""

    def wrap(handler: Handler) -> Handler:
        async def serve(
            method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
        ) -> Answer:
            async def innermost(call: Call) -> Answer:
                # All parameters as a query string: what was checked is what is done, and an empty value stays.
                return await handler(method, path, headers, b"", call.query())

            try:
                params = parse_params(method, headers.get("content-type", ""), body, query)
                call = Call(service, inner.account(), inner.caller(), params)
                return await _chain((every, *table.get(f"{service}:{call.action}", ())), innermost)(call)
            except RefusalError as refusal:
                return refusal.answer(service)

        return serve

    return wrap


def _chain(steps: tuple[Step, ...], last: Proceed) -> Proceed:
    if not steps:
        return last
    following = _chain(steps[1:], last)

    async def proceed(call: Call) -> Answer:
        return await steps[0](call, following)

    return proceed
