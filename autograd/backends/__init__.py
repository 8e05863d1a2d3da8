"""Backends: the rules of ops.py, written in another language.

A backend is a `Namespace` whose numbers are registers. An op's rule runs on it once; what the rule
does to its registers comes out as code. So a backend has no list of ops and no code for any of
them: a new op is in every backend as soon as it is declared. What it must supply are the names that
`Floats` has (floats.py), `where` among them, and the operators of its registers.

    registers.py    what registers of every backend do
    js.py           JavaScript, for pages that compute in the browser
    llvm.py         LLVM's language, for machine code
"""
