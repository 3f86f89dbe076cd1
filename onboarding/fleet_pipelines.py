"""The steps of a bitbucket-pipelines.yml that run a fleet on several machines, wave by wave.

Sources: https://support.atlassian.com/bitbucket-cloud/docs/parallel-step-options/ (a later step gets the artifacts of
all parallel steps; a step after a parallel group begins when all of them succeeded) and
https://support.atlassian.com/bitbucket-cloud/docs/step-options/ (at most 100 steps).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from config.yaml.text import scalar
from onboarding.starter import NO_IMAGE
from onboarding.starter_pipelines import KEEP_TOKEN, profiles_command, state_line

MAX_STEPS = 100
"""Of a pipeline, those of parallel groups included."""

_REPORTS = "fleet-reports"

_NO_IMAGE = (
    "# This image does not exist: build yours (docs/guides/image.md of bitbucket-aws-oidc) and name it by --image.\n"
)


@dataclass(frozen=True, slots=True)
class FleetPipeline:
    """What the steps need.

    Attributes:
        inventory: The path of the inventory in the repository.
        waves: The waves in their order, each with its number of shards, at least 1.
        image: The image of the steps, with its digest.
        branch: ``main``.
        environment: The beginning of the names of deployment environments: ``fleet`` for ``fleet-canary-1``.
        pipeline_role: ARN of the role that the steps assume with their tokens.
        deploying_role: The name of the role in each account, for accounts that a profile enters; ``None`` if the
            inventory names the role of each account.
        state_url: The backend of the states, as ``PULUMI_BACKEND_URL`` takes it.
        max_failures: Failed accounts that are tolerated in all; ``None``: a failure stops the next wave.
    """

    inventory: str
    waves: tuple[tuple[str, int], ...]
    image: str
    branch: str
    environment: str
    pipeline_role: str
    deploying_role: str | None
    state_url: str
    max_failures: int | None = None

    @property
    def step_count(self) -> int:
        """The number of all steps: those of the shards, one after each wave but the last, and the joining one."""
        return sum(shards for _, shards in self.waves) + len(self.waves)

    def environments(self, wave: str, shards: int) -> tuple[str, ...]:
        """Return the names of the deployment environments of a wave's steps.

        Each step has one for itself: Bitbucket lets one step at a time into a deployment environment
        (https://support.atlassian.com/bitbucket-cloud/docs/concurrency-control/).
        """
        return tuple(f"{self.environment}-{wave}-{number}" for number in range(1, shards + 1))


def shards_of_waves(sizes: Sequence[tuple[str, int]], shards: int) -> tuple[tuple[str, int], ...]:
    """Return the number of shards of each wave: ``shards`` of the largest one, of the others in proportion.

    Args:
        sizes: The waves, each with its number of accounts.
        shards: At least 1.
    """
    largest = max((size for _, size in sizes), default=0)
    return tuple((name, max(1, min(size, -(-shards * size // max(1, largest))))) for name, size in sizes)


def fleet_pipelines_text(pipeline: FleetPipeline) -> str:
    """Return the text of the file."""
    return "".join([_head(pipeline), _definitions(pipeline), *_waves(pipeline)])


def _head(pipeline: FleetPipeline) -> str:
    names = [name for wave, shards in pipeline.waves for name in pipeline.environments(wave, shards)]
    return f"""\
# Waves follow each other; the shards of a wave run at the same time, and know nothing of each other.
# Create these deployment environments, all of one type. Restrict each to the branch {pipeline.branch} and to admins.
# Let the role {pipeline.pipeline_role} trust them:
#   {", ".join(names)}
{_NO_IMAGE if pipeline.image == NO_IMAGE else ""}image: {pipeline.image}
"""


def _definitions(pipeline: FleetPipeline) -> str:
    return f"""
definitions:
  lines:
    - &token |
      {_variables(pipeline)}
      {KEEP_TOKEN}
{_profiles(pipeline)}    - {state_line(pipeline.state_url)}

pipelines:
  branches:
    {scalar(pipeline.branch)}:
"""


def _variables(pipeline: FleetPipeline) -> str:
    if pipeline.deploying_role is not None:
        return 'export AWS_WEB_IDENTITY_TOKEN_FILE="$(mktemp)" AWS_CONFIG_FILE="$(mktemp)" AWS_PROFILE=pipeline'
    session = 'AWS_ROLE_SESSION_NAME="bitbucket-$BITBUCKET_BUILD_NUMBER"'
    return f'export AWS_WEB_IDENTITY_TOKEN_FILE="$(mktemp)" AWS_ROLE_ARN="{pipeline.pipeline_role}" {session}'


def _profiles(pipeline: FleetPipeline) -> str:
    if pipeline.deploying_role is None:
        return ""
    command = profiles_command(pipeline.inventory, pipeline.deploying_role, pipeline.pipeline_role)
    return f"    - &become-deployer >-\n      {command}\n"


def _waves(pipeline: FleetPipeline) -> Iterator[str]:
    for wave, shards in pipeline.waves:
        yield "      - parallel:\n          steps:\n"
        for number, environment in enumerate(pipeline.environments(wave, shards), 1):
            yield _shard(pipeline, wave, f"{number}/{shards}", environment)
        is_last = wave == pipeline.waves[-1][0]
        yield _join(pipeline, "*" if is_last else f"{wave}-*", "Join the reports" if is_last else f"Is {wave} whole?")


def _shard(pipeline: FleetPipeline, wave: str, shard: str, environment: str) -> str:
    become = "" if pipeline.deploying_role is None else "                  - *become-deployer\n"
    report = f"{_REPORTS}/{wave}-{shard.partition('/')[0]}.json"
    return f"""\
            - step:
                name: {scalar(f"{wave} {shard}")}
                deployment: {scalar(environment)}
                oidc: true
                script:
                  - *token
{become}                  - *state
                  - mkdir -p {_REPORTS}
                  - >-
                    bitbucket-oidc fleet up {pipeline.inventory} --wave {wave} --shard {shard}{_failures(pipeline)}
                    --report {report} || test $? = 1 # the next step tells of accounts that failed
                artifacts:
                  - {_REPORTS}/*.json
"""


def _join(pipeline: FleetPipeline, reports: str, name: str) -> str:
    return f"""\
      - step:
          name: {scalar(name)}
          script:
            - bitbucket-oidc fleet join {_REPORTS}/{reports}.json{_failures(pipeline)} --report fleet-report.json
          artifacts:
            - fleet-report.json
"""


def _failures(pipeline: FleetPipeline) -> str:
    return "" if pipeline.max_failures is None else f" --max-failures {pipeline.max_failures}"
