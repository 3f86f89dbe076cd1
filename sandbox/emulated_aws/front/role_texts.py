"""Gap: ministack writes a role's texts into XML as they are, so ``R&D`` makes an answer that no client can read."""

from xml.sax.saxutils import escape

from sandbox.emulated_aws.query import Answer, Call, Proceed, RefusalError

_UNWRITABLE = frozenset("&<")


async def escape_texts(call: Call, proceed: Proceed) -> Answer:
    """Hand the description of CreateRole, UpdateRole and UpdateRoleDescription over as XML text.

    Its length has been checked before. One with so many ``&`` that the escaped form is longer than 1,000 characters is
    refused by ministack.

    A path is part of the ARN, by which policies name the role, so it cannot be escaped: one that AWS would take but
    that has ``&`` or ``<`` in it is refused here, where it would break ListRoles for the whole account.
    """
    if not _UNWRITABLE.isdisjoint(call.params.get("Path", "")):
        message = "The sandbox cannot hold a role whose path has & or < in it, though AWS can."
        raise RefusalError("InvalidInput", message)
    description = call.params.get("Description")
    if description is None:
        return await proceed(call)
    return await proceed(call.with_params(Description=escape(description)))
