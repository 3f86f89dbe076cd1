"""A clock that only moves when somebody sleeps."""

from dataclasses import dataclass, field

from sandbox.aws_provider.retries import AwsRetries


@dataclass
class StoppedClock:
    """Counts the seconds of all sleeps; ``pauses`` has each."""

    pauses: list[float] = field(default_factory=list)

    def now(self) -> float:
        return sum(self.pauses)

    def retries(self, chance: float = 1.0) -> AwsRetries:
        return AwsRetries(self.now, self.pauses.append, lambda: chance)
