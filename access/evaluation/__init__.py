"""Whether STS lets a token assume a role: AWS's documented rules for AssumeRoleWithWebIdentity, as a pure function.

It is a second opinion on the trust policies that this program renders, so it shares no code with what builds them;
import-linter checks that. Behaviour that AWS does not document is an ``EvaluationError``, never a guess.
"""
