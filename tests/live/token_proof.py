"""A pipeline that shows with genuine tokens who gets in: a step of one deployment environment, and none of another.

The role cannot be asked from outside of Bitbucket Pipelines, so a person commits the pipeline, runs it, and says how it
ended.
"""

import select
from typing import IO

import yaml

from tests.live.throw_away_account import LiveSettings

_STS = "https://sts.us-east-1.amazonaws.com/"
MINUTES = 30
"""How long the role is kept for the pipeline."""

QUESTION = f"Type `passed` or `failed` within {MINUTES} minutes:"

_ASK = """\
$(printf %s "$BITBUCKET_STEP_OIDC_TOKEN" | curl --silent --max-time 20 {sts}
                --data Action=AssumeRoleWithWebIdentity --data Version=2011-06-15 --data RoleSessionName=live
                --data-urlencode RoleArn={arn} --data-urlencode WebIdentityToken@- |
                grep -Eo '<(Code|Arn)>[^<]*' || true)"""
"""Asks STS for a session; of the answer only an error's code or the session's ARN is kept, never credentials."""

_PIPELINE = """\
pipelines:
  custom:
    bitbucket-oidc-live:
      - step:
          name: {admitted_name}
          deployment: {admitted}
          oidc: true
          script:
            - |
              for pause in 0 5 10 15; do  # STS may not know a role that is seconds old
                sleep $pause
                answer={ask}
                case "$answer" in "<Arn>"*) break ;; esac
              done
              echo "STS answers: $answer"
              case "$answer" in "<Arn>"*) ;; *) exit 1 ;; esac
      - step:
          name: {refused_name}
          deployment: {refused}
          oidc: true
          script:
            - |
              answer={ask}
              echo "STS answers: $answer"
              test "$answer" = "<Code>AccessDenied"
"""


def pipeline(settings: LiveSettings, arn: str) -> str:
    """Return a bitbucket-pipelines.yml that passes only if the first step gets in and the second one does not.

    The second step runs after the first, so its refusal does not mean that STS does not know the role yet.
    """
    ask = _ASK.format(sts=settings.endpoint or _STS, arn=arn).replace("\n", " \\\n")
    return _PIPELINE.format(
        ask=ask,
        admitted=_quoted(settings.environment),
        admitted_name=_quoted(f"A token of {settings.environment} gets in"),
        refused=_quoted(settings.other_environment),
        refused_name=_quoted(f"A token of {settings.other_environment} does not get in"),
    )


def _quoted(text: str) -> str:
    return str(yaml.safe_dump(text, default_style='"', width=10_000, allow_unicode=True)).strip()


def answered(stream: IO[str], seconds: float) -> str:
    """Return what a person types, or nothing after this time or at the end of the input."""
    ready, _, _ = select.select([stream], [], [], seconds)
    return stream.readline().strip() if ready else ""
