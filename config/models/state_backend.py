"""Where the state of the program is kept, and which roles are meant to reach it."""

from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, model_validator

from config.aws_values import AccountIdText
from config.faults import each_once, fault
from config.models.base import InventoryModel
from config.models.trust import a_list
from config.scalars import Slug, parse_text
from config.written import EACH_ONCE, Looks, example
from oidc.state_backend import STATE_URL, parse_state_url


def _state_url(value: object) -> str:
    text = parse_text(value)
    if parse_state_url(text) is None:
        if not text.startswith("s3://"):
            hint = "write s3://BUCKET?region=…; a state that is not in AWS is out of reach of roles: leave the key out"
        elif "prefix=" in text:
            hint = "write the prefix as a path: s3://BUCKET/PATH"
        elif "endpoint=" in text:
            hint = "a state that is not in AWS is out of reach of roles: leave the key out"
        else:
            hint = "write s3://BUCKET, s3://BUCKET/PATH or s3://BUCKET?region=…, as for `pulumi login`"
        raise fault("bad-value", f"not the URL of a bucket of S3: {text!r}", hint)
    return text


StateUrl = Annotated[
    str,
    BeforeValidator(_state_url),
    Looks(
        "state URL",
        "s3://BUCKET, s3://BUCKET/PATH or s3://BUCKET?region=…, as for `pulumi login`",
        "s3://acme-access-state?region=eu-west-1",
        STATE_URL,
    ),
]
_RoleKeys = Annotated[tuple[Slug, ...], BeforeValidator(a_list), AfterValidator(each_once), EACH_ONCE]


class StateBackend(InventoryModel):
    """Where Pulumi keeps the state of this program. No role reaches it but those that are named here."""

    expected = 'where the state is: {url: "s3://BUCKET?region=…", account_id: "…", readers: […], writers: […]}'

    url: Annotated[StateUrl, example("s3://acme-access-state?region=eu-west-1", since="0.1")]
    """The bucket, as `pulumi login` and `PULUMI_BACKEND_URL` take it."""
    account_id: Annotated[AccountIdText, example("999999999999", since="0.1")]
    """The account that the bucket is in. Roles of other accounts are judged by what names the bucket alone."""
    readers: Annotated[_RoleKeys, example(["access-preview"], since="0.1")] = ()
    """Keys of the roles that may read the state: those of pipelines that preview."""
    writers: Annotated[_RoleKeys, example(["access-deploy"], since="0.1")] = ()
    """Keys of the roles that may read and write it: those of pipelines that deploy."""

    @model_validator(mode="after")
    def _each_is_one_of_the_two(self) -> Self:
        for index, key in enumerate(self.readers):
            if key in self.writers:
                hint = "take it out of `readers`: who may write may read"
                raise fault("duplicate", f"{key} is one of the writers, too", hint, ("readers", index))
        return self
