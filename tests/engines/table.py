"""How facts are shown: a line on the terminal, and the page docs/engines.md."""

VERDICTS = {True: "agrees", False: "CONTRADICTS", None: "-"}


def line(fact):
    """One fact on the terminal."""
    return f"{VERDICTS[fact.agrees]:11} {fact.server} | {fact.question} | {fact.seen} | catalogue: {fact.says}"
