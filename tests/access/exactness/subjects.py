"""The subjects that a product of characters has."""

from access.exactness.steps import Product


def is_of(subject: str, places: Product) -> bool:
    return len(subject) == len(places) and all(
        character in characters for character, characters in zip(subject, places, strict=True)
    )
