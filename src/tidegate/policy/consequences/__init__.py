"""From signals to consequences: what Meta says and does, and what follows for the sends that it concerns.

`readers` turns events, errors and reads into signals (`signal`, named by `vocabulary`); `rule` is one rule as an
operator writes it, `defaults` the rules in force without a word, `rulebook` both together and what they say of a
signal; `effect` is what is then to be done.
"""
